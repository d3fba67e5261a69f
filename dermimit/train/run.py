"""A finished run, loaded for evaluation, prediction and figures."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from dermimit.data.label_space import LabelSpace
from dermimit.data.preprocessing import FILE, Preprocessing, stored
from dermimit.files import plain_file, read_object
from dermimit.memory import check_room
from dermimit.model.footprint import photo_bytes, weight_bytes
from dermimit.model.plan import no_numbers, to_be_filled
from dermimit.train.assemble import build_model
from dermimit.train.config import TrainConfig
from dermimit.train.foreign import (
    as_plan,
    check_folder,
    check_plan,
    load_weights,
    naming,
    read_config,
    read_predictions,
    read_space,
    read_table,
)
from dermimit.zoo.resolve import HEADS, is_published, resolve

RECORD = (
    "config.json",
    "label_space.json",
    "metrics.json",
    "provenance.json",
    "history.parquet",
    "predictions.parquet",
)
"""The files of every run's folder, beside its weights."""
SMALLER = "load it on a machine with more, or train a smaller one"


@dataclass(frozen=True)
class Run:
    """A finished run: its configuration, label space, model in evaluation mode, record, and how photographs are made
    what the model takes, which the model's `pretrained_cfg` says too."""

    path: Path
    config: TrainConfig
    label_space: LabelSpace
    model: nn.Module
    metrics: dict[str, dict[str, float]]
    history: pd.DataFrame
    predictions: pd.DataFrame
    provenance: dict
    preprocessing: Preprocessing
    photo_bytes: int = 0
    """Memory that one photograph takes in the model at least."""

    def check_batch(self, photographs: int) -> None:
        """Raises MemoryError where so many photographs at once would not fit this machine's memory."""
        if next(self.model.parameters()).device.type == "cpu" and photographs > 1:
            needed = photographs * self.photo_bytes // (2 if self.config.precision == "bf16" else 1)
            check_room(needed, f"{self.path}: {photographs} photographs at once", "lower the batch size")


def load_run(path: Path | str) -> Run:
    """The run in a folder that `fit` wrote, or a published model.

    Training in bfloat16 on a processor computes attention step by step, a loaded run in one call: scored again in
    bfloat16 there, its probabilities differ from the recorded ones by rounding, in the third decimal at most.

    Args:
        path: the folder, or a name that `dermimit models` lists.

    Raises:
        FileNotFoundError: the folder holds no finished run, with what is missing; there is no published model of that
            name, or the weights of its trunk are not on this machine.
        CheckpointError: the weights are damaged, of another model, without a checksum, no finite numbers, or not those
            that were published.
        MemoryError: the model would not fit.
        ValueError: another file is damaged, no plain file, a link out of the folder, or says what no run says.
    """
    path = resolve(path)
    published = is_published(path)
    weights = HEADS if published else "model.safetensors"
    check_folder(path, (*RECORD, weights))
    config, label_space = read_config(path), read_space(path)
    with naming(path / "config.json"):
        with no_numbers():
            plan = as_plan(build_model(config.without_pretraining(), label_space))
        if not published:  # a published model's trunk is not among its files; that they are its own is checked
            check_plan(path / weights, plan)
        photo = photo_bytes(plan, config.image_size)
        check_room(2 * weight_bytes(plan) + photo, f"{path}: its model", SMALLER)
        with nullcontext() if published else to_be_filled():
            model = build_model(config.without_pretraining(), label_space)
    preprocessing = preprocessing_in(path, config, model)
    if published:
        from dermimit.zoo.loading import fill_published  # reads the trunk's weights, which a run does without

        fill_published(model, path)
    else:
        model.load_state_dict(load_weights(path / weights))
    return Run(
        path=path,
        config=config,
        label_space=label_space,
        model=model.eval(),
        metrics=read_object(path / "metrics.json", path),
        history=read_table(path / "history.parquet"),
        predictions=read_predictions(path, label_space, tuple(model.tasks)),
        provenance=read_object(path / "provenance.json", path),
        preprocessing=preprocessing,
        photo_bytes=photo,
    )


def preprocessing_in(path: Path, config: TrainConfig, model: Any) -> Preprocessing:
    """What a run's folder says, also written into the model's `pretrained_cfg`.

    A run without the file is of a time when all had 0.5, 0.5 and bilinear; where its builder says otherwise today, a
    warning does too.
    """
    if (path / FILE).exists():
        plain_file(path / FILE, path)
    found, said = stored(path, config.image_size), Preprocessing.of(model, config.image_size)
    if found != said and not (path / FILE).exists():
        warnings.warn(f"{path}: {FILE} is missing, so photographs are {found.in_words()}, as in runs of old; "
                      f"the builder {config.model} has them {said.in_words()}", stacklevel=3)  # fmt: skip
    model.pretrained_cfg = model.default_cfg = {**getattr(model, "pretrained_cfg", {}), **found.for_timm()}
    return found
