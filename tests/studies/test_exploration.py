"""Tables of one seed: a band from the seeds of one row, like beside like, no test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dermimit.data import LabelSpace
from dermimit.evaluate.runs import read_experiments
from studies.evidence import exploration
from studies.evidence.exploration import ABOVE, BELOW, INSIDE, NO_TRAINING, SCORE
from studies.shared.evidence import Evidence, read_evidence

ROOT = Path(__file__).parents[2]
SPACE = LabelSpace("toy", diseases=("a", "b", "c"))


def evidence(scores, own):
    """Evidence of rows with these scores by seed."""
    lines = [{"row": row, "seed": k, SCORE: x} for row, values in scores.items() for k, x in enumerate(values)]
    facts = pd.DataFrame({"row": list(scores), "label": list(scores), "group": "g", "description": "d"})
    records = pd.DataFrame(lines)
    return Evidence(facts, records, SPACE, tuple(own), records[~records["row"].isin(own)])


def test_the_spread_is_pooled_over_rows_by_hand():
    found = exploration.seed_spread(evidence({"D": [0.1, 0.3], "full": [0.4, 0.5, 0.6], "x": [0.9]}, ["x"]).records)
    assert found.df == 3 and found.sd == pytest.approx(np.sqrt((0.02 * 1 + 0.01 * 2) / 3))
    with pytest.raises(ValueError, match="no row has two seeds"):
        exploration.seed_spread(evidence({"x": [0.9]}, ["x"]).records)


def test_the_band_is_that_of_a_seed_beside_a_mean():
    spread = exploration.Spread(0.01, 16)
    assert spread.half_width(1, 5) == pytest.approx(stats.t.ppf(0.975, 16) * 0.01 * np.sqrt(1 + 1 / 5))
    rng, inside = np.random.default_rng(0), 0  # differences of one seed and a mean of five of the same row
    for _ in range(2000):
        reference = rng.normal(0, 0.01, 5)
        band = exploration.Spread(float(reference.std(ddof=1)), 4).half_width(1, 5)
        inside += abs(rng.normal(0, 0.01) - reference.mean()) <= band
    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


def test_the_reference_enters_with_all_its_seeds_and_nothing_is_tested():
    scores = {"D": [0.10, 0.12, 0.14], "full": [0.30, 0.32, 0.34], "same": [0.31], "up": [0.45], "down": [0.2]}
    found = exploration.explore(evidence(scores, ["same", "up", "down"]), "full").set_index("row")
    assert found.loc["up", "difference"] == pytest.approx(0.45 - 0.32)
    assert found["reading"].tolist()[2:] == [INSIDE, ABOVE, BELOW]
    assert not any(name.startswith("p") for name in found)
    text = exploration.exploration_table(found.reset_index())
    assert text["reading"].tolist()[:2] == ["reference"] * 2 and text["reference"].tolist()[2:] == ["full"] * 3


def test_a_network_at_the_level_of_guessing_did_not_train():
    scores = {"D": [0.11, 0.12, 0.13], "stuck": [0.03], "weak": [0.05]}
    found = exploration.explore(evidence(scores, ["stuck", "weak"]), "D", guess=0.018).set_index("row")
    assert found.loc["stuck", "reading"] == NO_TRAINING and np.isnan(found.loc["stuck", "difference"])
    assert found.loc["weak", "reading"] == BELOW


def test_like_is_compared_with_like():
    rows = read_experiments(ROOT / "workflow/experiments/baselines.csv")
    beside = exploration.like_with_like(rows)
    assert [beside[row] for row in ("resnet50", "ffvt", "zoom", "resnet50_tasks", "bottleneck")] == [
        "D", "D_LSM", "D_LSM", "D_B_A", "full"
    ]  # fmt: skip
    choices = exploration.like_with_like(read_experiments(ROOT / "workflow/experiments/choices.csv"))
    assert set(choices.values()) == {"full"}
    shares = exploration.like_with_like(read_experiments(ROOT / "workflow/experiments/data_share.csv"))
    assert shares["D_LSM_5"] == "D_LSM" and shares["full_5"] == "full"


def test_a_test_of_single_networks_calls_seeds_of_one_row_different():
    rate, pairs = exploration.same_row_rate(read_evidence(ROOT, "ablation"), resamples=300)
    assert pairs == 9 * 10 and 0.2 < rate < 0.6
