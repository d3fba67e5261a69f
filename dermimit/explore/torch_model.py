"""A run of torch under the explorer's controls: any run, whichever of the controls its model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from dermimit.data.problems import suggest
from dermimit.explain.attributions import attribution, methods_for
from dermimit.explain.localisation_names import BASELINES
from dermimit.export.graph import Explorable, check_explorable, probability
from dermimit.tasks import SELECTING_TASKS
from dermimit.train.run import Run

Pixels = UInt8[np.ndarray, "height width 3"]


class TorchModel:
    """A finished run that answers for one photograph, and draws maps of it.

    K, the switches and what is set by hand are those of `Explorable`; a run that it does not stand for (one task, no
    lesion selection, another fusion) answers without them.

    Args:
        run: a finished run.

    Attributes:
        facts: for the page: classes by task, image size, interpolation, grid, k (0 without lesion selection), whether
            there are `controls`, and by task the `methods` that can explain it.
    """

    def __init__(self, run: Run) -> None:
        self.run, model = run, run.model
        self._explorable = explorable(run)
        rows, columns = model.grid_size
        selecting = [task for task in SELECTING_TASKS if task in getattr(model, "heads", {})]
        self.selecting = [task for task in selecting if model.heads[task].selection is not None]
        self.facts: dict[str, Any] = {
            "name": run.path.resolve().name,
            "image_size": list(model.image_size),
            "interpolation": run.preprocessing.interpolation,
            "grid": [rows, columns],
            "k": model.heads[self.selecting[0]].selection.k if self.selecting else 0,
            "num_patches": rows * columns,
            "classes": {task: list(run.label_space.classes(task)) for task in model.tasks},
            "controls": self._explorable is not None,
            "selecting": self.selecting,
            "methods": {task: methods_for(run, task) for task in model.tasks},
            "baselines": list(BASELINES),
        }

    @torch.no_grad()
    def __call__(self, photo: Pixels, choice: Mapping[str, Any] | None = None) -> dict[str, list[float]]:
        """The answer under the controls.

        Args:
            photo: at the model's size.
            choice: `k`, `lsm`, `cim`, class -> probability set by hand under `body_part` and `attributes`, and `scores`
                of all patches that take the place of the attention's; what is absent, or None, is as trained.

        Returns:
            for each task its probabilities, and for each task with lesion selection `<task>_scores` and
            `<task>_ranked` over patches, best first.
        """
        image, choice = self.tensor(photo), choice or {}
        if self._explorable is not None:
            found = self._explorable(*self._inputs(image, choice))
            return {name: value[0].tolist() for name, value in found.items()}
        logits, out = self.run.model(image)
        answers = {task: probability(z, self._kind(task))[0].tolist() for task, z in logits.items()}
        for task in self.selecting:
            scores = out[f"{task}/scores"][0]
            answers |= {f"{task}_scores": scores.tolist()}
            answers |= {f"{task}_ranked": ranked(out[f"{task}/selected"][0], scores).tolist()}
        return answers

    def map(self, photo: Pixels, task: str, class_name: str, method: str) -> tuple[np.ndarray, float | None]:
        """Where an answer comes from: (H, W) in [0, 1], and what is missing from completeness, in logits, if promised.

        Args:
            photo: at the model's size.
            task, method: as `attribution` knows them.
            class_name: a class of the task; empty for the model's answer.

        Raises:
            ValueError: the run has no such task, class or method.
        """
        names = self.facts["classes"].get(task, [])
        if class_name and class_name not in names:
            raise ValueError(f"{task} has no class {class_name!r}; {suggest(class_name, names)}")
        classes = torch.tensor([names.index(class_name)]) if class_name else None
        maps = attribution(self.run, self.tensor(photo), task, classes, method, progress=False)
        return maps.map[0].numpy(), None if maps.delta is None else float(maps.delta[0])

    def tensor(self, photo: Pixels) -> Tensor:
        """The photograph as the model takes it, (1, 3, H, W).

        Raises:
            ValueError: another size.
        """
        height, width = self.facts["image_size"]
        if photo.shape != (height, width, 3) or photo.dtype != np.uint8:
            raise ValueError(f"photo: expected uint8 ({height}, {width}, 3), got {photo.dtype} {photo.shape}")
        return self.run.preprocessing.normalise(torch.from_numpy(photo).permute(2, 0, 1).contiguous())[None]

    def _inputs(self, image: Tensor, choice: Mapping[str, Any]) -> tuple[Tensor, ...]:
        assert self._explorable is not None  # who asks has looked
        choice = {name: value for name, value in choice.items() if value is not None}
        _, k, _, _, attributes, body_part, scores = self._explorable.usual(image)
        for task, values in (("attributes", attributes), ("body_part", body_part)):
            names = self.facts["classes"][task]
            for name, p in choice.get(task, {}).items():
                values[0, names.index(name)] = p
        k = torch.tensor(int(choice["k"])) if "k" in choice else k
        switches = [torch.tensor(bool(choice.get(name, True))) for name in ("lsm", "cim")]
        if "scores" in choice:
            scores[0] = torch.tensor(choice["scores"])
        return image, k, *switches, attributes, body_part, scores

    def _kind(self, task: str) -> str:
        """The task whose probabilities are formed alike: independent of each other, or summing to 1."""
        return "attributes" if self.run.label_space.multi_label(task) else "disease"


def explorable(run: Run) -> Explorable | None:
    """The run's model with its choices as inputs, or None where it has not got them."""
    if run.config.supervise != "both" or run.label_space.multi_label("body_part"):
        return None
    try:
        check_explorable(run.model)
    except ValueError:
        return None
    return Explorable(run.model).eval()


def ranked(selected: Tensor, scores: Tensor) -> Tensor:
    """All patches: the selected ones in their order, then the others by score."""
    rest = scores.argsort(descending=True)
    return torch.cat([selected, rest[~torch.isin(rest, selected)]])
