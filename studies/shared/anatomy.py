"""One prediction taken apart: what the shipped model makes of one synthetic image, step by step.

Run: python -m studies.shared.anatomy book/images/anatomy.png
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
import tyro

from dermimit.explain.style import use_style
from dermimit.tasks import TASKS
from studies.shared.anatomy_charts import Anatomy, anatomy_figure, save_picture
from studies.shared.shipped import as_input, shipped_facts, shipped_network
from studies.shared.worked_case import picture, worked_case


def anatomy(size: int = 384) -> Anatomy:
    """The worked case of the book, through the shipped model.

    Args:
        size: side of the picture for people, in pixels.
    """
    case, network, facts = worked_case(), shipped_network(), shipped_facts()
    with torch.no_grad():
        logits, out = network(as_input(case.image))
    after = {task: probabilities(logits[task], facts["classes"][task], task) for task in TASKS}
    before = {task: probabilities(out[f"{task}/logits_before"], facts["classes"][task], task) for task in TASKS}
    order = {task: after[task].sort_values(ascending=False) for task in TASKS}
    return Anatomy(
        picture=picture(size),
        seen=case.image,
        labels=case.labels,
        before={task: before[task].reindex(order[task].index) for task in TASKS},
        after=order,
        selected={task: out[f"{task}/selected"][0].numpy() for task in TASKS if f"{task}/selected" in out},
        grid=network.grid_size,
        mask=worked_case(size).mask,
    )


def probabilities(logits: torch.Tensor, classes: list[str], task: str) -> pd.Series:
    """Probability of each class, from logits (1, C)."""
    return pd.Series((logits.sigmoid() if task == "attributes" else logits.softmax(-1))[0].numpy(), index=classes)


def main(out: tyro.conf.Positional[Path]) -> None:
    """Draw the picture into `out`, a PNG on white."""
    use_style()
    save_picture(anatomy_figure(anatomy()), out)


if __name__ == "__main__":
    tyro.cli(main)
