"""A trained run asked about photographs: one at a time, or many in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from dermimit.data.reading import PhotoError
from dermimit.predict.decoding import read_view, read_views
from dermimit.prediction import Prediction
from dermimit.train.run import Run


@dataclass(frozen=True)
class Answers:
    """The answers for a batch of photographs.

    Attributes:
        files: those that were read.
        views: what the model saw, uint8 (n, 3, S, S).
        probability: task -> float32 (n, C), classes in the label space's order.
        selected: task -> (n, K) row-major patch indices, best first; empty without lesion selection.
        unread: file -> why it could not be read.
    """

    files: list[Path]
    views: Tensor
    probability: dict[str, np.ndarray]
    selected: dict[str, np.ndarray]
    unread: dict[Path, str]


def predict_photo(run: Run, path: Path | str) -> Prediction:
    """The run's answer for one photograph, of any size.

    Raises:
        PhotoError: the file cannot be read.
        ValueError: the run's model needs a lesion map, or other photographs beside each.
    """
    views = read_view(Path(path), run.preprocessing)[None]
    return prediction_of(run, Answers([Path(path)], views, *_ask(run, views), {}), 0)


def answers_to(
    run: Run, files: Sequence[Path], batch_size: int = 64, progress: bool = True
) -> Iterator[tuple[list[Path], Answers]]:
    """The run's answers for photographs, batch by batch, computed on the GPU where there is one.

    The numbers are those of `predict_photo`, whatever the batch.

    Args:
        run: its model is moved to the device.
        files: the photographs.
        batch_size: photographs in one pass.
        progress: a progress bar, where there is a terminal to draw it on.

    Returns:
        for each batch its files, and their answers.

    Raises:
        ValueError: the batch size is below 1, or the run's model needs a lesion map.
        MemoryError: the batch does not fit.
    """
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size}: give at least 1")
    run.model.to(Accelerator().device)
    run.check_batch(min(batch_size, len(files)))
    with tqdm(total=len(files), unit="photograph", disable=None if progress else True) as bar:
        for number, read in enumerate(read_views(files, run.preprocessing, batch_size)):
            batch = list(files[number * batch_size : (number + 1) * batch_size])
            pairs = list(zip(batch, read, strict=True))
            unread = {f: str(e).removeprefix(f"{f}: ") for f, e in pairs if isinstance(e, PhotoError)}
            views = [view for view in read if isinstance(view, Tensor)]
            kept = [file for file in batch if file not in unread]
            found = _ask(run, torch.stack(views)) if views else ({}, {})
            yield batch, Answers(kept, torch.stack(views) if views else torch.empty(0), *found, unread)
            bar.update(len(batch))


def normalised(run: Run, views: Tensor) -> Tensor:
    """Views as the run's model takes them, on its device."""
    device = next(run.model.parameters()).device
    return run.preprocessing.normalise(views.to(device)).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def _ask(run: Run, views: Tensor) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Probabilities and selected patches, see `Answers`."""
    if run.config.lesion_map:
        raise ValueError(f"{run.path}: this run selects by lesion maps, which photographs alone do not have; score it "
                         "with `dermimit evaluate`, or train one without lesion_map")  # fmt: skip
    if getattr(run.model.config, "cim_shuffled", False):
        raise ValueError(f"{run.path}: with cim_shuffled, a control, an answer depends on the other photographs of its "
                         "batch; score it with `dermimit evaluate`, or train one without")  # fmt: skip
    try:
        logits, out = run.model(normalised(run, views))
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"{len(views)} photographs at once do not fit the GPU's memory: lower batch_size") from error
    several = run.label_space.multi_label
    probability = {t: (z.float().sigmoid() if several(t) else z.float().softmax(1)) for t, z in logits.items()}
    selected = {name.split("/")[0]: value.cpu().numpy() for name, value in out.items() if name.endswith("/selected")}
    return {task: p.cpu().numpy() for task, p in probability.items()}, selected


def prediction_of(run: Run, answers: Answers, i: int) -> Prediction:
    """The answer for photograph `i` of a batch."""
    space = run.label_space
    series = {t: pd.Series(p[i], index=list(space.classes(t))) for t, p in answers.probability.items()}
    return Prediction(
        photo=answers.views[i].permute(1, 2, 0).numpy(),
        answers={task: values.sort_values(ascending=False) for task, values in series.items()},
        selected={task: indices[i] for task, indices in answers.selected.items()},
        grid=tuple(run.model.grid_size),
        multi_label=tuple(task for task in series if space.multi_label(task)),
    )
