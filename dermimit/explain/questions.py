"""One photograph and everything that the model says of it: a map for each question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dermimit.data.problems import suggest
from dermimit.explain.attributions import attribution, methods_for
from dermimit.explain.style import TASK_LABELS, pretty
from dermimit.train.run import Run

Grid = dict[str, dict[str, np.ndarray]]


def questions(run: Run, image: Float[Tensor, "3 height width"], methods: Sequence[str], attributes: int = 3) -> Grid:
    """Where the model looked for the body part, for its most probable attributes and for the disease.

    Args:
        run: a finished run.
        image: a normalised photo of the model's size.
        methods: names of `attributions.METHODS`; one that cannot explain a task is left out of its rows.
        attributes: how many attributes.

    Returns:
        "<task>: <class>" -> method -> (H, W) map in [0, 1], as `charts.map_grid` of the study of localisation takes it.
    """
    with torch.no_grad():
        logits, _ = run.model(image[None])
    asked_for = [(task, index) for task in run.model.tasks if task != "attributes"
                 for index in logits[task][0].topk(1).indices.tolist()]  # fmt: skip
    if "attributes" in run.model.tasks:
        several = logits["attributes"][0].topk(min(attributes, logits["attributes"].shape[1])).indices.tolist()
        asked_for[1:1] = [("attributes", index) for index in several]
    return {name(run, task, index): _maps(run, image, task, index, methods) for task, index in asked_for}


def asked(run: Run, image: Float[Tensor, "3 height width"], task: str, class_name: str, methods: Sequence[str]) -> Grid:
    """The row of one question.

    Args:
        run, image, methods: as `questions`.
        task: whose answer is explained.
        class_name: a class of the task; empty for the model's answer.

    Raises:
        ValueError: the run has no such task or class.
    """
    if task not in run.model.tasks:
        raise ValueError(f"the run has no task {task!r}; {suggest(task, run.model.tasks)}")
    names = list(run.label_space.classes(task))
    if class_name and class_name not in names:
        raise ValueError(f"{task} has no class {class_name!r}; {suggest(class_name, names)}")
    with torch.no_grad():
        index = names.index(class_name) if class_name else int(run.model(image[None])[0][task][0].argmax())
    return {name(run, task, index): _maps(run, image, task, index, methods)}


def name(run: Run, task: str, index: int) -> str:
    """A question in words."""
    return f"{TASK_LABELS[task]}: {pretty(run.label_space.classes(task)[index])}"


def _maps(run: Run, image: Tensor, task: str, index: int, methods: Sequence[str]) -> dict[str, np.ndarray]:
    able, classes = methods_for(run, task), torch.tensor([index])
    return {
        method: attribution(run, image[None], task, classes, method, progress=False).map[0].numpy()
        for method in methods
        if method in able
    }
