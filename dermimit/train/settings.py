"""A run whose settings are partly given as text, as in a table of experiments."""

from dataclasses import fields, replace

from dermimit.data.problems import suggest
from dermimit.model.config import ModelConfig
from dermimit.named_values import named_values
from dermimit.train.config import TrainConfig, own_size

BUILDER = {f.name for f in fields(ModelConfig)} | {"backbone", "img_size"}  # what a table may hand to a model's builder

SIZING = {"model", "backbone", "img_size"}  # what the photographs' size follows from


def with_settings(config: TrainConfig, text: str) -> TrainConfig:
    """A run with some settings changed.

    Photographs that have the size of the model are of the new one's where the model, its backbone or `img_size` changes
    and the text names no `image_size`.

    Args:
        config: the run.
        text: such as `lsm_k=8 supervise=after`; fields of `TrainConfig`, or of the model: those of `ModelConfig`, and
            `backbone` of the baselines and `img_size`. The options of a dataset's loader are given as `data_options`.

    Raises:
        ValueError: a word is not name=value, a name is unknown, or a value is of the wrong kind.
    """
    known, values = {f.name for f in fields(TrainConfig)}, named_values(text)
    if unknown := sorted(values.keys() - known - BUILDER):
        raise ValueError(
            f"no setting {unknown[0]!r} of the training or the model; {suggest(unknown[0], known | BUILDER)}"
        )
    of_model = {name: value for name, value in values.items() if name not in known}
    of_run = {name: value for name, value in values.items() if name in known}
    if values.keys() & SIZING and config.image_size == own_size(config.model, config.model_kwargs):
        of_run = {"image_size": 0} | of_run
    return replace(config, model_kwargs=config.model_kwargs | of_model, **of_run)
