"""The files of a run's folder, which may come from anywhere: what they say is checked before anything is built of it.

Each error is one line that names the file and the remedy.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.stored import read_parquet
from dermimit.files import plain_file, read_object
from dermimit.train.checkpoint import CheckpointError, load_tensors
from dermimit.train.config import TrainConfig

REMEDY = "put the run's own back, or ask for it where the folder comes from"
LONGEST = 1000  # characters of what a file's own words may add to an error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What is wrong with what a file says, becomes an error that names the file and the remedy."""
    try:
        yield
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        said = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        said = " ".join(said.removeprefix(f"{path}: ").removeprefix(f"{path} ").split())
        raise ValueError(f"{path}: {said[:LONGEST]}; {REMEDY}") from error


def check_folder(folder: Path, names: Iterable[str]) -> None:
    """Raises where a file of a run is missing, no plain file, or a link that leads out of the folder."""
    for name in names:
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder} is not a finished run: {name} is missing; train it, or name its folder")
        plain_file(folder / name, folder)


def read_config(folder: Path) -> TrainConfig:
    """The configuration of a run, in the folder where it lies now.

    Raises:
        ValueError: it is damaged, or names what is no setting of a run.
    """
    path = folder / "config.json"
    with naming(path):
        return TrainConfig.from_dict(read_object(path, folder) | {"out": folder})


def read_space(folder: Path) -> LabelSpace:
    """The label space of a run.

    Raises:
        ValueError: it is damaged.
    """
    path = folder / "label_space.json"
    with naming(path):
        return LabelSpace.from_dict(read_object(path, folder))


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A table of a run, from its Parquet file.

    Raises:
        ValueError: it is damaged, or lacks a column.
    """
    with naming(path):
        try:
            frame = read_parquet(plain_file(path, path.parent))
        except ManifestError as error:
            raise ValueError(str(error).removesuffix("; write the dataset again")) from error
        if lacking := [name for name in columns if name not in frame]:
            raise ValueError(f"column {lacking[0]} is missing; it has {', '.join(map(str, frame.columns[:12]))}")
        return frame


def read_predictions(folder: Path, space: LabelSpace, tasks: Iterable[str]) -> pd.DataFrame:
    """The predictions of a run: a probability for each class of its tasks.

    Raises:
        ValueError: they are damaged, or of other classes than the label space.
    """
    path = folder / "predictions.parquet"
    frame = read_table(path, ("image", "split", *(f"{task}_prob" for task in tasks)))
    with naming(path):
        for task in tasks:
            count = frame[f"{task}_prob"].map(len)
            if (wrong := count[count != space.num_classes[task]]).size:
                raise ValueError(f"{task}_prob has {wrong.iloc[0]} probabilities in row {wrong.index[0] + 1}, and "
                                 f"label_space.json has {space.num_classes[task]} classes")  # fmt: skip
    return frame


def check_plan(path: Path, plan: nn.Module) -> None:
    """Looks at the names, shapes and types in a file of weights before they are loaded, or a model is built for them.

    Args:
        path: of the weights.
        plan: the model on the device "meta".

    Raises:
        CheckpointError: the file is damaged, or of another model.
    """
    own = {name: (tuple(value.shape), _kind(value.dtype)) for name, value in plan.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            given = {name: (tuple(part.get_shape()), str(part.get_dtype())[0]) for name, part in parts.items()}
    except (SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint of dermimit ({error}): {REMEDY}") from error
    if differing := sorted(name for name in own.keys() | given.keys() if own.get(name) != given.get(name)):
        there, wanted = (" ".join(map(str, what.get(differing[0], ["missing"]))) for what in (given, own))
        raise CheckpointError(f"{path} is not of the model that config.json and label_space.json describe: "
                              f"{differing[0]} is {there}, expected {wanted}: {REMEDY}")  # fmt: skip


def _kind(dtype: torch.dtype) -> str:
    """As safetensors writes it first: F for real numbers, I for whole ones, B for truth values or bfloat16."""
    return "B" if dtype in (torch.bool, torch.bfloat16) else "F" if dtype.is_floating_point else "I"


def load_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a finished run.

    Raises:
        CheckpointError: they are damaged, have no checksum, or hold what is no number.
    """
    tensors = load_tensors(path)[0]
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{path}: {name} holds NaN or infinity, so that every answer would be nonsense: "
                                  f"{REMEDY}")  # fmt: skip
    return tensors


def as_plan(model: nn.Module) -> nn.Module:
    """A model built on the device "meta", all of it there, as it is used."""
    return model.to("meta").eval()
