"""Whether the photographs of a run can teach what they are to teach, asked before anything is written."""

import warnings

import numpy as np

from dermimit.data import PhotoSet
from dermimit.data.label_space import TASKS
from dermimit.data.splits import select
from dermimit.data.targets import encode_targets
from dermimit.train.config import TrainConfig

A_LABEL = {"disease": "a disease", "body_part": "a body part", "attributes": "attributes"}


def check_labels(config: TrainConfig, photos: PhotoSet) -> None:
    """Warns of a task that the training photographs cannot teach, or that the validation photographs cannot judge.

    Args:
        config: the run.
        photos: its photographs.

    Raises:
        ValueError: no task can be learnt: each has one class only, or no label, among the training photographs; or the
            dataset knows none of them.
        ManifestError: the training or validation split is empty.
    """
    space = photos.label_space
    tasks = [task for task in TASKS if task in config.tasks and space.classes(task)]
    if not tasks:
        held = ", ".join(task for task in TASKS if space.classes(task))
        raise ValueError(f"{photos.root}: no labels for {', '.join(config.tasks)}: it has {held}")
    train, val = (encode_targets(select(photos.frame, split), space) for split in ("train", "val"))
    wrong = {task: text for task in tasks if (text := _why_not(task, train[task], photos))}
    if len(wrong) == len(tasks):
        raise ValueError(f"{photos.root}: {'; '.join(wrong.values())}")
    hidden = {"attributes": config.attribute_missing, "disease": config.unseen}  # left out as the run asks
    for text in [text for task, text in wrong.items() if not hidden.get(task)]:
        warnings.warn(f"{photos.root}: {text}", stacklevel=2)
    unjudged = [task for task in tasks if np.isnan(val[task]).all()]
    if "disease" in unjudged or len(unjudged) == len(tasks):
        chosen = "the last epoch is taken" if len(unjudged) == len(tasks) else "another task chooses the epoch"
        names = " or ".join(A_LABEL[task] for task in unjudged)
        warnings.warn(
            f"{photos.root}: no photograph of the validation split is labelled with {names}: {chosen}", stacklevel=2
        )


def _why_not(task: str, target: np.ndarray, photos: PhotoSet) -> str:
    """Why the training photographs cannot teach a task; empty where they can."""
    space, known = photos.label_space, target[~np.isnan(target).all(axis=1)]
    if not len(known):
        return (
            f"no training photograph is labelled with {A_LABEL[task]}: label some, or leave {task!r} out of the tasks"
        )
    seen = [name for name, any_ in zip(space.classes(task), np.nansum(known, axis=0) > 0, strict=True) if any_]
    if space.multi_label(task) or len(seen) > 1:
        return ""
    others = [name for name in space.classes(task) if name not in seen]
    where = f" in the training split, {', '.join(map(repr, others[:3]))} in none of its photographs" if others else ""
    return f"one {task.replace('_', ' ')} only ({seen[0]!r}){where}: nothing to tell apart; add photographs of another"
