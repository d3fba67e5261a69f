"""SynDerm-49: its knowledge, its label process, its ceiling, and the folder it writes."""

import copy
import json
from importlib import resources

import numpy as np
import pytest
import yaml
from PIL import Image

from dermimit.data.schema import load_dataset
from dermimit.data.synderm import LABEL_SPACE, SynDerm, ceiling, posterior, write
from dermimit.data.synderm import write as write_function
from dermimit.data.synderm.ceiling import log_likelihood
from dermimit.data.synderm.knowledge import KnowledgeError, knowledge, parse
from dermimit.data.synderm.write import split_seed

SIZES = {"train": 5, "val": 3, "test": 2}


@pytest.fixture(scope="module")
def raw():
    return yaml.safe_load(resources.files("dermimit.data.synderm").joinpath("knowledge.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "synderm", SIZES, seed=4, image_size=32)


def files(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.png"))}


def test_label_shape_is_that_of_derm_49():
    assert LABEL_SPACE.num_classes == {"body_part": 15, "attributes": 27, "disease": 49}


def test_tail_is_moderate_and_a_validation_set_sees_every_disease():
    prior = knowledge().prior
    assert 6 <= prior.max() / prior.min() <= 14
    assert 49 * (1 - prior.min()) ** 2000 < 1e-3


def test_tables_are_probabilities():
    facts = knowledge()
    np.testing.assert_allclose(facts.body_part.sum(axis=1), 1)
    assert ((facts.attribute > 0) & (facts.attribute < 1)).all()
    assert set(facts.sources) == set(facts.diseases)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k["diseases"]["keloid"]["attributes"].update(scarr=0.5), r"keloid: attributes: unknown \['scarr'\]"),
        (lambda k: k["diseases"]["keloid"]["attributes"].update(scar=1.2), "keloid: scar: probability"),
        (lambda k: k["diseases"]["keloid"]["body"].update(ear=0.9), "keloid: body must sum to 1"),
        (lambda k: k["diseases"]["keloid"].update(prior=0), "keloid: prior must be above 0"),
        (lambda k: k["diseases"]["keloid"].update(source="a friend"), "keloid: source"),
        (lambda k: k["diseases"].pop("keloid"), "diseases must be 49"),
        (lambda k: k["diseases"].update(keloid=k["diseases"]["melasma"]), "same profile"),
        (lambda k: k["dependences"].append({"attribute": "papule", "any": ["scale"], "odds": 2}), "before the attri"),
    ],
)
def test_a_wrong_knowledge_file_is_refused(raw, change, message):
    wrong = copy.deepcopy(raw)
    change(wrong)
    with pytest.raises(KnowledgeError, match=message):
        parse(wrong)


def test_draws_follow_the_tables():
    facts, n = knowledge(), 4000
    d = facts.diseases.index("plaque psoriasis")
    body, present = facts.draw(np.full(n, d), np.random.default_rng(0))
    assert np.abs(np.bincount(body, minlength=15) / n - facts.body_part[d]).max() < 0.03
    for name in ("plaque", "erythema"):  # no rule speaks of these two
        j = facts.attributes.index(name)
        assert abs(present[:, j].mean() - facts.attribute[d, j]) < 0.03


def test_dependences_hold():
    facts = knowledge()
    rng = np.random.default_rng(1)
    _, present = facts.draw(rng.choice(49, 5000, p=facts.prior), rng)
    seen = dict(zip(facts.attributes, present.T, strict=True))
    assert not (seen["umbilication"] & ~(seen["papule"] | seen["nodule"] | seen["vesicle"])).any()
    primary = (
        "papule",
        "plaque",
        "nodule",
        "vesicle",
        "bulla",
        "pustule",
        "wheal",
        "comedo",
        "ulcer",
        "macule",
        "patch",
    )
    assert np.any([seen[p] for p in primary], axis=0).all()
    blistered = seen["vesicle"] | seen["bulla"] | seen["wheal"]
    assert seen["scale"][blistered].mean() < 0.5 * seen["scale"][~blistered].mean()


def test_attribute_probabilities_sum_to_one_over_all_vectors():
    facts = knowledge()
    free = [facts.attributes.index(a) for a in ("vesicle", "erosion", "crust", "scale", "telangiectasia", "patch")]
    vectors = np.zeros((64, 27), dtype=bool)
    vectors[:, free] = (np.arange(64)[:, None] >> np.arange(6)) & 1
    others = [j for j in range(27) if j not in free]
    p = np.exp(log_likelihood(None, vectors, facts))
    rest = np.ones((64, 49))
    for j in others:
        rest *= 1 - facts.attribute_probability(j, vectors)
    np.testing.assert_allclose((p / rest).sum(axis=0), 1, rtol=1e-9)


def test_posterior_is_bayes_rule():
    p = posterior("groin", ["erythema", "patch", "erosion", "pustule"])
    assert sum(p.values()) == pytest.approx(1)
    assert max(p, key=p.get) == "candidal intertrigo"
    assert posterior(None, None) == pytest.approx(dict(zip(knowledge().diseases, knowledge().prior, strict=True)))
    sure = np.zeros(49)
    sure[3] = 1
    assert posterior("groin", ["erythema", "patch"], prior=sure)[knowledge().diseases[3]] == 1


def test_posterior_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"attributes: unknown \['itch'\]"):
        posterior("face", ["itch"])
    with pytest.raises(ValueError, match="cannot occur together"):
        posterior("face", ["umbilication", "patch"])
    with pytest.raises(ValueError, match="prior: must be 49 weights"):
        ceiling(prior=[1, 2])


def test_ceiling_leaves_room_and_more_evidence_never_hurts():
    both = ceiling(n=20_000)
    part = ceiling(("body_part",), n=20_000)
    marks = ceiling(("attributes",), n=20_000)
    nothing = ceiling((), n=20_000)
    assert 0.70 < both.macro_f1 < 0.85
    assert both.accuracy > marks.accuracy > part.accuracy > nothing.accuracy
    assert nothing.accuracy == pytest.approx(knowledge().prior.max(), abs=4 * nothing.mc_standard_error + 1e-3)
    assert both.accuracy < both.top3_accuracy < 1 and both.mc_standard_error < 0.004


def test_posterior_is_calibrated():
    facts, rng, n = knowledge(), np.random.default_rng(2), 10_000
    disease = rng.choice(49, n, p=facts.prior)
    joint = np.exp(log_likelihood(*facts.draw(disease, rng), facts)) * facts.prior
    p = joint / joint.sum(axis=1, keepdims=True)
    hit = p.argmax(axis=1) == disease
    assert p.max(axis=1).mean() == pytest.approx(hit.mean(), abs=0.015)


def test_written_folder_is_a_dataset(written):
    frame, space = load_dataset(written)
    assert space == LABEL_SPACE
    assert frame["split"].value_counts().to_dict() == SIZES
    assert frame["patient_id"].is_unique
    row = frame.iloc[6]
    case = SynDerm(3, split_seed(4, "val"), 32)[1]
    assert (row["disease"], row["body_part"], tuple(row["attributes"])) == (
        case.disease, case.body_part, case.attributes,
    )  # fmt: skip
    with Image.open(written / row["image"]) as image, Image.open(written / row["mask"]) as mask:
        assert (np.asarray(image) == case.image).all()
        assert (np.asarray(mask) == case.mask * 255).all()


def test_no_two_splits_share_a_case(written):
    images = [content for name, content in files(written).items() if name.startswith("images/")]
    assert len(set(images)) == sum(SIZES.values())
    assert len({split_seed(s, k) for s in range(50) for k in ("train", "val", "test")}) == 150


def test_workers_do_not_change_the_files(written, tmp_path):
    assert files(write(tmp_path / "two", SIZES, seed=4, image_size=32, workers=2)) == files(written)


def test_a_killed_write_is_completed(tmp_path, monkeypatch):
    root = tmp_path / "killed"
    module = __import__("sys").modules[write_function.__module__]
    whole, calls = module.write_case, []

    def dies_after_four(*arguments):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(module, "write_case", dies_after_four)
    with pytest.raises(KeyboardInterrupt):
        write(root, SIZES, seed=4, image_size=32)
    kept = {p: p.stat().st_mtime_ns for p in root.rglob("*.png")}
    monkeypatch.setattr(module, "write_case", whole)
    write(root, SIZES, seed=4, image_size=32)
    assert len(kept) == 8 and all(p.stat().st_mtime_ns == t for p, t in kept.items())
    assert len(load_dataset(root)[0]) == 10 and not list(root.rglob("*.tmp"))


def test_another_dataset_is_not_overwritten(written, tmp_path):
    before = json.loads((written / "synderm.json").read_text("utf-8"))
    with pytest.raises(FileExistsError, match=r"another SynDerm dataset .*seed"):
        write(written, SIZES, seed=5, image_size=32)
    assert json.loads((written / "synderm.json").read_text("utf-8")) == before
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="is not empty"):
        write(tmp_path, SIZES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": {"training": 3}}, "unknown split"),
        ({"n": {}}, "at least one case"),
        ({"n": {"train": 1}, "image_size": 8}, "image_size: must be 16"),
        ({"n": {"train": 1}, "workers": 0}, "workers: must be 1"),
    ],
)
def test_write_refuses_wrong_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()
