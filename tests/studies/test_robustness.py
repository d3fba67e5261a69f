"""The specification curve: every alternative that was tried with one seed, and what may be read from it."""

import numpy as np
import pandas as pd
import pytest

from dermimit.data.pad_ufes_20 import LABEL_SPACE
from studies.evidence import robustness, robustness_charts, robustness_numbers
from studies.evidence.exploration import INSIDE, NO_TRAINING, SCORE, Spread
from studies.evidence.robustness import DESIGN, IMAGES, KINDS, LABELS, NETWORKS, RECIPE, Alternatives
from studies.evidence.tables import EXPLORED, evidence_of
from studies.shared.evidence import Evidence
from studies.shared.folders import find_root

ROOT = find_root()


@pytest.fixture(scope="module")
def found() -> Alternatives:
    return robustness.read_alternatives(ROOT)


def test_every_alternative_of_every_table_is_there_once_and_sorted(found):
    own = [row for name in EXPLORED for row in evidence_of(ROOT, name).own]
    assert sorted(found.table["row"]) == sorted(own)
    assert set(found.table["kind"]) == set(KINDS) and found.table["reference"].notna().all()
    assert found.trained["difference"].is_monotonic_increasing
    assert (found.table.loc[found.table["reading"] == NO_TRAINING, "difference"]).isna().all()


def test_points_are_per_cent_of_the_score(found):
    choices = evidence_of(ROOT, "choices").records.set_index("row")
    line = found.table.set_index("row").loc["sgd"]
    expected = choices.loc["sgd", SCORE] - choices.loc[["full"], SCORE].mean()
    assert line["difference"] == pytest.approx(100 * expected)
    assert line["value"] == pytest.approx(100 * choices.loc["sgd", SCORE])


def test_kinds_and_names():
    assert robustness.kind_of("choices", "CutMix") == RECIPE and robustness.kind_of("choices", "K") == DESIGN
    kinds = [robustness.kind_of(table, "") for table in ("baselines", "labels", "data_share")]
    assert kinds == [NETWORKS, LABELS, IMAGES]
    assert robustness.name_of("data_share", "D + LSM", "5 %") == "5 % of the images, disease only + lesion selection"
    assert robustness.name_of("baselines", "other selections", "FFVT-style, D") == "FFVT-style"
    assert robustness.name_of("choices", "K", "4 of 64") == "K: 4 of 64"


def test_the_reference_of_the_same_seed_is_compared_with_its_mean():
    records = pd.DataFrame({"row": ["a", "full", "full", "full"], "seed": [0, 0, 1, 2], SCORE: [0.9, 0.3, 0.2, 0.1]})
    evidence = Evidence(pd.DataFrame(), records, LABEL_SPACE, ("a",), records)
    assert robustness.above_its_mean(evidence) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("median", "own", "said"),
    [
        (2.0, 1.9, "Both shifts are larger"),
        (-2.0, 1.0, "One of the two shifts"),
        (0.4, -0.2, "Both shifts are smaller"),
    ],
)
def test_a_common_shift_is_judged_by_what_the_reference_s_seeds_may_do(median, own, said):
    assert robustness_numbers.shared_text(median, own, 1.5).startswith(said)


def made(differences: list[float], seeds: int = 4) -> Alternatives:
    table = pd.DataFrame({"row": [f"r{i}" for i in range(len(differences))], "difference": differences})
    table = table.assign(kind=DESIGN, name=table["row"], reference="Full model", value=10.0, half=3.0)
    table["reading"] = [INSIDE if abs(d) <= 3 else "above the band" if d > 0 else "below the band" for d in differences]
    return Alternatives(table, Spread(0.01, 10_000), Spread(0.005, 10_000), seeds, 0.5, (0.4, 90), (16000, 64))


def test_the_shift_shrinks_with_the_seeds_of_the_reference():
    told = robustness_numbers.shared_reference(made([1.0, 2.0, 4.0]), made([1.0, 2.0, 4.0]).table)
    assert told["middle"] == "+2.0" and told["own_middle"] == "+1.5"
    assert told["shift"] == pytest.approx(1.96 / 2, abs=0.01)


def test_the_band_by_the_reference_s_own_spread_is_told_beside_the_other():
    found = made([-4.0, 0.5, 1.0, 1.5, 5.0])  # by a spread of 0.5 points and 4 seeds: 1.96 * 0.5 * sqrt(1 + 1/4) = 1.1
    told = robustness_numbers.by_own_spread(found, found.table.iloc[2:])
    assert told["own_band"] == pytest.approx(1.096, abs=0.001)
    assert (told["own_outside"], told["own_designs"]) == (3, 2)


def test_the_reference_s_own_spread_is_of_runs_of_this_budget(found):
    assert found.own.df == 8 and found.own.sd < found.spread.sd  # four references of three seeds


def test_counts_agree_with_the_table(found):
    told, trained = robustness_numbers.of_alternatives(found), found.trained
    assert told["alternatives"] + told["stuck"] == len(found.table)
    assert told["outside"] == (trained["reading"] != INSIDE).sum() == told["outside_above"] + told["outside_below"]
    assert told["sgd_reading"] == found.table.set_index("row").loc["sgd", "reading"]
    assert 0 <= told["alike"] <= 100 and told["two"] == pytest.approx(
        trained["half"].max() * np.sqrt(2 / (1 + 1 / found.seeds))
    )
    networks = robustness_numbers.networks_table(found)
    assert networks.shape == ((found.table["kind"] == NETWORKS).sum(), 5)


def test_the_curve_draws_every_alternative_and_names_what_lies_outside():
    table = made([-4.0, 0.5, 1.0, 3.5, 5.0]).table
    axis, strip = robustness_charts.specification_curve(table, 1.0).axes
    drawn = [y for line in axis.lines if line.get_marker() not in ("None", None, "") for y in line.get_ydata()]
    assert sorted(drawn) == [-4.0, 0.5, 1.0, 3.5, 5.0]
    assert {text.get_text() for text in axis.texts} == {"r0", "r3", "r4"}
    assert [tick.get_text() for tick in strip.get_yticklabels()] == list(KINDS)
