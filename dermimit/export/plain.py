"""Any run as one graph without knobs: a photograph in, probabilities out."""

from collections.abc import Collection
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PlainGraph(nn.Module):
    """A model with probabilities instead of logits.

    Args:
        model: a DermImitFormer or a `Baseline`; it is copied.
        several: tasks of which several classes may hold.

    Attributes:
        tasks: the model's.
        channels: of the input; with selection by a lesion map the map comes after the photograph's.
        input_names, output_names: in the order of the file.
        per_photo: inputs with one entry for each photograph.
    """

    input_names = per_photo = ("image",)

    def __init__(self, model: nn.Module, several: Collection[str]) -> None:
        super().__init__()
        self.model: Any = deepcopy(model).eval()
        self.tasks: tuple[str, ...] = self.model.tasks
        self.several = frozenset(several)
        self.channels: int = self.model.in_chans + (self.model.config.selection == "given")
        with torch.no_grad():
            out = self.model(torch.zeros(2, self.channels, *self.model.image_size))[1]
        self.selecting = [task for task in self.tasks if f"{task}/scores" in out]
        self.k: int = out[f"{self.selecting[0]}/selected"].shape[1] if self.selecting else 0
        self.num_patches: int = self.model.grid_size[0] * self.model.grid_size[1]
        self.others = [name for name in ("box", *(f"{t}/selected_zoomed" for t in self.selecting)) if name in out]
        patches = [f"{task}_{what}" for task in self.selecting for what in ("scores", "ranked", "selected")]
        self.output_names = (*self.tasks, *patches, *(name.replace("/", "_") for name in self.others))

    def forward(self, image: Float[Tensor, "batch channels height width"]) -> dict[str, Tensor]:
        """Answers and where they were read.

        Args:
            image: normalised as for training; with selection by a lesion map, this map (0 skin, 1 lesion) comes last.

        Returns:
            for each task its probabilities (B, C); for each task with selection `<task>_scores` (B, N), `<task>_ranked`
            (B, N), all patches by score, best first, and `<task>_selected` (B, K), those that it read; with zoom `box`
            (B, 4) and `<task>_selected_zoomed`, places in the detail. Patches are row-major.
        """
        logits, out = self.model(image)
        answers = {task: z.sigmoid() if task in self.several else z.softmax(dim=1) for task, z in logits.items()}
        for task in self.selecting:
            scores = out[f"{task}/scores"]
            answers[f"{task}_scores"] = scores
            answers[f"{task}_ranked"] = scores.topk(self.num_patches, dim=1).indices
            answers[f"{task}_selected"] = out[f"{task}/selected"]
        return answers | {name.replace("/", "_"): out[name] for name in self.others}

    def usual(self, images: Tensor) -> tuple[Tensor]:
        """The inputs of plain use."""
        return (images,)
