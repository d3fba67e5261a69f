"""The regime `small`: small lesions anywhere, distractors that know nothing of the disease, and readers of a crop."""

import hashlib
import json

import numpy as np
import pytest

from dermimit.data.synderm import LABEL_SPACE, SynDerm, crops, pixels_fingerprint
from dermimit.data.synderm.case import CAUSES
from dermimit.data.synderm.ceiling import ceiling, scored
from dermimit.data.synderm.crops import Sight, corner_of, crop_ceiling, sight
from dermimit.data.synderm.distractors import MOLES, PROBABILITY, draw_distractors
from dermimit.data.synderm.picture import NO_CONFOUNDERS, make_case
from dermimit.data.synderm.regimes import Regime, process
from dermimit.data.synderm.scene import Scene
from dermimit.data.synderm.small import AREA, place, window_side

# These change only when the drawing does.
GOLDEN_PARAMETERS = "9d12e7b2c2bd16f5bfd4a00953dc047aae24e4244da601ebf56b676a2570f200"
GOLDEN_PIXELS = "e9efd9a2be6118c17e45e32d62fd91f44e4f5f0a3a88e997517fff7522449725"
SMALL = Regime(small=True)


@pytest.fixture(scope="module")
def cases():
    data = SynDerm(120, seed=6, image_size=64, regime="small")
    return [data[i] for i in range(len(data))]


def test_golden_parameters():
    data = SynDerm(12, seed=3, image_size=16, regime="small")
    text = json.dumps([[vars(data[i].labels), data[i].parameters] for i in range(12)])
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_PARAMETERS


def test_golden_pixels():
    assert pixels_fingerprint("small") == GOLDEN_PIXELS


def test_lesions_cover_half_to_three_percent(cases):
    area = np.array([case.mask.mean() for case in cases])
    assert ((area >= 0.005) & (area <= 0.03)).mean() > 0.92
    assert np.quantile(area, [0.02, 0.98]) == pytest.approx([0.005, 0.031], abs=0.004)
    assert area.max() < 0.07


@pytest.mark.parametrize("size", [32, 96, 160])
def test_any_size_shows_the_same_case(cases, size):
    data = SynDerm(8, seed=6, image_size=size, regime="small")
    for i in range(8):
        assert data[i].parameters == cases[i].parameters
        assert data[i].mask.mean() == pytest.approx(cases[i].mask.mean(), rel=0.4, abs=0.002)


def test_lesions_lie_anywhere_in_the_picture(cases):
    where = np.array([case.parameters["nuisance"]["window"][1:] for case in cases])
    assert where.min() < 0.2 and where.max() > 0.8
    away = np.hypot(*(where - 0.5).T)
    assert np.median(away) > 0.22  # evenly spread over the square it would be 0.38


def test_lesions_lie_on_skin(cases):
    lost = [case for case in cases if not case.mask.any() and case.parameters["layout"]["elements"]]
    assert len(lost) <= 1


def test_maps_agree(cases):
    seen = set()
    for case in cases:
        assert (case.mask == case.attribute_map.any(axis=0)).all()
        assert (case.cause[case.mask] >= CAUSES.index("lesion")).all()
        assert case.mask[case.cause == CAUSES.index("lesion")].all()
        assert not case.lesion_map[~case.mask].any()
        seen |= {*np.unique(case.cause)}
    assert CAUSES.index("distractor") in seen


def test_what_lies_about_is_independent_of_disease_and_lesions():
    data = SynDerm(6, seed=8, image_size=48, regime="small")
    for i in range(6):
        one, other = data.labels(i), data.labels((i + 1) % 6)
        changed = make_case(8, i, 48, type(one)(**{**vars(other), "body_part": one.body_part}), NO_CONFOUNDERS,
                            regime=SMALL)  # fmt: skip
        assert changed.parameters["nuisance"]["distractors"] == data[i].parameters["nuisance"]["distractors"]


def test_a_fixed_length_of_numbers_describes_what_lies_about():
    rng = np.random.default_rng(0)
    lengths = {len(draw_distractors(part, rng).numbers()) for part in LABEL_SPACE.body_parts for _ in range(20)}
    assert lengths == {1 + 5 * MOLES + 6 * len(PROBABILITY)}


def test_things_occur_as_often_as_stated():
    rng = np.random.default_rng(1)
    found = [draw_distractors("hand", rng) for _ in range(2000)]
    for name, p in PROBABILITY.items():
        assert np.mean([bool(getattr(f, name)) for f in found]) == pytest.approx(p, abs=0.045)
    moles = np.bincount([len(f.moles) for f in found], minlength=MOLES + 1) / 2000
    assert moles == pytest.approx(np.full(MOLES + 1, 1 / (MOLES + 1)), abs=0.035)
    assert not any(draw_distractors("back", rng).jewel for _ in range(50))


def test_an_attribute_changes_its_own_pixels_only(cases):
    data = SynDerm(120, seed=6, image_size=64, regime="small", camera={"noise": 0.0, "quality": 100})
    tried = 0
    for i in range(30):
        if "crust" in data.labels(i).attributes or not data.labels(i).attributes:
            continue
        before, after = data[i], data.counterfactual(i, add=("crust",))
        assert after.parameters["nuisance"] == before.parameters["nuisance"]
        touched = after.attribute_map[LABEL_SPACE.attributes.index("crust")]
        moved = np.abs(after.image.astype(int) - before.image.astype(int)).max(axis=2) > 40
        side = before.parameters["nuisance"]["window"][0]
        rows, columns = np.nonzero(touched)
        if not len(rows):
            continue
        tried += 1
        far = np.hypot(*np.subtract(np.nonzero(moved), [[rows.mean()], [columns.mean()]])) > 64 * side + 6
        assert not far.any()
    assert tried > 8


def test_the_skin_type_changes_nothing_but_colour():
    data = SynDerm(4, seed=9, image_size=64, regime="small")
    for i in range(4):
        one, six = (data.counterfactual(i, fitzpatrick=t, confounders=False) for t in (1, 6))
        assert one.parameters["nuisance"]["window"] == six.parameters["nuisance"]["window"]
        assert (one.attribute_map == six.attribute_map).mean() > 0.995


def test_visits_show_the_same_place_and_things():
    data = SynDerm(40, seed=2, image_size=48, regime="small")
    for i in range(5):
        first, later = data.visits(i, [0, 40])
        assert first.parameters["nuisance"]["window"] == later.parameters["nuisance"]["window"]
        assert first.parameters["nuisance"]["distractors"] == later.parameters["nuisance"]["distractors"]


def test_the_window_has_the_side_at_which_the_area_is_the_wanted_one():
    wanted = AREA[0] + (AREA[1] - AREA[0]) * 0.25
    assert window_side(0.2, (0.0, 0.5)) ** 2 * 0.2 == pytest.approx(wanted)
    assert window_side(0.0, (0.0, 0.5)) == pytest.approx(0.62)  # nothing covered: the largest


def test_a_place_is_looked_for_on_bare_skin():
    skin = np.zeros((32, 32), np.float32)
    skin[:, 20:] = 1
    bare = Scene(skin, skin * 0, 20.0)
    chance = tuple(np.random.default_rng(0).random(32).tolist())
    x, _ = place(bare, 0.1, chance)
    assert x > 0.6
    covered = Scene(skin, skin * 0, 20.0, cloth=[(np.where(np.arange(32)[:, None] < 16, 1.0, 0.0), (0.1, 0.1, 0.1))])
    x, y = place(covered, 0.1, chance)
    assert x > 0.6 and y > 0.5


def test_a_crop_lies_in_the_picture_and_about_the_lesions(cases):
    case = next(c for c in cases if c.mask.any())
    columns = np.nonzero(case.mask)[1]
    x, y = corner_of("true", 0.4, case, (0.0, 0.0))
    assert 0 <= x <= 0.6 and 0 <= y <= 0.6
    middle = (columns.mean() + 0.5) / 64
    assert x == pytest.approx(min(max(middle - 0.2, 0), 0.6))
    assert corner_of("central", 0.5, case, (0.0, 0.0)) == (0.25, 0.25)
    assert corner_of("random", 0.5, case, (1.0, 0.5)) == (0.5, 0.25)


def test_what_a_crop_shows(cases):
    case = next(c for c in cases if c.mask.any())
    assert sight(case, (0.0, 0.0), 1.0) == Sight(True, ())
    empty = sight(case, (0.0, 0.0), 1 / 64)
    assert not empty.seen or case.mask[0, 0]


@pytest.fixture(scope="module")
def small():
    """What crops of a third of the side can show, of 300 cases."""
    return crop_ceiling("small", 0.35, n=300, seed=4)


def test_zooming_at_the_right_place_pays_where_lesions_are_small_and_central_crops_do_not(small):
    assert small["true"].accuracy > small["whole"].accuracy - 0.02
    assert small["true"].accuracy > small["central"].accuracy + 0.2
    assert small["true"].accuracy > small["random"].accuracy + 0.2
    plain = crop_ceiling("plain", 0.5, n=100, seed=4)
    assert plain["central"].accuracy > plain["random"].accuracy


def test_the_whole_picture_has_the_ceiling_of_the_process(small):
    found = small["whole"]
    exact = ceiling(n=20_000, regime="small")
    assert found.accuracy == pytest.approx(exact.accuracy, abs=3.5 * found.mc_standard_error)


def test_what_is_cut_off_is_summed_over():
    data, facts = SynDerm(30, seed=3, image_size=32, regime="small"), process(SMALL)
    case = next(data[i] for i in range(30) if len(data.labels(i).attributes) >= 2)
    j = LABEL_SPACE.attributes.index(case.attributes[0])
    open_, given, without = (
        crops._likelihood(case, shown, facts, True) for shown in (Sight(True, (j,)), Sight(True, ()), Sight(False, ()))
    )
    assert (open_ >= given - 1e-9).all()  # a sum holds each of its terms
    assert np.allclose(without, np.log(facts.body_part[:, facts.body_parts.index(case.body_part)]))


def test_scores_by_hand():
    truth = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    scores = np.eye(49)[[0, 1, 2, 3, 4, 5, 6, 7, 9, 8]]
    assert scored(truth, scores).accuracy == 0.8
