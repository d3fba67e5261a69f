"""SynDerm-49: its pictures, masks and maps, and what one may change in them."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from torch.utils.data import DataLoader

from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.data.synderm.case import CAUSES, Knobs, Labels, Stage
from dermimit.data.synderm.colour import ANGLE_OF_TYPE, REST, lab, skin_colour, typology_angle
from dermimit.data.synderm.confounders import USUAL, probabilities
from dermimit.data.synderm.course import after
from dermimit.data.synderm.golden import pixels_fingerprint
from dermimit.data.synderm.knowledge import Course, knowledge
from dermimit.data.synderm.picture import NO_CONFOUNDERS, make_case
from dermimit.data.synderm.scenes import SCENES, ZONES

# These change only when RENDERER in write.py is raised.
GOLDEN_LABELS = "e8a785c6202731bc3fa4a20949910880eb1d624976f0f70a5ed02444b5d7df4f"
GOLDEN_PIXELS = "d76e9a373cf931a8e5f737404b6c2d651e952b98be30d0e70a6bee815d5265b3"
PRIMARY = tuple(knowledge().elements)
SURFACE = tuple(a for a in LABEL_SPACE.attributes if a not in PRIMARY and a not in ("umbilication", "annular"))
STILL = {"noise": 0.0, "quality": 100, "blur": 0.004, "contrast": 0.0}


def labels_fingerprint() -> str:
    """SHA-256 over labels and all drawn parameters of twelve cases."""
    cases = [SynDerm(12, seed=3, image_size=16)[i] for i in range(12)]
    return hashlib.sha256(json.dumps([[vars(c.labels), c.parameters] for c in cases]).encode()).hexdigest()


def draw(attributes, body_part="thigh", skin=2, index=0, size=64, disease="acne vulgaris", seed=11, **more):
    ordered = tuple(a for a in LABEL_SPACE.attributes if a in attributes)
    labels = Labels(disease, body_part, ordered, skin)
    return make_case(seed, index, size, labels, NO_CONFOUNDERS, knobs=Knobs(1.2, STILL), **more)


def change(a, b):
    return np.abs(a.image.astype(int) - b.image.astype(int)).max(axis=2)


def of(case, attribute):
    return case.attribute_map[LABEL_SPACE.attributes.index(attribute)]


def test_golden_labels_and_parameters():
    assert labels_fingerprint() == GOLDEN_LABELS


def test_golden_pixels():
    assert pixels_fingerprint() == GOLDEN_PIXELS


def test_a_case_depends_on_seed_and_index_only():
    forward = [SynDerm(6, seed=1, image_size=32)[i] for i in range(6)]
    data = SynDerm(100, seed=1, image_size=32)
    for i in (5, 0, 3):
        assert (data[i].image == forward[i].image).all() and data[i].parameters == forward[i].parameters
        assert data.labels(i) == forward[i].labels
    assert (SynDerm(6, seed=2, image_size=32)[0].image != forward[0].image).any()


def test_workers_and_batches_do_not_matter():
    data = SynDerm(6, seed=1, image_size=32)
    loader = DataLoader(data, batch_size=4, num_workers=2, collate_fn=list, multiprocessing_context="fork")
    drawn = [case.image for batch in loader for case in batch]
    assert all((data[i].image == image).all() for i, image in enumerate(drawn))


def test_threads_do_not_matter():
    data = SynDerm(8, seed=1, image_size=32)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda i: data[i].image, range(8)))
    assert all((data[i].image == image).all() for i, image in enumerate(drawn))


def test_the_picture_knows_the_disease_through_body_part_attributes_and_lesion_parameters_only():
    a, b = draw(["papule"], disease="acne vulgaris"), draw(["papule"], disease="scabies")
    assert (a.image == b.image).all() and (a.mask == b.mask).all()


@pytest.mark.parametrize("size", [16, 64, 96, 225])
def test_any_size_shows_the_same_case(size):
    large, small = SynDerm(4, seed=6, image_size=256), SynDerm(4, seed=6, image_size=size)
    for i in range(4):
        assert small[i].image.shape == (size, size, 3) and small[i].image.dtype == np.uint8
        assert small[i].parameters == large[i].parameters
        rows = ((np.arange(size) + 0.5) / size * 256).astype(int)
        mask = large[i].mask[np.ix_(rows, rows)]
        assert (mask & small[i].mask).sum() >= (0.8 if size >= 64 else 0.5) * (mask | small[i].mask).sum()


def test_lesions_are_neither_lost_nor_everywhere():
    area = np.array([SynDerm(200, seed=8, image_size=48)[i].mask.mean() for i in range(200)])
    assert (area > 0.003).mean() > 0.97  # a few hide under cloth or a dressing
    assert area.max() < 0.9 and 0.05 < np.median(area) < 0.30


def test_maps_agree():
    for i in range(20):
        case = SynDerm(20, seed=9, image_size=64)[i]
        assert (case.mask == case.attribute_map.any(axis=0)).all()
        assert not (case.lesion_map[~case.mask]).any()
        shown = {a for a, m in zip(LABEL_SPACE.attributes, case.attribute_map, strict=True) if m.any()}
        assert shown <= set(case.attributes)
        above = [CAUSES.index(name) for name in ("lesion", "hair", "ink", "ruler", "dressing", "cloth", "feature")]
        assert np.isin(case.cause[case.mask], above).all()
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
    looks = [np.mean([draw(["macule"], part, index=i, size=32).image for i in range(12)], axis=0) for part in SCENES]
    distance = [np.abs(a - b).mean() for i, a in enumerate(looks) for b in looks[:i]]
    assert set(SCENES) == set(ZONES) == set(knowledge().body_parts)
    assert min(distance) > 3


def test_skin_types_have_their_typology_angle():
    for skin, (low, high) in ANGLE_OF_TYPE.items():
        for index in range(8):
            melanin = draw([], skin=skin, index=index, size=16).parameters["nuisance"]["melanin"]
            colour = skin_colour(np.array([[melanin]], np.float32), np.array([[REST]], np.float32))
            assert low - 2 <= float(typology_angle(colour[:, 0, 0])) <= high + 2


def test_lab_of_known_colours():
    assert lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=0.1)
    assert lab(np.array([1.0, 0, 0])) == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


def test_erythema_is_fainter_on_dark_skin():
    seen = []
    for skin in (1, 6):
        colours = [
            lab(skin_colour(np.array([[m]], np.float32), np.array([[b]], np.float32)).astype(float)[:, 0, 0])
            for m in (draw([], skin=skin, size=16).parameters["nuisance"]["melanin"],)
            for b in (REST, REST + 0.8)
        ]
        seen.append(np.linalg.norm(colours[1] - colours[0]))
    assert seen[1] < 0.5 * seen[0] and seen[1] > 1


def test_skin_types_darken_in_order():
    brightness = [np.mean([draw(["macule"], "chest", s, i).image.mean() for i in range(3)]) for s in range(1, 7)]
    assert all(a > b for a, b in pairwise(brightness))


def test_number_and_size_of_lesions_follow_the_labels():
    data = SynDerm(30, seed=2, image_size=16)
    for i in range(30):
        few, many = (data.counterfactual(i, number=n).parameters["layout"]["elements"] for n in ("few", "many"))
        small, large = (data.counterfactual(i, size=s).parameters["layout"]["elements"] for s in ("small", "large"))
        assert len(few) <= len(many)
        assert len(small) == len(large) and all(a["r"] < b["r"] for a, b in zip(small, large, strict=True))


def test_the_skin_type_changes_nothing_but_colour():
    data = SynDerm(8, seed=5, image_size=48, confounders=False)
    for i in range(8):
        light, dark = data.counterfactual(i, fitzpatrick=1), data.counterfactual(i, fitzpatrick=6)
        assert light.parameters["layout"] == dark.parameters["layout"]
        assert (light.lesion_map > 0).sum() == pytest.approx((dark.lesion_map > 0).sum(), abs=3)
        differ = {k for k in light.parameters["nuisance"]
                  if light.parameters["nuisance"][k] != dark.parameters["nuisance"][k]}  # fmt: skip
        assert differ <= {"melanin", "freckles", "hair"}


def test_an_attribute_changes_its_own_pixels_only():
    data = SynDerm(40, seed=5, image_size=96, confounders=False, camera=STILL)
    tried = 0
    for i in range(40):
        labels = data.labels(i)
        if "black_pigment" in labels.attributes or labels.body_part in ("scalp", "ear"):
            continue
        with_it = data.counterfactual(i, add=["black_pigment"])
        far = ~ndimage.binary_dilation(of(with_it, "black_pigment"), iterations=8)
        assert change(with_it, data[i])[far].max() < 30  # the fading rim
        assert (change(with_it, data[i])[~of(with_it, "black_pigment")] > 0).mean() < 0.3
        tried += 1
    assert tried > 10


def test_ink_covers_and_the_rest_stays():
    data = SynDerm(6, seed=5, image_size=96, confounders=False, camera=STILL)
    for i in range(6):
        marked = data.counterfactual(i, confounders={"ink": 1.0})
        ink = marked.cause == CAUSES.index("ink")
        far = ~ndimage.binary_dilation(ink, iterations=9)
        assert ink.any() and marked.parameters["nuisance"]["ink"]
        assert change(marked, data[i])[far].max() <= 1


def test_confounders_occur_as_often_as_asked():
    table = {"ink": {"melanoma": 1.0, "default": 0.1}, "ruler": 0.5}
    data = SynDerm(400, seed=5, image_size=16, confounders=table)
    found = [(c.disease, c.parameters["nuisance"]) for c in (data[i] for i in range(400))]
    assert all(n["ink"] for d, n in found if d == "melanoma") and any(d == "melanoma" for d, _ in found)
    assert np.mean([n["ink"] for d, n in found if d != "melanoma"]) == pytest.approx(0.1, abs=0.05)
    assert np.mean([n["ruler"] for _, n in found]) == pytest.approx(0.5, abs=0.08)
    assert not any(n["dressing"] or n["hair"] or n["vignette"] for _, n in found)


def test_usual_confounders_do_not_depend_on_the_disease_and_leave_the_labels():
    assert all((np.ptp(row), row[0]) == (0, USUAL[name]) for name, row in probabilities(True, ("a", "b")).items())
    on, off = SynDerm(60, seed=5, image_size=32), SynDerm(60, seed=5, image_size=32, confounders=False)
    pairs = [(on[i], off[i]) for i in range(60)]
    assert all(a.labels == b.labels and (a.lesion_map > 0).sum() <= (b.lesion_map > 0).sum() for a, b in pairs)
    assert 0.2 < np.mean([(a.image != b.image).any() for a, b in pairs]) < 0.9


def test_knobs():
    prior = np.zeros(49)
    prior[[2, 7]] = 1
    data = SynDerm(40, seed=5, image_size=16, fitzpatrick={5: 3, 6: 1}, prior=prior, zoom=1.5, camera={"noise": 0.0})
    cases = [data[i] for i in range(40)]
    assert Counter(c.fitzpatrick for c in cases).keys() == {5, 6}
    assert sum(c.fitzpatrick == 5 for c in cases) > 20
    assert {c.disease for c in cases} == {knowledge().diseases[2], knowledge().diseases[7]}
    assert {c.parameters["nuisance"]["zoom"] for c in cases} == {1.5}
    assert {SynDerm(9, image_size=16, fitzpatrick=3)[i].fitzpatrick for i in range(9)} == {3}


COURSES = {
    "growing": Course("growing", 100, None),
    "spreading": Course("spreading", 100, None),
    "resolving": Course("resolving", 10, "hyperpigmentation"),
    "relapsing": Course("relapsing", 30, None),
    "migrating": Course("migrating", 6, None),
    "stable": Course("stable", 1, None),
}


@pytest.mark.parametrize(
    ("kind", "days", "present", "stage"),
    [
        ("growing", 50, {"vesicle", "erythema"}, Stage(grown=1.25)),
        ("spreading", 500, {"vesicle", "erythema"}, Stage(more=2.5)),
        ("resolving", 1, {"vesicle", "erythema"}, Stage(grown=1 - 0.045, activity=0.9)),
        ("resolving", 5, {"macule", "crust", "erythema"}, Stage(grown=1 - 0.225, activity=0.5)),
        ("resolving", 10, {"macule", "hyperpigmentation"}, Stage(activity=0.0)),
        ("relapsing", 30, {"macule"}, Stage(activity=0.0)),
        ("relapsing", 60, {"vesicle", "erythema"}, Stage(activity=1.0)),
        ("migrating", 2, {"vesicle", "erythema"}, Stage(shuffle=3)),
        ("migrating", 6, set(), Stage(activity=0.0)),
        ("stable", 900, {"vesicle", "erythema"}, Stage()),
    ],
)
def test_courses(kind, days, present, stage):
    labels, found = after(Labels("herpes simplex", "face", ("vesicle", "erythema"), 2), COURSES[kind], days)
    assert set(labels.attributes) == present
    assert vars(found) == pytest.approx(vars(stage))


def test_visits_show_the_same_person_and_place():
    data = SynDerm(30, seed=4, image_size=48, confounders=False)
    facts = knowledge()
    grown = healed = 0
    for i in range(30):
        first, later = data.visits(i, [0, 400])
        assert (first.image == data[i].image).all()
        keep = ("melanin", "zoom", "mirror", "place", "backdrop")
        assert all(first.parameters["nuisance"][k] == later.parameters["nuisance"][k] for k in keep)
        course = facts.courses[facts.diseases.index(first.disease)]
        if course.kind == "growing":
            a, b = (c.parameters["layout"]["elements"][0]["r"] for c in (first, later))
            grown += b > a
        if course.kind == "resolving" and course.days < 400:
            healed += set(later.attributes) <= {"macule", course.residue}
    assert grown and healed


def test_a_healed_case_without_residue_has_no_lesion():
    case = draw([], size=32, stage=Stage(activity=0.0))
    assert not case.mask.any() and not case.lesion_map.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n: must be 1"),
        ({"n": 3, "image_size": 4}, "image_size: must be 16"),
        ({"n": 3, "seed": -1}, "seed: must be 0"),
        ({"n": 3, "fitzpatrick": (0, 3)}, "fitzpatrick: must be some of 1..6"),
        ({"n": 3, "fitzpatrick": ()}, "fitzpatrick: must be some of 1..6"),
        ({"n": 3, "fitzpatrick": {2: -1.0}}, "fitzpatrick: weights"),
        ({"n": 3, "prior": [1] * 48}, "prior: must be 49 weights"),
        ({"n": 3, "zoom": 0.5}, "zoom: must lie in 1..3"),
        ({"n": 3, "camera": {"iso": 3}}, "camera: unknown"),
        ({"n": 3, "confounders": {"tape": 1.0}}, "confounders: unknown"),
        ({"n": 3, "confounders": {"ink": {"flu": 1.0}}}, "unknown disease"),
        ({"n": 3, "confounders": {"ink": 1.5}}, "must lie in 0..1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SynDerm(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"add": ["rash"]}, "unknown"), ({"skin": 3}, "unknown"), ({"fitzpatrick": 7}, "not one of"),
     ({"number": "lots"}, "not one of")],
)  # fmt: skip
def test_wrong_counterfactuals_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SynDerm(3, image_size=16).counterfactual(0, **arguments)


def test_two_photographs_of_one_day_differ_in_light_and_camera():
    for regime in (None, "plain"):
        one, two, three = SynDerm(2, seed=4, image_size=32, regime=regime).visits(1, [0, 0, 0])
        assert (one.image != two.image).any() and (two.image != three.image).any()
        assert (one.image == SynDerm(2, seed=4, image_size=32, regime=regime)[1].image).all()


def test_a_visit_before_the_first_is_refused():
    with pytest.raises(ValueError, match="days: must be 0"):
        SynDerm(3, image_size=16).visits(0, [-1])


def test_index_out_of_range():
    with pytest.raises(IndexError):
        SynDerm(3, image_size=16)[3]
    assert (SynDerm(3, image_size=16)[-1].image == SynDerm(3, image_size=16)[2].image).all()
