"""A finished run, loaded for evaluation, prediction and figures."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from dermimit.data.label_space import LabelSpace
from dermimit.data.preprocessing import FILE, Preprocessing, stored
from dermimit.records import read_json
from dermimit.train.assemble import build_model
from dermimit.train.checkpoint import load_tensors
from dermimit.train.config import TrainConfig
from dermimit.zoo.resolve import HEADS, is_published, resolve


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


def load_run(path: Path | str) -> Run:
    """The run in a folder that `fit` wrote, or a published model.

    Args:
        path: the folder, or a name that `dermimit models` lists.

    Raises:
        FileNotFoundError: the folder holds no finished run, with what is missing; there is no published model of that
            name, or the weights of its trunk are not on this machine.
        CheckpointError: the weights are damaged, or not those that were published.
        ValueError: another file is damaged.
    """
    path = resolve(path)
    weights = HEADS if is_published(path) else "model.safetensors"
    for name in ("config.json", "label_space.json", weights, "metrics.json"):
        if not (path / name).exists():
            raise FileNotFoundError(f"{path} is not a finished run: {name} is missing; train it, or name its folder")
    config = TrainConfig.from_dict(read_json(path / "config.json") | {"out": path})
    label_space = LabelSpace.from_dict(read_json(path / "label_space.json"))
    model = build_model(config.without_pretraining(), label_space)
    preprocessing = preprocessing_in(path, config, model)
    if is_published(path):
        from dermimit.zoo.loading import fill_published  # reads the trunk's weights, which a run does without

        fill_published(model, path)
    else:
        model.load_state_dict(load_tensors(path / weights)[0])
    return Run(
        path=path,
        config=config,
        label_space=label_space,
        model=model.eval(),
        metrics=read_json(path / "metrics.json"),
        history=pd.read_parquet(path / "history.parquet"),
        predictions=pd.read_parquet(path / "predictions.parquet"),
        provenance=read_json(path / "provenance.json"),
        preprocessing=preprocessing,
    )


def preprocessing_in(path: Path, config: TrainConfig, model: Any) -> Preprocessing:
    """What a run's folder says, also written into the model's `pretrained_cfg`.

    A run without the file is of a time when all had 0.5, 0.5 and bilinear; where its builder says otherwise today, a
    warning does too.
    """
    found, said = stored(path, config.image_size), Preprocessing.of(model, config.image_size)
    if found != said and not (path / FILE).exists():
        warnings.warn(f"{path}: {FILE} is missing, so photographs are {found.in_words()}, as in runs of old; "
                      f"the builder {config.model} has them {said.in_words()}", stacklevel=3)  # fmt: skip
    model.pretrained_cfg = model.default_cfg = {**getattr(model, "pretrained_cfg", {}), **found.for_timm()}
    return found
