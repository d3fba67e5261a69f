"""Measure rare, few and unseen diseases on finished runs, once, for the book to quote.

Every run answers photographs that are drawn anew, equally many of each disease, so that a rare disease is measured as
well as a common one.

Run: python -m studies.rare_diseases.measure results/runs/published/synderm results/runs/published/synderm-evidence

With --keep, what an earlier record holds of runs that are not at hand stays in it; the photographs are the same.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import tyro
from sklearn.metrics import roc_auc_score

from dermimit import data
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.evaluate.conformal import p_values
from dermimit.evaluate.resampling import percentile_interval
from dermimit.records import provenance, read_json, write_json, write_parquet
from dermimit.train.run import Run, load_run
from studies.rare_diseases import few_shot, novelty
from studies.shared.paths import PUBLISHED, ROOT

TEST_SEED, EXAMPLES_SEED = 1_000_004, 1_000_005  # of no split of a dataset that `dermimit data synderm` would write
PER_DISEASE, EXAMPLES = 60, 30
SHOTS, REPEATS = (1, 2, 5, 10, 20), 10
MISS = 0.1
NAMES = LABEL_SPACE.diseases


def main(
    ablation: Annotated[Path, tyro.conf.Positional],
    evidence: Annotated[Path, tyro.conf.Positional],
    root: Path | None = None,
    keep: bool = False,
    out: Path = ROOT / PUBLISHED / "rare_diseases",
) -> None:
    """Measure and write the records.

    Args:
        ablation: folder of the runs of the ablation, with their weights.
        evidence: folder of the evidence runs: tables reference and rare_diseases.
        root: folder of the dataset; without it the one that the runs were trained on.
        keep: add to the record that is there.
        out: folder of the records.
    """
    out.mkdir(parents=True, exist_ok=True)
    earlier = read_json(out / "record.json") if keep else {"few_shot": {}, "unseen": []}
    torch.set_num_threads(1)
    started, first = time.time(), load_run(evidence / "reference/full-seed0")
    photos = data.load("synderm", root or first.config.data_root, first.preprocessing)
    images, labels = drawn(PER_DISEASE, TEST_SEED, first.preprocessing)
    folders = {path.name.replace("-seed", "/"): path for path in sorted(ablation.glob("*-seed*"))}
    for table in ("reference", "rare_diseases"):
        runs = sorted((evidence / table).glob("*-seed*"))
        folders |= {f"{table}:{path.name.replace('-seed', '/')}": path for path in runs}
    answers = {"truth": labels["disease"].astype(np.int8)}
    if keep:
        answers |= earlier_answers(out / "answers.parquet", answers["truth"])
    for name, folder in sorted(folders.items()):
        if not (folder / "metrics.json").is_file():
            continue
        _, logits = novelty.features_and_logits(load_run(folder).model, images)
        answers[name] = logits["disease"].argmax(1).astype(np.int8)
        print(name, round(float((answers[name] == answers["truth"]).mean()), 4), flush=True)
    write_parquet(out / "answers.parquet", pd.DataFrame(dict(sorted(answers.items(), key=order))))

    train = photos.frame[photos.frame["split"] == "train"]["disease"]
    counts = train.value_counts().reindex(NAMES, fill_value=0).astype(int).to_dict()
    at_hand = [row for row in ("full", "D") if (ablation / f"{row}-seed0/metrics.json").is_file()]
    shots = earlier["few_shot"] | {row: of_few(load_run(ablation / f"{row}-seed0"), images, labels) for row in at_hand}
    lines = {f"{line['row']}/{line['seed']}": line for line in earlier["unseen"]}
    for name in sorted(n.split(":")[1] for n in folders if "_unseen/" in n):
        lines[name] = of_unseen(name, folders[f"rare_diseases:{name}"], folders, photos, images, labels)
    unseen = [line for _, line in sorted(lines.items())]
    facts = provenance(photos.frame, started, {"device": "cpu", "photographs": len(images), "seed": TEST_SEED})
    record = {"counts": counts, "few_shot": shots, "unseen": unseen, "miss": MISS, "provenance": facts}
    write_json(out / "record.json", record)


def earlier_answers(path: Path, truth: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of an earlier file of answers.

    Raises:
        ValueError: they are answers for other photographs.
    """
    frame = pd.read_parquet(path)
    if not np.array_equal(frame["truth"], truth):
        raise ValueError(f"{path}: answers for other photographs; measure all runs again, without --keep")
    return {name: frame[name].to_numpy() for name in frame.columns}


def order(column: tuple[str, Any]) -> tuple[int, str]:
    """The truth first, then the ablation, the reference and the remedies."""
    name = column[0]
    return (0 if name == "truth" else 1 + ("reference:" in name) + 2 * ("rare_diseases:" in name), name)


def drawn(per_disease: int, seed: int, preprocessing: Preprocessing) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """The same number of photographs of every disease: the first ones of a dataset with an even prior."""
    dataset = SynDerm(3 * per_disease * len(NAMES), seed, preprocessing.size, prior=[1.0] * len(NAMES))
    chosen, left = [], dict.fromkeys(NAMES, per_disease)
    for i in range(len(dataset)):
        disease = dataset.labels(i).disease
        if left[disease]:
            left[disease] -= 1
            chosen.append(i)
    cases = [dataset[i] for i in chosen]
    pixels = torch.from_numpy(np.stack([case.image for case in cases])).permute(0, 3, 1, 2)
    labels = [dataset.labels(i) for i in chosen]
    present = np.array([[a in x.attributes for a in LABEL_SPACE.attributes] for x in labels])
    disease = np.array([NAMES.index(x.disease) for x in labels])
    return preprocessing.normalise(pixels), {"disease": disease, "attributes": present}


def of_few(run: Run, images: torch.Tensor, labels: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Accuracy of prototypes from few examples of each disease: mean and sd over draws of the examples."""
    examples, known = drawn(EXAMPLES, EXAMPLES_SEED, run.preprocessing)
    given, _ = novelty.features_and_logits(run.model, examples)
    asked, logits = novelty.features_and_logits(run.model, images)
    truth, lines = labels["disease"], []
    for shots in SHOTS:
        right = [prototype_answers(given, known["disease"], asked, shots, repeat) == truth for repeat in range(REPEATS)]
        recalls = np.array([[r[truth == c].mean() for c in range(len(NAMES))] for r in right])
        lines.append({"shots": shots, "recall": recalls.mean(0).tolist(), "accuracy": float(np.mean(right)),
                      "sd": float(np.std([r.mean() for r in right], ddof=1))})  # fmt: skip
    usual = logits["disease"].argmax(1) == truth
    recall = [float(usual[truth == c].mean()) for c in range(len(NAMES))]
    return [*lines, {"shots": None, "recall": recall, "accuracy": float(usual.mean())}]


def prototype_answers(given: np.ndarray, of: np.ndarray, asked: np.ndarray, shots: int, repeat: int) -> np.ndarray:
    """What the nearest prototype says."""
    return few_shot.nearest(asked, few_shot.prototypes(given, of, len(NAMES), shots, np.random.default_rng(repeat)))


def of_unseen(
    name: str, folder: Path, folders: dict[str, Path], photos: data.PhotoSet, images: torch.Tensor, labels: dict
) -> dict[str, Any]:
    """How strange diseases look that a run has never seen, whether it says "none of these", and what it names all the
    same."""
    run, seed = load_run(folder), name.split("/")[1]
    hidden = run.config.unseen.split("; ")
    new = np.isin(labels["disease"], [NAMES.index(d) for d in hidden])
    seen = np.array([d not in hidden for d in NAMES])
    features, logits = novelty.features_and_logits(run.model, images)
    scores = novelty.from_logits(logits["disease"][:, seen])
    train, of = some(photos, "train", hidden, 4900)
    theirs, _ = novelty.features_and_logits(run.model, train)
    scores["mahalanobis"] = novelty.mahalanobis(theirs, of, features)
    line: dict[str, Any] = {"row": name.split("/")[0], "seed": int(seed), "hidden": hidden}
    line["scores"] = {kind: novelty.with_intervals(value[~new], value[new]) for kind, value in scores.items()}
    truth = labels["disease"]
    line["auroc_by_disease"] = {
        d: {kind: novelty.auroc(v[~new], v[truth == NAMES.index(d)]) for kind, v in scores.items()} for d in hidden
    }
    line["none_of_these"] = none_of_these(run, photos, hidden, scores, features, new, theirs, of, seen)
    line["few_shot"] = unseen_shots(run, features, truth, new)
    if "attributes" in logits:
        whole = (
            folders[f"reference:full/{seed}"] if f"reference:full/{seed}" in folders else folders["reference:full/0"]
        )
        _, with_them = novelty.features_and_logits(load_run(whole).model, images)
        both = {"without": logits["attributes"], "with": with_them["attributes"]}
        line["attributes"] = {kind: attributes(z, labels["attributes"], new) for kind, z in both.items()}
    print(name, {k: round(v["auroc"], 3) for k, v in line["scores"].items()}, line.get("attributes"), flush=True)
    return line


def none_of_these(run, photos, hidden, scores, features, new, theirs, of, seen) -> dict[str, dict[str, float]]:
    """With a false alarm for `MISS` of known photographs: how many known and new ones get "none of these"."""
    val, _ = some(photos, "val", hidden, None)
    val_features, val_logits = novelty.features_and_logits(run.model, val)
    calibration = novelty.from_logits(val_logits["disease"][:, seen])
    calibration["mahalanobis"] = novelty.mahalanobis(theirs, of, val_features)
    found = {}
    for kind, value in scores.items():
        refused = p_values(calibration[kind], value) < MISS
        found[kind] = {"known": float(refused[~new].mean()), "new": float(refused[new].mean())}
    return found


def some(photos: data.PhotoSet, split: str, hidden: list[str], n: int | None) -> tuple[torch.Tensor, np.ndarray]:
    """The first photographs of a split that show none of the hidden diseases, and their diseases."""
    part = photos.photos(split)
    rows = np.flatnonzero(~part.frame["disease"].isin(hidden).to_numpy())[:n]
    images = torch.stack([part[int(i)]["image"] for i in rows])
    return images, np.array([NAMES.index(d) for d in part.frame["disease"].iloc[rows]])


def unseen_shots(run: Run, features: np.ndarray, truth: np.ndarray, new: np.ndarray) -> list[dict[str, float]]:
    """Recall of the hidden diseases, among all 49, by prototypes: what a few examples give without any training."""
    examples, known = drawn(EXAMPLES, EXAMPLES_SEED, run.preprocessing)
    given, _ = novelty.features_and_logits(run.model, examples)
    lines = []
    for shots in SHOTS:
        said = [prototype_answers(given, known["disease"], features, shots, repeat) for repeat in range(REPEATS)]
        recalls = [float((s == truth)[new].mean()) for s in said]
        others = [float((s == truth)[~new].mean()) for s in said]
        lines.append({"shots": shots, "recall": float(np.mean(recalls)), "sd": float(np.std(recalls, ddof=1)),
                      "known_recall": float(np.mean(others))})  # fmt: skip
    return lines


def attributes(logits: np.ndarray, truth: np.ndarray, new: np.ndarray, least: int = 10) -> dict[str, float]:
    """Mean AUROC of the attributes on photographs of the hidden diseases, with a 95 % interval by photograph."""
    z, t = logits[new], truth[new]
    kept = [j for j in range(t.shape[1]) if least <= t[:, j].sum() <= len(t) - least]

    def mean(rows: np.ndarray) -> float:
        both = [j for j in kept if 0 < t[rows, j].sum() < len(rows)]
        return float(np.mean([roc_auc_score(t[rows, j], z[rows, j]) for j in both]))

    rng = np.random.default_rng(0)
    low, high = percentile_interval(np.array([mean(rng.integers(len(t), size=len(t))) for _ in range(300)]))
    return {"auroc": mean(np.arange(len(t))), "low": low, "high": high, "attributes": len(kept), "photographs": len(t)}


if __name__ == "__main__":
    tyro.cli(main)
