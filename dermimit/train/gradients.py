"""How the tasks' gradients on the shared trunk agree, and one way of making them agree."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn


def task_gradients(objectives: Mapping[str, Tensor], shared: Sequence[nn.Parameter]) -> dict[str, Tensor]:
    """The gradient of each task's loss on the shared parameters, as one long vector; the graph is kept.

    Args:
        objectives: task -> its weighted loss, a scalar with a graph.
        shared: parameters on which every loss depends.
    """
    return {
        task: torch.cat([g.flatten() for g in torch.autograd.grad(loss, shared, retain_graph=True)])
        for task, loss in objectives.items()
    }


def conflict(gradients: Mapping[str, Tensor]) -> dict[str, float]:
    """Cosine between the gradients of each pair of tasks, -1 (opposed) to 1 (agreed), and each gradient's norm.

    Returns:
        "cosine/<task>/<task>" for each pair, "norm/<task>" for each task.

    Source: Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020, definition 1 (a cosine below 0 is a
    conflict). DermImitFormer's claim is that its parts lessen such conflicts; no measurement is known to us.
    """
    norms = {task: g.norm() for task, g in gradients.items()}
    found = {f"norm/{task}": float(norm) for task, norm in norms.items()}
    for one, two in combinations(gradients, 2):
        scale = (norms[one] * norms[two]).clamp(min=1e-12)
        found[f"cosine/{one}/{two}"] = float(gradients[one] @ gradients[two] / scale)
    return found


def project_conflicts(gradients: Mapping[str, Tensor], generator: torch.Generator | None = None) -> Tensor:
    """PCGrad: each task's gradient loses its part against every other task's; then they are summed.

    For task i and each other task j in random order: if g_i · g_j < 0, g_i ← g_i - (g_i · g_j / |g_j|²) g_j, with g_j
    as it was at first.

    Args:
        gradients: task -> vector of equal length.
        generator: of the order.

    Source: Yu et al., NeurIPS 2020, algorithm 1.
    """
    tasks, total = list(gradients), torch.zeros_like(next(iter(gradients.values())))
    for i, task in enumerate(tasks):
        mine = gradients[task].clone()
        others = [j for j in torch.randperm(len(tasks), generator=generator).tolist() if j != i]
        for other in (gradients[tasks[j]] for j in others):
            along = mine @ other
            if along < 0:
                mine -= along / (other @ other).clamp(min=1e-24) * other
        total += mine
    return total


def replace_gradients(shared: Iterable[nn.Parameter], vector: Tensor) -> None:
    """Write one long vector into the parameters' `.grad`, in their order, laid out in memory as they are."""
    start = 0
    for parameter in shared:
        own = vector[start : start + parameter.numel()].reshape(parameter.shape)
        parameter.grad = torch.empty_like(parameter).copy_(own).detach()
        start += parameter.numel()


class UncertaintyWeights(nn.Module):
    """One learnt log-variance s_t for each task; the loss is Σ_t exp(-s_t) L_t + s_t / 2.

    A task whose loss is exactly 0 has no known label in the batch: its term, s_t / 2 included, is left out. Else s_t
    would fall without end where labels are rare.

    Args:
        tasks: names of the losses.

    Source: Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018, equation 10
    (classification: L / σ² + log σ, with s = log σ²).
    """

    def __init__(self, tasks: Iterable[str]) -> None:
        super().__init__()
        self.log_variance = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in tasks})

    def forward(self, objectives: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the tasks' losses, a scalar."""
        terms = {task: torch.exp(-s) * objectives[task] + s / 2 for task, s in self.log_variance.items()}
        told = {task: (objectives[task].detach() != 0).to(term.dtype) for task, term in terms.items()}
        return sum(told[task] * term for task, term in terms.items())
