"""Starting a run from the weights of another, such as one on drawn photographs before real ones."""

from pathlib import Path

from torch import nn

from dermimit.data.label_space import LabelSpace
from dermimit.records import read_json
from dermimit.train.checkpoint import load_tensors


def start_from(model: nn.Module, run: Path, label_space: LabelSpace) -> list[str]:
    """Copies every weight of a finished run that fits; classifiers only where both know the same labels.

    Args:
        model: filled in place.
        run: folder with model.safetensors and label_space.json.
        label_space: of the new run.

    Returns:
        names of the parameters that keep their initial values.

    Raises:
        FileNotFoundError: the folder holds no finished run.
        ValueError: nothing of the trunk fits: another architecture.
    """
    for name in ("model.safetensors", "label_space.json"):
        if not (run / name).is_file():
            raise FileNotFoundError(f"start_from: {run} is not a finished run: {name} is missing; train it first")
    same = LabelSpace.from_dict(read_json(run / "label_space.json")) == label_space
    own, given = model.state_dict(), load_tensors(run / "model.safetensors")[0]
    taken = {
        name: value
        for name, value in given.items()
        if name in own and value.shape == own[name].shape and (same or not name.startswith("classifiers"))
    }
    missing = [name for name in own if name.startswith("trunk.") and name not in taken]
    if missing:
        raise ValueError(f"start_from: {run} has no {missing[0]} of the right shape; it is of another architecture")
    model.load_state_dict(own | taken)
    return [name for name in own if name not in taken]
