"""Gradients of the tasks on the trunk: cosines, projection and learnt weights against references by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from dermimit.train.gradients import UncertaintyWeights, conflict, project_conflicts, replace_gradients, task_gradients


def test_gradients_of_each_task_are_those_of_its_own_backward():
    torch.manual_seed(0)
    layer, x = nn.Linear(3, 2).double(), torch.randn(5, 3, dtype=torch.float64)
    y = layer(x)
    objectives = {"disease": y[:, 0].square().mean(), "attributes": y[:, 1].exp().mean()}
    found = task_gradients(objectives, list(layer.parameters()))
    for task, loss in objectives.items():
        layer.zero_grad()
        loss.backward(retain_graph=True)
        torch.testing.assert_close(found[task], torch.cat([p.grad.flatten() for p in layer.parameters()]))


def test_cosines_of_known_vectors():
    found = conflict({"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([-1.0, 1.0]), "c": torch.tensor([0.0, 0.0])})
    assert found["cosine/a/b"] == pytest.approx(-(0.5**0.5))
    assert found["cosine/a/c"] == 0.0
    assert found["norm/a"] == 3.0


def test_two_opposed_gradients_are_projected_as_in_the_paper():
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    # a - (a·b / b·b) b = (.5, .5); b - (b·a / a·a) a = (0, 1)
    torch.testing.assert_close(project_conflicts({"a": a, "b": b}), torch.tensor([0.5, 1.5]))


def test_agreeing_gradients_are_only_summed():
    a, b = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 2.0])
    torch.testing.assert_close(project_conflicts({"a": a, "b": b}), a + b)


def test_projection_against_a_slow_reference():
    rng = np.random.default_rng(0)
    for trial in range(20):
        g = rng.standard_normal((3, 6))
        generator = torch.Generator().manual_seed(trial)
        found = project_conflicts(dict(zip("abc", torch.tensor(g), strict=True)), generator)
        again, wanted = torch.Generator().manual_seed(trial), np.zeros(6)
        for i in range(3):
            v = g[i].copy()
            for j in torch.randperm(3, generator=again).tolist():
                if j != i and v @ g[j] < 0:
                    v = v - (v @ g[j]) / (g[j] @ g[j]) * g[j]
            wanted += v
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


def test_gradients_are_written_back_in_order():
    layer = nn.Linear(2, 2)
    replace_gradients(list(layer.parameters()), torch.arange(6.0))
    assert layer.weight.grad.tolist() == [[0, 1], [2, 3]]
    assert layer.bias.grad.tolist() == [4, 5]


def test_learnt_weights_find_the_scale_of_each_loss():
    weights = UncertaintyWeights(["a", "b"])
    optimizer = torch.optim.Adam(weights.parameters(), lr=0.05)
    losses = {"a": torch.tensor(4.0), "b": torch.tensor(0.25)}
    for _ in range(800):
        optimizer.zero_grad()
        weights(losses).backward()
        optimizer.step()
    # d/ds (exp(-s) L + s/2) = 0 at exp(s) = 2 L
    assert weights.log_variance["a"].exp().item() == pytest.approx(8.0, rel=0.01)
    assert weights.log_variance["b"].exp().item() == pytest.approx(0.5, rel=0.01)


def test_a_task_without_a_label_in_the_batch_moves_no_learnt_weight():
    weights = UncertaintyWeights(["disease", "attributes"])
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.5)
    for _ in range(400):
        loss = weights({"disease": torch.tensor(1.0), "attributes": torch.tensor(0.0)})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.isfinite(loss) and weights.log_variance["attributes"].item() == 0.0
    assert weights.log_variance["disease"].item() == pytest.approx(np.log(2), abs=1e-3)  # where exp(-s) = 1/2
