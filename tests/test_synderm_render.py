"""SynDerm-49: its pictures and masks."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from dermimit.data.synderm import SynDerm
from dermimit.data.synderm.case import Labels, make_case
from dermimit.data.synderm.colour import skin_colour
from dermimit.data.synderm.knowledge import knowledge
from dermimit.data.synderm.scenes import SCENES

# These change only when RENDERER in write.py is raised.
GOLDEN_LABELS = "64527901ebca6a15e32f6805576a217250f4596e2ddc878a05e40ba53a1ede42"
GOLDEN_PIXELS = "954790a09ba82810bc85b5b93f88b1e407b9ef7892dc02240f4809dc74781dd4"
SURFACE = ("hyperpigmentation", "hypopigmentation", "black_pigment", "purpura", "warty", "erosion", "crust", "scale",
           "fissure", "excoriation", "lichenification", "scar", "telangiectasia")  # fmt: skip


def draw(attributes, body_part="thigh", skin=2, index=0, size=64, disease="acne vulgaris", seed=11):
    return make_case(seed, index, size, Labels(disease, body_part, tuple(attributes), skin), confounders=False)


def strong_change(a, b, level=40):
    return np.abs(a.image.astype(int) - b.image.astype(int)).max(axis=2) > level


def test_golden_labels_and_parameters():
    cases = [SynDerm(12, seed=3, image_size=16)[i] for i in range(12)]
    text = json.dumps([[c.disease, c.body_part, c.attributes, c.fitzpatrick, c.parameters] for c in cases])
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_LABELS


def test_golden_pixels():
    digest = hashlib.sha256()
    for case in (SynDerm(24, seed=3, image_size=64)[i] for i in range(24)):
        digest.update(case.image.tobytes() + case.mask.tobytes())
    assert digest.hexdigest() == GOLDEN_PIXELS


def test_a_case_depends_on_seed_and_index_only():
    forward = [SynDerm(6, seed=1, image_size=32)[i] for i in range(6)]
    data = SynDerm(100, seed=1, image_size=32)
    for i in (5, 0, 3):
        assert (data[i].image == forward[i].image).all() and data[i].parameters == forward[i].parameters
    assert (SynDerm(6, seed=2, image_size=32)[0].image != forward[0].image).any()


def test_the_picture_knows_the_disease_through_body_part_and_attributes_only():
    a, b = draw(["papule"], disease="acne vulgaris"), draw(["papule"], disease="scabies")
    assert (a.image == b.image).all() and (a.mask == b.mask).all()


@pytest.mark.parametrize("size", [16, 64, 96, 225])
def test_any_size_shows_the_same_case(size):
    large, small = SynDerm(3, seed=6, image_size=256), SynDerm(3, seed=6, image_size=size)
    for i in range(3):
        assert small[i].image.shape == (size, size, 3) and small[i].image.dtype == np.uint8
        assert small[i].parameters == large[i].parameters
        rows = ((np.arange(size) + 0.5) / size * 256).astype(int)
        mask = large[i].mask[np.ix_(rows, rows)]
        assert (mask & small[i].mask).sum() >= (0.85 if size >= 64 else 0.6) * (mask | small[i].mask).sum()


def test_lesions_are_neither_lost_nor_everywhere():
    area = np.array([SynDerm(150, seed=8, image_size=48)[i].mask.mean() for i in range(150)])
    assert area.min() > 0.005 and area.max() < 0.6
    assert 0.05 < np.median(area) < 0.30


@pytest.mark.parametrize("attribute", SURFACE)
def test_each_surface_attribute_is_seen_and_lies_in_the_mask(attribute):
    shown, inside = 0.0, []
    for index in range(4):
        without = draw(["patch"], index=index)
        case = draw([a for a in knowledge().attributes if a in ("patch", attribute)], index=index)
        change = strong_change(case, without)
        near = ndimage.binary_dilation(case.mask, iterations=2)
        shown += change.mean() / 4
        inside.append((change & near).sum() / max(change.sum(), 1))
    assert shown > 0.008
    assert np.mean(inside) > 0.95


@pytest.mark.parametrize("attribute", [a for a in knowledge().attributes if a not in SURFACE and a != "umbilication"])
def test_each_primary_attribute_has_a_look_of_its_own(attribute):
    other = "macule" if attribute != "macule" else "papule"
    change = [strong_change(draw([attribute], index=i), draw([other], index=i), 15).mean() for i in range(4)]
    assert np.mean(change) > 0.03


def test_umbilication_marks_papules():
    assert strong_change(draw(["papule", "umbilication"]), draw(["papule"])).mean() > 0.02


def test_body_parts_differ_without_lesions():
    looks = [np.mean([draw(["macule"], part, index=i, size=32).image for i in range(12)], axis=0) for part in SCENES]
    distance = [np.abs(a - b).mean() for i, a in enumerate(looks) for b in looks[:i]]
    assert set(SCENES) == set(knowledge().body_parts)
    assert min(distance) > 3


def test_erythema_is_fainter_on_dark_skin():
    melanin, rest, red = (np.full((1, 1), x, np.float32) for x in (0.05, 0.26, 1.4))
    light = (skin_colour(melanin, rest) - skin_colour(melanin, red))[0, 0]
    dark = (skin_colour(melanin * 60, rest) - skin_colour(melanin * 60, red))[0, 0]
    assert (dark[1:] < 0.5 * light[1:]).all() and (dark > 0).all()


def test_skin_types_darken_in_order():
    brightness = [np.mean([draw(["macule"], "chest", s, i).image.mean() for i in range(3)]) for s in range(1, 7)]
    assert all(a > b for a, b in pairwise(brightness))


def test_knobs():
    prior = np.zeros(49)
    prior[[2, 7]] = 1
    data = SynDerm(30, seed=5, image_size=16, fitzpatrick=(5, 6), prior=prior)
    cases = [data[i] for i in range(30)]
    assert {c.fitzpatrick for c in cases} == {5, 6}
    assert {c.disease for c in cases} == {knowledge().diseases[2], knowledge().diseases[7]}


def test_confounders_change_nothing_but_the_picture():
    on, off = SynDerm(60, seed=5, image_size=32), SynDerm(60, seed=5, image_size=32, confounders=False)
    pairs = [(on[i], off[i]) for i in range(60)]
    assert all((a.mask == b.mask).all() and a.attributes == b.attributes for a, b in pairs)
    changed = np.mean([(a.image != b.image).any() for a, b in pairs])
    assert 0.2 < changed < 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n: must be 1"),
        ({"n": 3, "image_size": 4}, "image_size: must be 16"),
        ({"n": 3, "seed": -1}, "seed: must be 0"),
        ({"n": 3, "fitzpatrick": (0, 3)}, "fitzpatrick: must be some of 1..6"),
        ({"n": 3, "prior": [1] * 48}, "prior: must be 49 weights"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SynDerm(**arguments)


def test_index_out_of_range():
    with pytest.raises(IndexError):
        SynDerm(3, image_size=16)[3]
    assert (SynDerm(3, image_size=16)[-1].image == SynDerm(3, image_size=16)[2].image).all()
