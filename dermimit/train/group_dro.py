"""Group distributionally robust training: the groups on which the loss is largest count most."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import reduce

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dermimit.train.losses import task_objectives


class GroupWeights(nn.Module):
    """Weights q of the groups, which grow with their losses: q_g ← q_g exp(η L_g), made to sum to 1 again.

    The weights of groups of which a batch knows no label stay as they are, and the others share what is left; in the
    source an absent group counts as one without loss, and so loses weight.

    Args:
        groups: their number G.
        step: η, 0 and up; 0 leaves all weights at 1 / G.

    Source: Sagawa et al., "Distributionally robust neural networks for group shifts", ICLR 2020, algorithm 1.
    """

    def __init__(self, groups: int, step: float) -> None:
        super().__init__()
        self.step = step
        self.register_buffer("q", torch.full((groups,), 1 / groups))

    @torch.no_grad()
    def update(self, groups: list[int], losses: Float[Tensor, " present"]) -> None:
        """Raise the weights of the groups of a batch by their losses."""
        old = self.q[groups]
        raised = (old.log() + self.step * losses.to(old)).softmax(0) * old.sum()
        self.q[groups] = raised.clamp(min=1e-6)

    def forward(self, objectives: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Update q, then Σ_g q_g L_g for each task.

        Args:
            objectives: group -> task -> its weighted loss on the group's photographs of the batch, as from
                `objectives_by_group`. A group without any keeps its weight, as one that the batch does not hold.

        Returns:
            task -> loss, divided by the sum of q over the groups that have one of it.
        """
        told = {g: reduce(torch.add, losses.values()).detach() for g, losses in objectives.items() if losses}
        if told:
            self.update(list(told), torch.stack(list(told.values())))
        found: dict[str, Tensor] = {}
        for task in dict.fromkeys(task for losses in objectives.values() for task in losses):
            groups = [g for g, losses in objectives.items() if task in losses]
            share = self.q[groups] / self.q[groups].sum()
            found[task] = sum(w * objectives[g][task] for w, g in zip(share, groups, strict=True))
        return found


def objectives_by_group(
    group: Int[Tensor, " batch"],
    logits: Mapping[str, Tensor],
    out: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    weights: dict[str, float],
    both: bool,
    multi_label: Collection[str] = ("attributes",),
    own: Mapping[str, Callable[[Tensor, Tensor], Tensor]] | None = None,
) -> dict[int, dict[str, Tensor]]:
    """`losses.task_objectives` of the photographs of each group that the batch holds: group -> task -> loss.

    A task of which a group's photographs have no known label is left out of that group.

    Args:
        group: of each photograph, 0 and up; the other arguments as in `losses.task_objectives`.
    """
    found = {}
    for g in group.unique().tolist():
        rows = (group == g).to(next(iter(logits.values())).device)
        part = {task: z[rows] for task, z in logits.items()}
        before = {task: out[f"{task}/logits_before"] for task in logits}
        before = {t: part[t] if z is logits[t] else z[rows] for t, z in before.items()}
        names = {f"{task}/logits_before": z for task, z in before.items()}
        cut = {task: t[rows.to(t.device)] for task, t in targets.items()}
        losses = task_objectives(part, names, cut, weights, both, multi_label, own)[0]
        found[g] = {task: loss for task, loss in losses.items() if is_told(cut[task], task in multi_label)}
    return found


def is_told(target: Float[Tensor, "batch classes"], one_by_one: bool) -> bool:
    """Whether a label is known: an entry, where labels count one by one, else a whole row."""
    known = ~target.isnan()
    return bool(known.any() if one_by_one else known.all(dim=1).any())
