"""Anybody's answers to a benchmark: scored where they can be, and refused by row and remedy where not."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.metrics import f1_score

from dermimit.benchmark import AnswersError, Given, benchmark, difference, names, read_answers_file, report, verify
from dermimit.benchmark.benchmarks import rule_of
from dermimit.benchmark.looks import looks_of, read_looks
from dermimit.benchmark.tasks import truth_of_task
from dermimit.benchmark.text import differences_as_text
from dermimit.cli import main
from dermimit.data import pad_ufes_20
from dermimit.data.folds import folds
from dermimit.data.stored import load_dataset
from dermimit.data.synderm import datasheet, write
from dermimit.records import read_json
from studies.shared.paths import PUBLISHED, ROOT

verifying = import_module("dermimit.benchmark.verify")
TO = benchmark("pad_ufes_20_948")
FOLDER = ROOT / PUBLISHED / "benchmark" / TO.name
WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "accelerate"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from dermimit.benchmark.benchmarks import rule_of
from dermimit.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture
def answers():
    """Probabilities that know something, as a table in another order than the benchmark's."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(len(TO.frame), len(TO.diseases)))
    logits[np.arange(len(logits)), [TO.diseases.index(d) for d in TO.frame["disease"]]] += 1.0
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame(p, columns=list(TO.diseases)).assign(image=TO.frame["image"] + ".png")
    return table.sample(frac=1, random_state=1)


def saved(table, tmp_path, name="answers.csv"):
    path = tmp_path / name
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", [name for name in names() if not rule_of(name)])
def test_no_patient_is_in_two_folds_and_every_fold_has_every_disease(name):
    to = benchmark(name)
    assert to.frame.groupby("patient_id")["fold"].nunique().max() == 1
    assert (to.counts.loc[list(to.diseases)] > 0).all(axis=None)
    assert len(to.counts.columns) == (3 if to.dataset == "synderm" else 7)
    assert not to.frame["image"].duplicated().any()


def test_the_whole_set_has_the_official_counts():
    frame, official = benchmark("pad_ufes_20").frame, pad_ufes_20.OFFICIAL
    assert (len(frame), frame["patient_id"].nunique()) == (official["images"], official["patients"])
    assert frame["disease"].value_counts().to_dict() == official["disease"]


@pytest.mark.parametrize("name", ["pad_ufes_20", "pad_ufes_20_948"])
def test_folds_are_those_that_the_loader_makes(name):
    frame = benchmark(name).frame
    assert (folds(frame) == frame["fold"]).all()


def test_scores_are_those_of_scikit_learn_and_the_order_of_rows_does_not_matter(answers, tmp_path):
    p = read_answers_file(saved(answers, tmp_path), TO)
    found = report(TO, p, resamples=200)
    guess = np.array(TO.diseases)[p.disease.argmax(1)]
    assert found["macro_f1"] == pytest.approx(f1_score(TO.frame["disease"], guess, average="macro"))
    assert found["macro_f1_low"] < found["macro_f1"] < found["macro_f1_high"]
    assert found["recall"]["MEL"][0] == pytest.approx((guess == "MEL")[TO.frame["disease"] == "MEL"].mean())
    assert sum(line["photographs"] for line in found["skin_types"].values()) == len(TO.frame)
    assert "accuracy" not in found["skin_types"]["type 6"], "one photograph has no score"
    again = read_answers_file(saved(answers.sort_values("image"), tmp_path, "other.parquet"), TO)
    assert np.allclose(p.disease, again.disease)


def test_names_of_classes_and_files_are_read_in_usual_spellings(answers, tmp_path):
    other = answers.rename(columns={**TO.classes, "MEL": "Melanoma"})
    other["image"] = "imgs_part_1/" + other["image"]
    told = [read_answers_file(saved(table, tmp_path), TO).disease for table in (other, answers)]
    assert np.allclose(*told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="image"), "no column 'image'"),
        (lambda t: t.drop(columns="MEL"), r"no column for MEL \(melanoma\)"),
        (lambda t: t.assign(XYZ=0), "column 'XYZ' is no disease of"),
        (lambda t: t.assign(melanoma=0), "two columns for one class"),
        (lambda t: t.iloc[:-3], "3 of 948 photographs have no answer: PAT_"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "row 950: PAT_.* is answered twice"),
        (lambda t: t.replace({"image": {t["image"].iloc[2]: "PAT_0_0_0.png"}}), "row 4: 'PAT_0_0_0' is no photograph"),
        (
            lambda t: t.assign(MEL=t["MEL"] + 0.01),
            r"row 2: the probabilities add up to 1.0100, not to 1 \(948 rows\); keep more decimals",
        ),
        (lambda t: t.assign(MEL=-t["MEL"]), "row 2, column MEL: -.* is no probability; logits become"),
        (lambda t: t.assign(MEL=np.nan), "row 2, column MEL: an empty cell or NaN is no probability; give every class"),
        (lambda t: t.assign(**t[list(TO.diseases)] * 100), "is no probability; these are percentages: divide by 100"),
        (lambda t: t.assign(MEL="25%"), r"row 2, column MEL: '25%' is no number; write 0.25 for 25 %"),
        (lambda t: t.round({d: 2 for d in TO.diseases}), r"not to 1 \(\d+ rows\); keep more decimals"),
        (
            lambda t: t.rename(columns={"image": "pictures"}),
            "no column 'image'.*rename the one that names the photographs",
        ),
        (lambda t: t.assign(MEL=["high", *t["MEL"].iloc[1:]]), "row 2, column MEL: 'high' is no number"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_its_row(answers, tmp_path, change, message):
    with pytest.raises(AnswersError, match=message):
        read_answers_file(saved(change(answers), tmp_path), TO)


def test_a_table_of_predictions_is_read_as_it_is_and_scored_for_every_task(answers, tmp_path, capsys):
    table = answers.set_index("image").reindex(TO.frame["image"] + ".png")
    table = table.rename(columns={d: f"disease: {d}" for d in TO.diseases}).reset_index(names="file")
    table["disease_1"], table["error"] = "MEL", None
    known = TO.frame["body_part"].notna()
    for place in TO.body_parts:
        table[f"body_part: {place}"] = np.where(known, TO.frame["body_part"] == place, 1 / len(TO.body_parts))
    labels = list(zip(TO.frame["attributes"], TO.frame["attributes_unknown"], strict=True))
    for sign in TO.attributes:
        table[f"attributes: {sign}"] = [float(sign in there or sign in gone) for there, gone in labels]
    given = read_answers_file(saved(table, tmp_path), TO)
    found = report(TO, given, resamples=50)
    assert found["body_part"]["accuracy"] == 1 and found["body_part"]["photographs"] == known.sum()
    assert found["attributes"]["map"] == pytest.approx(1), "unknown labels count nothing"
    assert 0 < found["attributes"]["known"] <= 1 and found["attributes"]["chance_map"] < 1
    assert main(["score", str(tmp_path / "answers.csv"), "--benchmark", TO.name]) == 0
    assert re.search(r"body part \(\d+ photographs with a label\)\n.*macro-F1 +1.000", capsys.readouterr().out)
    with pytest.raises(AnswersError, match="no column for FACE"):
        read_answers_file(saved(table.drop(columns="body_part: FACE"), tmp_path), TO)


def test_the_row_of_a_wrong_sum_is_that_of_the_file(answers, tmp_path):
    answers.iloc[7, answers.columns.get_loc("MEL")] += 0.5
    with pytest.raises(
        AnswersError, match=r"row 9: the probabilities add up to 1.5000, not to 1 \(1 rows\); mend these rows"
    ):
        read_answers_file(saved(answers, tmp_path), TO)


def test_tables_of_excel_and_ids_with_zeros_in_front_are_read(answers, tmp_path):
    path = tmp_path / "excel.csv"
    answers.to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig", lineterminator="\r\n")
    assert np.allclose(read_answers_file(path, TO).disease, read_answers_file(saved(answers, tmp_path), TO).disease)
    answers.set_index("image").to_parquet(tmp_path / "index.parquet")
    for name in ("filename", "img_id"):
        assert len(read_answers_file(saved(answers.rename(columns={"image": name}), tmp_path), TO).disease) == 948
    assert len(read_answers_file(tmp_path / "index.parquet", TO).disease) == 948
    few = replace(TO, frame=TO.frame.head(2).assign(image=["007", "08"]))
    answers.head(2).assign(image=["007", "08"]).to_csv(path, index=False)
    assert len(read_answers_file(path, few).disease) == 2


def test_files_that_are_none(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    for name, message in (
        ("no.csv", "no such file"),
        ("a.xlsx", "save it as CSV"),
        ("a.doc", "give a file of kind"),
        ("a.csv", "cannot be read"),
    ):
        with pytest.raises(AnswersError, match=message):
            read_answers_file(tmp_path / name, TO)


def test_a_file_minus_itself_is_nothing_and_better_answers_are_better(answers, tmp_path):
    p = read_answers_file(saved(answers, tmp_path), TO)
    same = difference(TO, p, p, 100)["macro_f1"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    truth = np.eye(len(TO.diseases))[[TO.diseases.index(d) for d in TO.frame["disease"]]]
    better = difference(TO, Given(0.5 * (p.disease + truth)), p, 100)["macro_f1"]
    assert better.low > 0


def test_the_command_scores_compares_and_writes(answers, tmp_path, capsys):
    path, out = saved(answers, tmp_path), tmp_path / "scores.json"
    words = ["score", str(path), "--benchmark", TO.name, "--against", str(FOLDER / "colour.csv"), "--out", str(out)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "macro-F1" in told and "minus colour.csv" in told and "MEL" in told
    assert read_json(out)["against"]["macro_f1"]["low"] > -1
    assert main(["score", str(path), "--benchmark", "pad"]) == 2
    assert "known: pad_ufes_20, pad_ufes_20_948" in capsys.readouterr().err


def test_the_page_says_what_was_scored_against_what(answers, tmp_path, capsys):
    page = tmp_path / "page.html"
    words = ["score", str(saved(answers, tmp_path)), "--benchmark", TO.name, "--html", str(page)]
    assert main([*words, "--against", str(FOLDER / "vit_full.csv")]) == 0
    text = page.read_text()
    assert "answers minus vit_full" in text and "not a medical device" in text and TO.sha256 in text
    assert "<script" not in text and "http" not in text.replace("http://www.w3.org", "")
    assert main([*words[:-1], str(tmp_path / "page.pdf")]) == 2
    assert "ends in .html" in capsys.readouterr().err


def test_scoring_needs_no_torch(answers, tmp_path):
    words = [sys.executable, "-c", WITHOUT_TORCH, "score", str(saved(answers, tmp_path)), "--benchmark", TO.name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sensitivity" in done.stdout


def test_a_copy_is_verified(tmp_path):
    frame = TO.frame.assign(
        image="images/" + TO.frame["image"] + ".jpg", lesion_id=TO.frame["lesion_id"].astype(object)
    )
    assert verify(TO, frame) == []
    changed = frame.drop(index=[3, 4])
    changed.loc[0, "disease"] = "MEL"
    changed.loc[1, "patient_id"] = "PAT_0"
    changed = pd.concat([changed, changed.iloc[[5]], changed.iloc[[6]].assign(image="images/PAT_0_0_0.jpg")])
    found = "\n".join(verify(TO, changed))
    for line in ("1 photograph is in the table twice", "2 photographs are missing in the table",
                 "1 photograph is not in the benchmark", "1 photograph has another disease",
                 "1 photograph has another patient_id", f"{TO.frame['image'][0]} (MEL, not {TO.frame['disease'][0]})",
                 "MEL: 41 photographs"):  # fmt: skip
        assert line in found


def test_a_fresh_test_set_is_a_benchmark_and_a_written_one_is_verified(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(datasheet, "SIMULATED", 500)
    root = write(tmp_path / "d", {"train": 2, "test": 5}, 1, 16, regime="small", fresh_test=True)
    assert main(["benchmark", "verify", "synderm_small", str(root)]) == 1
    assert "19995 photographs are missing in the table: test-000005" in capsys.readouterr().out
    to = benchmark("synderm_small")
    frame = load_dataset(root)[0].query("split == 'test'")
    few = replace(to, frame=to.frame.head(5))
    assert verify(few, frame) == []
    assert verify(few, frame.assign(disease="melanoma")) != []


def test_a_changed_table_is_refused(monkeypatch):
    from dermimit.benchmark import benchmarks

    wrong = {"x": benchmarks._described()[TO.name] | {"sha256": "0" * 64}}
    monkeypatch.setattr(benchmarks, "_described", lambda: wrong)
    with pytest.raises(ValueError, match="its table was changed"):
        benchmarks.benchmark.__wrapped__("x")


def test_published_answers_have_the_scores_of_the_table():
    table = read_json(FOLDER / "table.json")
    assert table["version"] == TO.version and len(table["lines"]) == len(list(FOLDER.glob("*.csv")))
    for line in table["lines"]:
        p = read_answers_file(FOLDER / f"{line['name']}.csv", TO)
        guess = np.array(TO.diseases)[p.disease.argmax(1)]
        assert line["macro_f1"] == pytest.approx(f1_score(TO.frame["disease"], guess, average="macro")), line["name"]


@pytest.fixture
def photographs(tmp_path):
    """A copy of four photographs of the benchmark, each of another look."""
    rng, images = np.random.default_rng(3), list(TO.frame["image"][:4])
    (tmp_path / "images").mkdir()
    for name in images:
        tile = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize(
            (120, 120), Image.Resampling.BICUBIC
        )
        tile.save(tmp_path / "images" / f"{name}.png")
    looks = {image: look.phash for image, look in looks_of(tmp_path, {i: f"images/{i}.png" for i in images}).items()}
    return tmp_path, replace(TO, frame=TO.frame.head(4)), looks


def test_photographs_that_are_missing_broken_or_swapped_are_named(photographs, monkeypatch):
    root, few, looks = photographs
    monkeypatch.setattr(verifying, "read_looks", lambda to: looks)
    assert verifying.verify_photographs(few, root) == []
    one, two, three, four = (root / "images" / f"{name}.png" for name in few.frame["image"])
    Image.open(one).resize((300, 200)).convert("RGB").save(one.with_suffix(".jpg"), quality=60)
    one.unlink()
    assert verifying.verify_photographs(few, root) == [], "another size and format is the same photograph"
    shutil.copy(three, two)
    three.write_bytes(three.read_bytes()[:200])
    four.unlink()
    found = verifying.verify_photographs(few, root)
    for line, name in zip(found, (four, three, two), strict=True):
        assert name.stem in line
    for line, words in zip(found, ("has no file", "cannot be read", "looks like another photograph"), strict=True):
        assert words in line


def test_the_looks_that_ship_are_of_the_photographs_of_the_subset():
    looks = read_looks(TO)
    assert set(looks) == set(TO.frame["image"]) == set(read_looks(benchmark("pad_ufes_20")))
    with pytest.raises(ValueError, match="was changed"):
        read_looks(replace(TO, looks_sha256="0" * 64))


def test_a_part_of_a_larger_set_is_verified_in_a_copy_of_the_whole():
    whole = benchmark("pad_ufes_20").frame
    assert verify(TO, whole, verifying.whole_of(TO)) == []
    assert verify(TO, whole) and len(verifying.whole_of(TO)) == 2298


def test_the_hash_of_labels_does_not_depend_on_order_or_spelling_of_numbers():
    frame = TO.frame.sample(frac=1, random_state=0)
    same = verifying.labels_hash(TO.frame)
    assert verifying.labels_hash(frame.assign(fitzpatrick=frame["fitzpatrick"].astype(object))) == same
    assert verifying.labels_hash(frame.assign(disease="MEL")) != same


def test_an_empty_name_of_a_photograph_is_said_so_in_every_kind_of_file(answers, tmp_path):
    for dtype, empty in (("string", pd.NA), (object, None), (object, float("nan")), (object, "")):
        table = answers.reset_index(drop=True).astype({"image": dtype})
        table.loc[3, "image"] = empty
        with pytest.raises(AnswersError, match=r"row 5: the cell that names the photograph is empty"):
            read_answers_file(saved(table, tmp_path, "empty.parquet"), TO)


def test_intervals_of_every_score_hold_its_value(answers, tmp_path):
    table = answers.assign(**{f"body_part: {place}": 1 / len(TO.body_parts) for place in TO.body_parts})
    rng = np.random.default_rng(1)
    table = table.assign(**{f"attributes: {sign}": rng.random(len(table)) for sign in TO.attributes})
    found = report(TO, read_answers_file(saved(table, tmp_path), TO), 200)
    scores = [name.removesuffix("_low") for name in found if name.endswith("_low")]
    assert {"macro_f1", "auroc", "top3_accuracy", "ece", "log_loss"} <= set(scores)
    parts = [(found, scores)]
    parts += [(found["body_part"], ["accuracy", "macro_f1"]), (found["attributes"], ["map", "auroc", "macro_f1"])]
    parts += [(found["attributes"]["each"]["itch"], ["average_precision", "auroc"])]
    for line, names_of_scores in parts:
        for name in names_of_scores:
            assert line[f"{name}_low"] <= line[name] <= line[f"{name}_high"], name
            assert line[f"{name}_low"] < line[f"{name}_high"] or name in ("accuracy", "macro_f1"), name
    assert found["attributes"]["auroc_low"] < 0.5 < found["attributes"]["auroc_high"], "answers that know nothing"


def test_differences_are_given_for_every_task_that_both_files_answer(answers, tmp_path):
    p = read_answers_file(saved(answers, tmp_path), TO).disease
    known = truth_of_task(TO, "attributes")[0]
    signs = np.array([[float(a in there) for a in TO.attributes] for there in TO.frame["attributes"]])
    flat = np.full_like(signs, 0.5)
    found = difference(TO, Given(p, attributes=signs), Given(p, attributes=flat), 100)
    assert len(known) < len(TO.frame) and found["attributes/map"].low > 0 and found["macro_f1"].value == 0
    assert not [name for name in difference(TO, Given(p, attributes=signs), Given(p), 100) if "/" in name]
    assert "attributes: mean average precision" in differences_as_text("x", found)


def test_every_published_file_has_a_whole_card():
    cards = yaml.safe_load((FOLDER / "cards.yaml").read_text(encoding="utf-8"))
    assert set(cards) == {path.stem for path in FOLDER.glob("*.csv")}
    for name, card in cards.items():
        assert set(card) == {"label", "made_by", "source", "weights", "trained_on"} and all(card.values()), name
