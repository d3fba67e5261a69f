"""The table of paired differences: values by hand, seeds, references, speed and refusals."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate import comparisons
from dermimit.evaluate import runs as tables
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.statistics import bootstrap_interval

SPACE = LabelSpace("toy", diseases=("a", "b", "c"))
TRUTH = ("a", "a", "b", "c") * 5
RIGHT, WORSE, WORST = "aabc" * 5, "abbc" * 5, "bbbc" * 5


@pytest.fixture
def study(tmp_path):
    """Writes runs and compares them: study({"D": {0: answers, 1: answers}, ...}, options of compare)."""

    def write(name, answers, truth):
        (tmp_path / name).mkdir()
        hot = np.eye(3) * 0.7 + 0.1
        frame = pd.DataFrame({"image": [f"{i}.png" for i in range(len(truth))], "split": "test", "disease": truth})
        frame["patient_id"] = [f"p{i // 2}" for i in range(len(truth))]
        frame["disease_prob"] = list(hot[["abc".index(a) for a in answers]].astype(np.float16))
        frame.to_parquet(tmp_path / name / "predictions.parquet")
        (tmp_path / name / "metrics.json").write_text("{}")

    def compare(rows, truth=TRUTH, **options):
        for row, runs in rows.items():
            for seed, answers in runs.items():
                write(f"{row}-seed{seed}", answers, truth[: len(answers)])
        experiments = pd.DataFrame({"row": list(rows), "label": list(rows)})
        table = comparisons.compare(tables.read_records(tmp_path), experiments, SPACE, **options)
        return table.set_index("row")

    return compare


def test_a_table_by_hand(study):
    rows = {
        "D": {0: WORST, 1: WORST, 2: WORSE},
        "full": {0: RIGHT, 1: WORSE, 2: RIGHT},
        "same": {0: WORST, 1: WORST, 2: WORSE},
    }
    table = study(rows, resamples=500)
    # F1 of WORSE: a 2/3, b 2/3, c 1 -> 7/9; of WORST: a 0, b 1/2, c 1 -> 1/2
    differences = np.array([1 - 1 / 2, 7 / 9 - 1 / 2, 1 - 7 / 9])
    line = table.loc["full"]
    assert line["value"] == pytest.approx((1 + 7 / 9 + 1) / 3)
    assert line["sd"] == pytest.approx(np.std([1, 7 / 9, 1], ddof=1))
    assert line["difference"] == pytest.approx(differences.mean())
    assert line["difference_sd"] == pytest.approx(differences.std(ddof=1))
    assert line["effect"] == pytest.approx(differences.mean() / differences.std(ddof=1) / np.pi**0.5)
    assert line["difference_low"] < line["difference"] < line["difference_high"]
    assert line["p_photographs"] <= line["p_bootstrap"] and line["p"] <= line["p_holm"]
    assert table.loc["same", "p"] == table.loc["same", "p_bootstrap"] == 1.0
    assert table.loc["D", "note"] == "reference" and np.isnan(table.loc["D", "p_holm"])
    assert list(table["seeds"]) == [3, 3, 3]


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_copy_of_a_row_differs_from_it_by_exactly_nothing(study, seeds):
    """The pairing by photograph and seed, on which every difference rests."""
    rng = np.random.default_rng(4)
    runs = {seed: "".join(rng.choice(list("abc"), 20)) for seed in range(seeds)}
    line = study({"D": runs, "copy": dict(runs)}, resamples=300).loc["copy"]
    assert line["difference"] == line["difference_low"] == line["difference_high"] == 0.0


def test_p_is_the_larger_of_satterthwaites_and_the_paired_t(study):
    rows = {"D": {0: WORST, 1: WORST, 2: WORSE}, "full": {0: RIGHT, 1: WORSE, 2: RIGHT}}
    line = study(rows, resamples=4000).loc["full"]
    differences = np.array([1 - 1 / 2, 7 / 9 - 1 / 2, 1 - 7 / 9])
    one, two = (
        Answers(np.array([0, 0, 1, 2] * 5), [np.array(["abc".index(x) for x in run]) for run in runs.values()],
                pd.Series([f"p{i // 2}" for i in range(20)]))
        for runs in (rows["full"], rows["D"])
    )  # fmt: skip
    draws = patient_draws(one.patients, 4000)
    v = (one.macro_f1_draws(draws) - two.macro_f1_draws(draws)).mean(0).var(ddof=1)
    seeds = differences.var(ddof=1) / 3
    df = (seeds + v) ** 2 / (seeds**2 / 2 + v**2 / 9)
    assert line["df"] == pytest.approx(df) and 2 < df < 11
    both = [2 * stats.t.sf(differences.mean() / np.sqrt(seeds + v), df), stats.ttest_1samp(differences, 0).pvalue]
    assert line["p"] == pytest.approx(max(both))


def test_another_reference_turns_the_sign(study):
    rows = {"D": {0: WORSE, 1: WORST, 2: RIGHT}, "full": {0: RIGHT, 1: RIGHT, 2: WORSE}}
    line = study(rows, resamples=300, reference="full").loc["D"]
    assert line["difference"] == pytest.approx((7 / 9 - 1 + 1 / 2 - 1 + 1 - 7 / 9) / 3)


def test_one_seed_has_no_spread_and_says_so(study):
    line = study({"D": {0: WORSE}, "full": {0: RIGHT}}, resamples=100).loc["full"]
    assert np.isnan(line["sd"]) and np.isnan(line["effect"])
    assert line["seeds_needed"] is None
    assert line["note"] == comparisons.ONE_SEED
    assert np.isnan([line["p"], line["p_bootstrap"], line["p_holm"]]).all()  # nothing is tested


def test_seeds_needed_are_for_the_claimed_difference(study):
    rows = {"D": {0: WORSE, 1: WORSE, 2: WORST}, "full": {0: RIGHT, 1: WORSE, 2: WORSE}}
    table = study(rows, resamples=100, claimed=0.5)
    assert table.loc["full", "seeds_needed"] == comparisons.seeds_needed(0.5, np.std([2 / 9, 0, 5 / 18], ddof=1))
    assert isinstance(table.loc["full", "seeds_needed"], int) and table.loc["D", "seeds_needed"] is None


def test_seeds_are_paired_by_number(study):
    rows = {"D": {0: WORST, 1: WORSE, 2: RIGHT}, "full": {1: RIGHT, 2: RIGHT, 7: WORST}}
    line = study(rows, resamples=100).loc["full"]
    assert line["difference"] == pytest.approx((1 - 7 / 9 + 0) / 2)
    assert line["note"].startswith("2 seeds paired")


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ({"D": {0: RIGHT}, "full": {0: "aabc"}}, {}, "full was tested on other photos than D"),
        ({"D": {0: RIGHT, 1: "aabc"}}, {}, "other photos"),
        ({"D": {0: RIGHT}, "full": {3: RIGHT}}, {}, "full has seeds 3, D has 0"),
        ({"D": {0: RIGHT, 1: RIGHT}, "full": {0: RIGHT}}, {"same_seeds": True}, "train the missing ones"),
        ({"D": {0: RIGHT}}, {"reference": "all"}, "'all' has no stored predictions; rows that have: D"),
    ],
)
def test_refusals_say_what_to_do(study, rows, options, message):
    with pytest.raises(ValueError, match=message):
        study(rows, **options)


def test_the_same_seed_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="two runs have seed 4"):
        comparisons.read_answers([tmp_path / "a", tmp_path / "b"], SPACE, [4, 4])


def test_nothing_trained_gives_an_empty_table(tmp_path):
    experiments = pd.DataFrame({"row": ["D"], "label": ["D"]})
    assert comparisons.compare(tables.read_records(tmp_path), experiments, SPACE).empty


def some_rows(rows, seeds, photos, classes=49):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, classes, photos)
    patients = pd.Series([f"p{i}" for i in rng.integers(0, photos, photos)])
    for _ in range(rows):
        answers = [np.where(rng.random(photos) < 0.4, truth, rng.integers(0, classes, photos)) for _ in range(seeds)]
        yield Answers(truth, answers, patients, (), tuple(range(seeds)))


def test_macro_f1_of_answers_is_of_the_same_classes_in_every_resample():
    truth, answer = np.array([0, 0, 2]), np.array([0, 1, 2])  # nobody has 1, 3 or 4; one is taken for 1
    assert comparisons.macro_f1(truth, answer) == pytest.approx((2 / 3 + 1) / 2)
    these = Answers(truth, [answer], pd.Series(["p", "q", "r"]))
    draws = patient_draws(these.patients, 200)
    slow = []
    for w in draws.weights.T.astype(int):
        true, said = np.repeat(truth, w), np.repeat(answer, w)
        own = {c: f1_score(true == c, said == c) if c in true else whole for c, whole in ((0, 2 / 3), (2, 1.0))}
        slow.append(np.mean([*own.values()]))
    np.testing.assert_allclose(these.macro_f1_draws(draws)[0], slow)


def test_interval_for_photographs_agrees_with_the_slow_bootstrap():
    first, second = some_rows(2, 2, 300, classes=8)

    def slow(rows):
        of = [np.mean([comparisons.macro_f1(a.truth[rows], x[rows]) for x in a.answers]) for a in (first, second)]
        return of[0] - of[1]

    low, high = bootstrap_interval(slow, 300, groups=first.patients, resamples=1500)
    draws = patient_draws(first.patients, 1500)
    fast = (first.macro_f1_draws(draws) - second.macro_f1_draws(draws)).mean(0)
    assert np.quantile(fast, [0.025, 0.975]) == pytest.approx([low, high], abs=0.15 * (high - low))


@pytest.mark.slow
def test_thirty_rows_of_five_seeds_take_less_than_a_minute():
    started, draws = time.perf_counter(), None
    for row in some_rows(30, 5, 2000):
        draws = draws or patient_draws(row.patients, 2000)
        row.macro_f1_draws(draws)
    assert time.perf_counter() - started < 60
