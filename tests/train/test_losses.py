"""Losses against hand-computed values, with unknown labels and without any."""

import math

import pytest
import torch

from dermimit.train.losses import first_nonfinite, masked_bce, soft_cross_entropy, task_objectives

NAN = float("nan")


def test_cross_entropy_against_a_slow_reference():
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0], [3.0, 1.0, 1.0]], dtype=torch.float64)
    target = torch.tensor([[0.7, 0.3, 0.0], [NAN, NAN, NAN], [0.0, 0.0, 1.0]], dtype=torch.float64)
    expected = 0.0
    for row in (0, 2):
        total = sum(math.exp(z) for z in logits[row].tolist())
        expected -= sum(
            t * math.log(math.exp(z) / total) for z, t in zip(logits[row].tolist(), target[row].tolist(), strict=True)
        )
    assert soft_cross_entropy(logits, target).item() == pytest.approx(expected / 2, abs=1e-12)


def test_bce_against_a_slow_reference():
    logits = torch.tensor([[0.5, -2.0], [1.0, 3.0]], dtype=torch.float64)
    target = torch.tensor([[1.0, NAN], [0.0, 0.4]], dtype=torch.float64)
    expected = 0.0
    for z, t in ((0.5, 1.0), (1.0, 0.0), (3.0, 0.4)):
        p = 1 / (1 + math.exp(-z))
        expected -= t * math.log(p) + (1 - t) * math.log(1 - p)
    assert masked_bce(logits, target).item() == pytest.approx(expected / 3, abs=1e-12)


@pytest.mark.parametrize("loss", [soft_cross_entropy, masked_bce])
def test_a_batch_without_labels_costs_nothing_and_gives_no_nan(loss):
    logits = torch.randn(4, 3, requires_grad=True)
    value = loss(logits, torch.full((4, 3), NAN))
    value.backward()
    assert value.item() == 0
    assert logits.grad.abs().sum() == 0


def test_weights_and_both_sets_of_logits():
    target = {"disease": torch.eye(3)}
    logits, before = {"disease": torch.randn(3, 3)}, {"disease/logits_before": torch.randn(3, 3)}
    after = soft_cross_entropy(logits["disease"], target["disease"])
    earlier = soft_cross_entropy(before["disease/logits_before"], target["disease"])
    objectives, parts = task_objectives(logits, before, target, {"disease": 2.0}, both=True)
    torch.testing.assert_close(objectives["disease"], 2 * (after + earlier))
    torch.testing.assert_close(parts["disease"], after)
    torch.testing.assert_close(
        task_objectives(logits, before, target, {"disease": 2.0}, both=False)[0]["disease"], 2 * after
    )
    same = {"disease/logits_before": logits["disease"]}  # no interaction: one set of logits, counted once
    torch.testing.assert_close(task_objectives(logits, same, target, {"disease": 1.0}, both=True)[0]["disease"], after)


def test_the_first_bad_loss_is_named():
    good = {"body_part": torch.tensor(1.0), "disease": torch.tensor(2.0)}
    assert first_nonfinite(good, torch.tensor(3.0)) is None
    assert first_nonfinite(good | {"disease": torch.tensor(NAN)}, torch.tensor(NAN)) == "disease"
    assert first_nonfinite(good, torch.tensor(float("inf"))) == "total"
