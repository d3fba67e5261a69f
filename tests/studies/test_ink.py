"""Ink: found on drawn cases, painted over, and what it does to answers; nothing here needs a real photograph."""

import numpy as np
import pandas as pd
import pytest

from dermimit.data.synderm import SynDerm
from dermimit.explain.attributions import METHODS
from dermimit.records import read_json
from studies.failures import ink, ink_study
from studies.failures.ink_study import INK
from studies.shared.folders import find_root

NO_LESION = np.zeros((64, 64), bool)


def skin(size=64):
    """Plain skin with grain."""
    rng = np.random.default_rng(0)
    return np.clip(np.array([200, 150, 125]) + rng.normal(0, 3, (size, size, 3)), 0, 255).astype(np.uint8)


def ring(size=64, radius=20, width=1.2):
    y, x = np.mgrid[:size, :size] - size / 2
    return np.abs(np.hypot(x, y) - radius) < width


def test_a_violet_ring_is_found_and_skin_lesion_and_cloth_are_not():
    photo, line = skin(), ring()
    assert not ink.ink_pixels(photo, NO_LESION).any()
    photo[line] = (70, 50, 140)
    found = ink.ink_pixels(photo, NO_LESION)
    assert (found & line).sum() > 0.9 * line.sum() and (found & ~line).sum() < 0.05 * line.sum()
    assert not ink.ink_pixels(photo, line).any()  # on the lesion it is taken for the lesion
    cloth = skin()
    cloth[:, :20] = (60, 80, 150)
    assert ink.ink_pixels(cloth, NO_LESION).mean() < ink.LEAST
    brown = skin()
    brown[line] = (90, 50, 30)
    assert not ink.ink_pixels(brown, NO_LESION).any()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"give \(H, W, 3\) uint8"):
        ink.ink_pixels(skin() / 255, NO_LESION)
    with pytest.raises(ValueError, match="lesion of shape"):
        ink.ink_pixels(skin(), np.zeros((64, 64), np.uint8))


def test_ink_on_drawn_close_ups_is_mostly_blue_ink():
    cases, hits, said = SynDerm(12, 4, 128, zoom=1.9, camera={"noise": 0.0}), 0, 0
    for i in range(12):
        case = cases.counterfactual(i, confounders={"ink": 1.0})
        found = ink.ink_pixels(case.image, case.mask)
        hits, said = hits + (found & (case.cause == INK)).sum(), said + found.sum()
    assert said > 100 and hits > 0.5 * said


def test_paint_hides_the_ink_and_nothing_else():
    clean, line = skin(), ring()
    inked = clean.copy()
    inked[line] = (70, 50, 140)
    painted = ink.painted_over(inked, line)
    assert np.abs(painted.astype(int) - clean.astype(int))[line].mean() < 6
    far = ring(radius=8)
    np.testing.assert_array_equal(painted[far], inked[far])
    np.testing.assert_array_equal(ink.painted_over(clean, NO_LESION), clean)


def test_as_much_is_painted_elsewhere():
    corner = np.zeros((64, 64), bool)
    corner[4:8, 4:20] = True
    moved = ink.elsewhere(corner, corner)
    assert moved.sum() == corner.sum() and not (moved & corner).any()


def answers():
    rng = np.random.default_rng(0)
    n, inked = 60, np.arange(60) % 3 == 0
    one_hot = np.eye(3)[rng.integers(0, 3, n)]
    flipped = np.where(inked[:, None], np.roll(one_hot, 1, axis=1), one_hot)
    truth = one_hot.argmax(1)
    truth[inked] = flipped[inked].argmax(1)  # wrong with ink, right without
    return pd.DataFrame({"patient_id": [f"p{i // 2}" for i in range(n)], "truth": truth, "inked": inked,
                         "as_is": list(one_hot), "without_ink": list(flipped), "elsewhere": list(one_hot)})  # fmt: skip


def test_errors_and_flips_are_counted():
    rates = ink_study.error_rates(answers(), resamples=100)
    assert (rates["with"], rates["without"], rates["difference"]) == (1.0, 0.0, 1.0)
    flips = ink_study.flip_rates(answers(), resamples=100)
    assert (flips["ink"], flips["elsewhere"], flips["gained"], flips["lost"]) == (1.0, 0.0, 1.0, 0.0)
    assert flips["true"] == 1.0 and flips["photographs"] == 20


def test_published_records_hold_aggregates_only():
    folder = find_root() / "results/published/failures"
    record = read_json(folder / "ink.json")
    every = record["counts"][0]
    assert every["photographs"] == sum(x["photographs"] for x in record["counts"][1:])
    assert every["inked"] == sum(x["inked"] for x in record["counts"][1:])
    for model in record["models"]:
        assert model["flips"]["photographs"] == model["errors"]["photographs_with"] == every["inked"]
    text = (folder / "ink.json").read_text()
    assert "PAT_" not in text and ".jpg" not in text and ".png" not in text


@pytest.mark.parametrize("thing", ["ink", "dressing"])
def test_the_published_plant_was_learnt_and_maps_without_a_network_do_not_see_it(thing):
    record = read_json(find_root() / f"results/published/failures/planted_{thing}.json")
    learnt = {(x["network"], x["photographs"]): x for x in record["learnt"]}
    assert learnt["planted", "melanoma"]["change_low"] > learnt["control", "melanoma"]["change_high"]
    found = {x["method"]: x for x in record["methods"]}
    assert set(found) == set(METHODS)
    for name in ("centre_prior", "edge_density", "random"):
        assert found[name]["difference"] == pytest.approx(0) and found[name]["reveals"] == "no"
