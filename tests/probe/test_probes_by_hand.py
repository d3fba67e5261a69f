"""Probes and their features, worked out another way."""

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score

from dermimit.probe.attentive import AttentivePooling, attentive
from dermimit.probe.colour import local_patterns
from dermimit.probe.features import said
from dermimit.probe.logistic import inner_folds, logistic
from dermimit.probe.scores import score


def test_attentive_pooling_by_hand():
    rng = np.random.default_rng(0)
    tokens, mean, deviation = rng.normal(2, 3, (2, 5, 4)), rng.normal(size=4), rng.random(4) + 0.5
    query, weight, bias = rng.normal(size=4), rng.normal(size=(3, 4)), rng.normal(size=3)
    model = AttentivePooling(torch.tensor(mean).float(), torch.tensor(deviation).float(), 3)
    with torch.no_grad():
        for parameter, value in zip((model.query, model.classifier.weight, model.classifier.bias),
                                    (query, weight, bias), strict=True):  # fmt: skip
            parameter.copy_(torch.tensor(value))
    x = (tokens - mean) / deviation
    a = np.exp(x @ query / 4**0.5)
    a /= a.sum(axis=1, keepdims=True)
    expected = np.einsum("bn,bnd->bd", a, x) @ weight.T + bias
    np.testing.assert_allclose(model(torch.tensor(tokens)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["attentive", "logistic"])
def test_where_nothing_can_be_learnt_every_class_is_as_probable(method):
    """Classes weigh the same however many photographs they have: 50 and 10."""
    tokens, classes = np.ones((61, 2, 3), np.float16), np.repeat([0, 1], [50, 10])
    train, test = np.arange(60), np.array([60])
    if method == "attentive":
        answer = attentive(tokens, train, classes, test, 2, epochs=40, lr=0.05, seed=0)
    else:
        vectors = tokens.mean(axis=1).astype(float)
        answer, _ = logistic(vectors[train], classes, train, vectors[test], [1.0], 2, 0)
    assert answer[0] == pytest.approx([0.5, 0.5], abs=0.05)


def test_no_patient_is_on_both_sides_where_the_penalty_is_chosen():
    groups, classes = np.repeat(np.arange(12), 5), np.repeat(np.arange(12) % 2, 5)
    parts = inner_folds(classes, groups, seed=0)
    assert len(parts) == 3 and sorted(np.concatenate([held for _, held in parts])) == list(range(60))
    for rest, held in parts:
        assert not set(groups[rest]) & set(groups[held])


def test_the_interval_of_an_area_covers_the_luck_of_the_split():
    truth = np.repeat([0, 1], 10)
    shares = [np.r_[np.arange(10), np.arange(10) + shift].astype(float) / 30 for shift in (5.5, 6.5)]
    frames = [pd.DataFrame({"row": "r", "split": split, "fold": 0, "image": [f"{i:02d}" for i in range(20)],
                            "group": "P", "disease": np.array(["a", "b"])[truth], "p_a": 1 - p, "p_b": p})
              for split, p in enumerate(shares)]  # fmt: skip
    (line,) = score(pd.concat(frames), ("a", "b"), 400)
    areas = [roc_auc_score(truth, p) for p in shares]
    # one patient: no resample differs; both splits drawn are the same one in a quarter of the resamples each
    half = abs(areas[0] - areas[1]) / 2 * 2**0.5 * stats.t.ppf(0.975, 1) / stats.norm.ppf(0.975)
    expected = np.clip([np.mean(areas) - half, np.mean(areas) + half], 0, 1)
    assert line["auroc"] == pytest.approx(np.mean(areas)) and half > 0.1
    assert [line["auroc_low"], line["auroc_high"]] == pytest.approx(expected)


def test_the_mean_of_patch_tokens_is_without_registers():
    torch.manual_seed(0)
    model = timm.create_model("vit_small_patch14_reg4_dinov2", img_size=28, depth=1, embed_dim=24, num_heads=2,
                              num_classes=0).eval()  # fmt: skip
    torch.nn.init.normal_(model.reg_token)
    images = torch.randn(2, 3, 28, 28)
    with torch.inference_mode():
        found, tokens = said(model, images)
        whole = model.forward_features(images)
    assert whole.shape[1] == 1 + 4 + 4 and tokens.shape[1] == 4
    torch.testing.assert_close(found["mean"], whole[:, 5:].mean(1))
    torch.testing.assert_close(found["class"], whole[:, 0])


def test_local_patterns_of_known_pictures():
    share = np.zeros(10)
    ramp = np.tile(np.arange(8.0), (6, 1))  # three neighbours are brighter and two are equal, in one arc
    assert local_patterns(ramp).tolist() == np.where(np.arange(10) == 5, 1.0, share).tolist()
    peak = np.zeros((3, 3))
    peak[1, 1] = 1  # no neighbour is as bright
    assert local_patterns(peak).tolist() == np.where(np.arange(10) == 0, 1.0, share).tolist()
    stripes = np.array([[0, 2, 0], [0, 1, 0], [0, 2, 0.0]])  # two arcs: four changes
    assert local_patterns(stripes).tolist() == np.where(np.arange(10) == 9, 1.0, share).tolist()


def test_attentive_pooling_learns_nothing_from_the_photographs_that_it_answers_for():
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(30, 2, 4)).astype(np.float16)
    classes, train, test = np.arange(20) % 2, np.arange(20), np.arange(20, 30)
    other = tokens.copy()
    other[21:] *= 50
    one, two = (attentive(t, train, classes, test, 2, epochs=3, lr=0.05, seed=0)[0] for t in (tokens, other))
    np.testing.assert_allclose(one, two, rtol=1e-5)
