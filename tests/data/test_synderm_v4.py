"""SynDerm-49 as version 4 draws it: the guarantees of version 3, and what the new drawing promises beyond them."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from torch.utils.data import DataLoader

from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.data.synderm.camera_4 import Shot4, grain, lit
from dermimit.data.synderm.case import CAUSES, Knobs, Labels, Stage
from dermimit.data.synderm.colour import ANGLE_OF_TYPE, REST, skin_colour, typology_angle
from dermimit.data.synderm.confounders import USUAL, USUAL_4, Confounders
from dermimit.data.synderm.golden import pixels_fingerprint
from dermimit.data.synderm.ink import pen_marks
from dermimit.data.synderm.knowledge import knowledge
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.octaves import octaves
from dermimit.data.synderm.outlines import NaturalCanvas, variety
from dermimit.data.synderm.picture import NO_CONFOUNDERS, make_case
from dermimit.data.synderm.regimes import Regime
from dermimit.data.synderm.retake import retake
from dermimit.data.synderm.scenes_4 import CLOSENESS, SCENES_4

# These change only when RENDERER in write.py is raised.
GOLDEN_LABELS = "2537fd271c5e0668470a51694f4db2869a1e33513e94966ecfca9e0759c40d4c"
GOLDEN_PIXELS = "f71ff0a3186afb1580968ae142d2998be167c2de80d896c63c73756fb16eada5"
PRIMARY = tuple(knowledge().elements)
SURFACE = tuple(a for a in LABEL_SPACE.attributes if a not in PRIMARY and a not in ("umbilication", "annular"))
STILL = {"noise": 0.0, "quality": 100, "blur": 0.004, "contrast": 0.0, "motion": (0.0, 0.0), "defocus": 0.0}


def synderm(n, **more):
    return SynDerm(n, regime="plain", **more)


def draw(attributes, body_part="thigh", skin=2, index=0, size=64, disease="acne vulgaris", seed=11, **more):
    ordered = tuple(a for a in LABEL_SPACE.attributes if a in attributes)
    labels = Labels(disease, body_part, ordered, skin)
    return make_case(seed, index, size, labels, NO_CONFOUNDERS, knobs=Knobs(1.2, STILL), regime=Regime(), **more)


def change(a, b):
    return np.abs(a.image.astype(int) - b.image.astype(int)).max(axis=2)


def of(case, attribute):
    return case.attribute_map[LABEL_SPACE.attributes.index(attribute)]


def test_golden_labels_and_parameters():
    cases = [synderm(12, seed=3, image_size=16)[i] for i in range(12)]
    found = json.dumps([[vars(c.labels), c.parameters] for c in cases])
    assert hashlib.sha256(found.encode()).hexdigest() == GOLDEN_LABELS


def test_golden_pixels():
    assert pixels_fingerprint("plain") == GOLDEN_PIXELS


def test_a_case_depends_on_seed_and_index_only_not_on_workers_threads_or_batches():
    data = synderm(8, seed=1, image_size=32)
    forward = [data[i] for i in range(8)]
    for i in (5, 0, 3):
        again = synderm(100, seed=1, image_size=32)[i]
        assert (again.image == forward[i].image).all() and again.parameters == forward[i].parameters
    loader = DataLoader(data, batch_size=4, num_workers=2, collate_fn=list, multiprocessing_context="fork")
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda i: data[i].image, range(8)))
    workers = [case.image for batch in loader for case in batch]
    assert all((a.image == b).all() and (a.image == c).all() for a, b, c in zip(forward, workers, threads, strict=True))
    assert (synderm(8, seed=2, image_size=32)[0].image != forward[0].image).any()


def test_labels_are_those_of_version_3_where_the_prior_is():
    old, new = SynDerm(20, seed=4), synderm(20, seed=4, prior=knowledge().prior)
    assert all(old.labels(i) == new.labels(i) for i in range(20))


def test_the_picture_knows_the_disease_through_body_part_attributes_and_lesion_parameters_only():
    a, b = draw(["papule"], disease="acne vulgaris"), draw(["papule"], disease="scabies")
    assert (a.image == b.image).all() and (a.mask == b.mask).all()


@pytest.mark.parametrize("size", [16, 64, 96, 225])
def test_any_size_shows_the_same_case(size):
    large, small = synderm(4, seed=6, image_size=256), synderm(4, seed=6, image_size=size)
    for i in range(4):
        assert small[i].image.shape == (size, size, 3) and small[i].image.dtype == np.uint8
        assert small[i].parameters == large[i].parameters
        rows = ((np.arange(size) + 0.5) / size * 256).astype(int)
        mask = large[i].mask[np.ix_(rows, rows)]
        assert (mask & small[i].mask).sum() >= (0.8 if size >= 64 else 0.5) * (mask | small[i].mask).sum()


def test_lesions_are_smaller_than_in_version_3_and_lie_off_the_centre():
    new, old = ([data(150, seed=8, image_size=32)[i].mask for i in range(150)] for data in (synderm, SynDerm))
    area = np.array([mask.mean() for mask in new])
    assert (area > 0.003).mean() > 0.97 and area.max() < 0.9
    assert 0.05 < np.median(area) < 0.9 * np.median([mask.mean() for mask in old])
    off = [np.abs(np.argwhere(mask).mean(axis=0) / 32 - 0.5).max() for mask in new if mask.any()]
    assert np.mean(np.array(off) > 0.1) > 0.3


def test_maps_agree():
    data = synderm(20, seed=9, image_size=64)
    for i in range(20):
        case = data[i]
        assert (case.mask == case.attribute_map.any(axis=0)).all()
        assert not (case.lesion_map[~case.mask]).any()
        shown = {a for a, m in zip(LABEL_SPACE.attributes, case.attribute_map, strict=True) if m.any()}
        assert shown <= set(case.attributes)
        above = [CAUSES.index(name) for name in ("lesion", "hair", "ink", "ruler", "dressing", "cloth", "feature")]
        assert np.isin(case.cause[case.mask], above).all()
        assert not (case.cause[~case.mask] == CAUSES.index("lesion")).any()
        assert case.lesion_map.max() <= len(case.parameters["layout"]["elements"])


@pytest.mark.parametrize("attribute", SURFACE)
def test_each_surface_attribute_is_seen_where_the_map_says(attribute):
    shown, inside = 0.0, []
    for index in range(4):
        case, without = draw(["patch", attribute], index=index), draw(["patch"], index=index)
        strong = change(case, without) > 24
        near = ndimage.binary_dilation(of(case, attribute), iterations=4)
        shown += strong.mean() / 4
        inside.append((strong & near).sum() / max(strong.sum(), 1))
    assert shown > 0.008
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize("attribute", PRIMARY)
def test_each_primary_attribute_has_a_look_of_its_own(attribute):
    other = "macule" if attribute != "macule" else "papule"
    seen = [(change(draw([attribute], index=i), draw([other], index=i)) > 12).mean() for i in range(4)]
    assert np.mean(seen) > 0.02
    case = draw([attribute])
    assert of(case, attribute).any() and not of(case, other).any()


@pytest.mark.parametrize(("attribute", "host"), [("umbilication", "papule"), ("annular", "papule")])
def test_marks_of_shape_show(attribute, host):
    case = draw([host, attribute])
    assert (change(case, draw([host])) > 24).mean() > 0.01 and of(case, attribute).any()


def test_body_parts_differ_without_lesions():
    looks = [np.mean([draw(["macule"], part, index=i, size=32).image for i in range(12)], axis=0) for part in SCENES_4]
    distance = [np.abs(a - b).mean() for i, a in enumerate(looks) for b in looks[:i]]
    assert set(SCENES_4) == set(CLOSENESS) == set(knowledge().body_parts)
    assert min(distance) > 3


def test_skin_types_have_their_typology_angle():
    for skin, (low, high) in ANGLE_OF_TYPE.items():
        for index in range(8):
            melanin = draw([], skin=skin, index=index, size=16).parameters["nuisance"]["melanin"]
            colour = skin_colour(np.array([[melanin]], np.float32), np.array([[REST]], np.float32))
            assert low - 2 <= float(typology_angle(colour[:, 0, 0])) <= high + 2


def test_erythema_is_fainter_on_dark_skin():
    seen = [np.mean([change(draw(["patch", "erythema"], skin=s, index=i), draw(["patch"], skin=s, index=i)).mean()
                     for i in range(6)]) for s in (1, 6)]  # fmt: skip
    assert 0 < seen[1] < 0.5 * seen[0]


def test_skin_types_darken_in_order():
    brightness = [np.mean([draw(["macule"], "chest", s, i).image.mean() for i in range(3)]) for s in range(1, 7)]
    assert all(a > b for a, b in pairwise(brightness))


def test_the_skin_type_changes_nothing_but_colour():
    data = synderm(8, seed=5, image_size=48, confounders=False)
    for i in range(8):
        light, dark = data.counterfactual(i, fitzpatrick=1), data.counterfactual(i, fitzpatrick=6)
        assert light.parameters["layout"] == dark.parameters["layout"]
        assert (light.lesion_map > 0).sum() == pytest.approx((dark.lesion_map > 0).sum(), abs=3)
        one, other = light.parameters["nuisance"], dark.parameters["nuisance"]
        assert {k for k in one if one[k] != other[k]} <= {"melanin", "freckles", "hair"}


def test_nuisance_does_not_depend_on_the_labels():
    data = synderm(6, seed=5, image_size=16)
    for i in range(6):
        other = data.counterfactual(i, add=["scale", "nodule"], remove=["papule"], number="many", size="large")
        assert other.parameters["nuisance"] == data[i].parameters["nuisance"]


def test_an_attribute_changes_its_own_pixels_only():
    data = synderm(40, seed=5, image_size=96, confounders=False, camera=STILL)
    tried = 0
    for i in range(40):
        labels = data.labels(i)
        if "black_pigment" in labels.attributes or labels.body_part in ("scalp", "ear"):
            continue
        with_it = data.counterfactual(i, add=["black_pigment"])
        far = ~ndimage.binary_dilation(of(with_it, "black_pigment"), iterations=8)
        assert change(with_it, data[i])[far].max(initial=0) < 30  # the fading rim
        assert (change(with_it, data[i])[~of(with_it, "black_pigment")] > 0).mean() < 0.3
        tried += 1
    assert tried > 10


def test_one_lesion_does_not_change_the_look_of_another():
    alone, beside = (draw(["nodule", *more], index=2, size=96) for more in ([], ["comedo"]))
    own = of(alone, "nodule") & ~ndimage.binary_dilation(of(beside, "comedo"), iterations=9)
    assert own.sum() > 100 and change(alone, beside)[own].max() < 12


def test_ink_covers_and_the_rest_stays():
    data = synderm(12, seed=5, image_size=96, confounders=False, camera=STILL)
    seen = 0
    for i in range(12):
        marked = data.counterfactual(i, confounders={"ink": 1.0})
        layout, nuisance = marked.parameters["layout"], marked.parameters["nuisance"]
        found = Confounders(**{name: nuisance[name] for name in (*USUAL, "spare")})
        canvas, ring = NaturalCanvas(96, layout["shift"]), (layout["x"], layout["y"], 1.15 * layout["reach"])
        drawn = pen_marks(canvas.axis, found, ring, canvas.warp, np.zeros((96, 96), np.float32))[0] > 0
        assert found.ink and change(marked, data[i])[~ndimage.binary_dilation(drawn, iterations=3)].max() <= 1
        ink = marked.cause == CAUSES.index("ink")
        assert not (ink & ~drawn).any() and (marked.mask == data[i].mask).all()
        seen += ink.any()
    assert seen >= 11  # a mark may lie beside the body


def test_pen_marks_are_commoner_than_in_version_3_and_the_rest_as_common():
    assert {k for k in USUAL if USUAL[k] != USUAL_4[k]} == {"ink"}
    table = synderm(1).confounders
    assert all((np.ptp(row), row[0]) == (0, USUAL_4[name]) for name, row in table.items())


def test_knobs():
    data = synderm(6, seed=5, image_size=16, zoom=1.5, camera={"noise": 0.0, "motion": (0.1, 0.0)})
    found = [data[i].parameters["nuisance"] for i in range(6)]
    assert {n["zoom"] for n in found} == {1.5} and {n["motion"] for n in found} == {(0.1, 0.0)}
    with pytest.raises(ValueError, match="camera: unknown"):
        SynDerm(1, camera={"motion": (0.1, 0.0)})


def test_zoom_lies_between_an_overview_and_a_close_up():
    data = synderm(200, seed=5, image_size=16)
    zoom = np.array([data[i].parameters["nuisance"]["zoom"] for i in range(200)])
    assert zoom.min() >= 1 and zoom.max() <= 2.6 and 1.35 < np.median(zoom) < 1.7


def test_visits_show_the_same_person_and_place():
    data = synderm(10, seed=4, image_size=32, confounders=False)
    for i in range(10):
        first, later = data.visits(i, [0, 400])
        assert (first.image == data[i].image).all() and (later.image != first.image).any()
        one, other = first.parameters["nuisance"], later.parameters["nuisance"]
        assert all(one[k] == other[k] for k in ("melanin", "zoom", "mirror", "place", "backdrop", "uneven", "moles"))
        assert one["light"] != other["light"]


def test_a_healed_case_without_residue_has_no_lesion():
    case = draw([], size=32, stage=Stage(activity=0.0))
    assert not case.mask.any() and not case.lesion_map.any()


def test_a_retake_with_the_same_shot_differs_by_noise_only():
    data = synderm(3, seed=4, image_size=32, confounders=False, camera={"quality": 100})
    for i in range(3):
        once, again = data[i], retake(data, i, same_shot=True)
        assert 0 < change(once, again).mean() < 12


def test_grain_has_no_mean_and_unit_spread():
    made = grain(128, np.random.default_rng(0))
    assert made.shape == (2, 128, 128) and abs(made.mean()) < 0.02 and made.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(made[0].ravel(), made[1].ravel())[0, 1]) < 0.03


def test_a_wall_casts_a_shadow_away_from_the_light():
    height = np.zeros((64, 64), np.float32)
    height[:, 30:34] = 0.1
    shot = Shot4((-1.0, 0.0), 1.0, (1, 1, 1), (0, 0), 1.0, 0.0, 0.0, 0.0, 100, 1.0)
    light = lit(height, shot)
    assert light[32, 35] < 0.5 and light[32, 28] == 1 and light[32, 50] == 1


def test_outlines_are_irregular_and_no_two_lesions_are_alike():
    canvas = NaturalCanvas(96, tuple(np.random.default_rng(0).random(24)))
    e = Element("patch", 0.5, 0.5, 0.25, 1.0, 1.0, 0.0)
    inside = canvas.radius(e, canvas.window(0.5, 0.5, 0.45), 0.3) < 1
    y, x = np.nonzero(ndimage.binary_dilation(inside) & ~inside)
    distance = np.hypot(*(np.stack([y, x]) - np.argwhere(inside).mean(axis=0)[:, None]))
    assert distance.std() > 0.05 * distance.mean()
    layout = Layout(0.5, 0.5, 0.3, 1.0, (), canvas.shift)
    looks = {variety(layout, Element("papule", x, 0.5, 0.03, 1.0, 1.0, 0.0)) for x in (0.3, 0.31, 0.5, 0.7)}
    assert len(looks) == 4 and all(0 <= value < 1 for look in looks for value in look)


def test_tiles_repeat_without_a_seam():
    for name, tile in octaves().items():
        step = np.abs(np.diff(tile, axis=0)).mean()
        assert tile.shape == (512, 512) and np.abs(tile[0] - tile[-1]).mean() < 2.5 * step, name
