"""The outputs of timm's inference.py, of PanDerm's linear probe and of scikit-learn become answers files."""

import runpy
import sys

import numpy as np
import pandas as pd
import pytest

from dermimit.benchmark import benchmark, read_answers_file
from dermimit.cli import main
from studies.shared.paths import ROOT

TO = benchmark("pad_ufes_20_948")
CLASSES = list(TO.diseases)
EXAMPLES = ROOT / "studies/benchmark/examples"


@pytest.fixture(scope="module")
def probabilities():
    """(948, 6) float32 in the order of the benchmark, as a network gives them."""
    logits = np.random.default_rng(0).normal(size=(len(TO.frame), len(CLASSES)))
    return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def run(monkeypatch):
    """Runs an example as a program; returns why it ended early: its exit status or message, None if it did not."""

    def started(example, *words):
        path = EXAMPLES / f"{example}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, words)])
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            return end.code

    return started


@pytest.fixture
def converted(run, tmp_path):
    """The answers that an example makes of files."""

    def made(example, files):
        out = tmp_path / "answers.csv"
        assert run(example, *files, "--classes", *CLASSES, "--out", out) is None
        return read_answers_file(out, TO).disease

    return made


def by_fold(write, tmp_path, suffix=".csv"):
    """A file for each fold, from `write(photographs, path)`."""
    files = []
    for fold in range(5):
        files.append(tmp_path / f"fold_{fold}{suffix}")
        write(np.flatnonzero(TO.frame["fold"] == fold), files[-1])
    return files


def timm_table(p, names, top_k, separate, include_index):
    """The table that timm 1.0's inference.py builds (its lines on data_dict)."""
    index = None
    if top_k:
        index = np.argsort(-p, axis=1)[:, :top_k]
        p = np.take_along_axis(p, index, axis=1)
    table = {"filename": names}
    if separate:
        if include_index and top_k:
            table |= {f"index_{i}": index[:, i] for i in range(top_k)}
        table |= {f"prob_{i}": p[:, i] for i in range(p.shape[1])}
    else:
        if include_index and top_k:
            table["index"] = list(index)
        table["prob"] = list(p)
    return pd.DataFrame(table)


@pytest.mark.parametrize(
    ("top_k", "separate", "index", "suffix"),
    [(0, True, False, ".csv"), (0, False, False, ".csv"), (6, True, True, ".csv"), (6, False, True, ".parquet")],
)
def test_timm(converted, probabilities, tmp_path, top_k, separate, index, suffix):
    def write(rows, path):
        names = [f"{name}.jpg" for name in TO.frame["image"].iloc[rows]]
        table = timm_table(probabilities[rows], names, top_k, separate, index)
        table.set_index("filename").to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)

    found = converted("from_timm", by_fold(write, tmp_path, suffix))
    np.testing.assert_allclose(found, probabilities, atol=1e-5)


@pytest.mark.parametrize(("top_k", "said"), [(1, "run inference.py with --topk 0"), (6, "so their classes are lost")])
def test_timm_without_all_classes_is_refused(run, probabilities, tmp_path, top_k, said):
    path = tmp_path / "fold_0.csv"
    timm_table(probabilities, list(TO.frame["image"]), top_k, True, False).to_csv(path, index=False)
    assert said in run("from_timm", path, "--classes", *CLASSES, "--out", tmp_path / "answers.csv")


def test_panderm(run, converted, probabilities, tmp_path):
    def write(rows, path):
        table = pd.DataFrame(probabilities[rows], columns=[f"probability_class_{i}" for i in range(len(CLASSES))])
        table.insert(0, "predicted_label", probabilities[rows].argmax(axis=1))
        table.insert(0, "true_label", TO.frame["disease"].iloc[rows].map(CLASSES.index).to_list())
        table.insert(0, "filename", [f"{name}.jpg" for name in TO.frame["image"].iloc[rows]])
        table.to_csv(path, index=False)

    files = by_fold(write, tmp_path)
    np.testing.assert_allclose(converted("from_panderm", files), probabilities, atol=1e-5)
    said = run("from_panderm", *files, "--classes", "MEL", "NEV", "--out", tmp_path / "answers.csv")
    assert "probabilities of 6 classes, and 2 classes are given" in said


def test_scikit_learn_from_features_to_scores(run, tmp_path, capsys):
    rng = np.random.default_rng(1)
    features = pd.DataFrame(rng.normal(size=(len(TO.frame), 8)), index=TO.frame["image"].rename("image"))
    for place, disease in enumerate(CLASSES):
        features.loc[(TO.frame["disease"] == disease).to_numpy(), place] += 1.5
    features.sample(frac=1, random_state=0).to_csv(tmp_path / "features.csv")
    assert main(["benchmark", "show", TO.name, "--out", str(tmp_path / "folds.csv")]) == 0
    out = tmp_path / "answers.csv"
    assert run("from_scikit_learn", tmp_path / "features.csv", tmp_path / "folds.csv", "--out", out) is None
    assert main(["score", str(out), "--benchmark", TO.name, "--out", str(tmp_path / "scores.json")]) == 0
    assert "macro-F1" in capsys.readouterr().out
    assert (read_answers_file(out, TO).disease.argmax(1) == TO.frame["disease"].map(CLASSES.index)).mean() > 0.4
