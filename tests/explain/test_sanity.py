"""Maps of networks that forget, and how their likeness is measured."""

import numpy as np
import pytest
import timm
import torch
from conftest import far_from_its_start
from scipy import stats

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.explain.attributions import attribution
from dermimit.explain.randomise import randomise, stages, untrained_copy
from dermimit.explain.sanity import cascade, spearman, ssim

CLASSES = {"disease": 4, "body_part": 3, "attributes": 5}


@pytest.fixture(scope="module")
def model():
    return far_from_its_start(CLASSES)


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_stages_cover_every_weight_once(model):
    names = [name for name, _ in stages(model)]
    assert names == ["classifiers", "interaction", "heads", "trunk block 1", "stem"]
    found = [
        p
        for _, parts in stages(model)
        for part in parts
        for p in ([part] if isinstance(part, torch.nn.Parameter) else part.parameters())
    ]
    assert len(found) == len({id(p) for p in found})
    assert {id(p) for p in found} == {id(p) for p in model.parameters()}
    plain = timm.create_model("baseline", backbone="resnet18", img_size=64, num_classes=CLASSES)
    assert [name for name, _ in stages(plain)] == ["classifiers", "trunk"]


def test_every_weight_is_forgotten_and_the_original_kept(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copy = untrained_copy(model)
    for name, parameter in copy.named_parameters():
        assert not torch.equal(parameter, before[name]), name
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    again, other = untrained_copy(model), untrained_copy(model, seed=1)
    assert torch.equal(again.trunk.pos_embed, copy.trunk.pos_embed)
    assert not torch.equal(other.trunk.pos_embed, copy.trunk.pos_embed)
    randomise(copy.trunk.cls_token)
    assert not torch.equal(again.trunk.cls_token, copy.trunk.cls_token)


def test_the_cascade_changes_maps_of_the_network_and_not_those_of_the_photo(model, images):
    methods = ["gradient_times_activation", "class_attention", "edge_density"]
    frame = cascade(model, images, "disease", None, methods)
    assert len(frame) == len(methods) * 6 * 2
    assert list(frame["stage"].drop_duplicates())[:2] == ["trained", "classifiers"]
    by = frame.groupby(["method", "stage"])[["spearman", "ssim"]].min()
    assert by.xs("trained", level="stage").to_numpy() == pytest.approx(1)
    assert by.loc["edge_density"].to_numpy() == pytest.approx(1)
    assert by.loc[("class_attention", "interaction")].to_numpy() == pytest.approx(1)  # read before it
    last = frame[(frame["stage"] == "stem") & (frame["method"] != "edge_density")]
    assert (last["spearman"] < 0.8).all() and (last["ssim"] < 0.9).all()
    first = frame[(frame["stage"] == "classifiers") & (frame["method"] == "gradient_times_activation")]
    assert (first["spearman"] < 0.99).all()
    assert frame.equals(cascade(model, images, "disease", None, methods))
    assert attribution(model, images, "disease", None, "edge_density").map.max() == 1


def test_spearman_is_scipy_s():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, (5, 6, 7)) / 3, rng.random((5, 6, 7))
    expected = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)]
    assert spearman(first, second) == pytest.approx(expected)
    assert np.isnan(spearman(np.zeros((1, 3, 3)), second[:1, :3, :3])).all()


def test_ssim_against_explicit_windows():
    rng = np.random.default_rng(0)
    a, b = rng.random((1, 16, 16)), rng.random((1, 16, 16))
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    pa, pb = (np.pad(x[0], 5, mode="symmetric") for x in (a, b))
    values = []
    for y in range(16):
        for x in range(16):
            u, v = pa[y : y + 11, x : x + 11], pb[y : y + 11, x : x + 11]
            mu, mv = (window * u).sum(), (window * v).sum()
            su, sv = (window * u * u).sum() - mu**2, (window * v * v).sum() - mv**2
            suv = (window * u * v).sum() - mu * mv
            values.append((2 * mu * mv + 1e-4) * (2 * suv + 9e-4) / ((mu**2 + mv**2 + 1e-4) * (su + sv + 9e-4)))
    assert ssim(a, b)[0] == pytest.approx(np.mean(values))
    assert ssim(a, a)[0] == pytest.approx(1)
