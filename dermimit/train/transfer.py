"""Starting a run from weights that are there: another run's, or a pretrained backbone's."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.preprocessing import FILE as PREPROCESSING
from dermimit.data.preprocessing import Preprocessing, stored
from dermimit.model.arguments import known_cfg
from dermimit.train.foreign import check_folder, load_weights, read_config, read_space
from dermimit.weights import fill, provenance_of, read_weights


def start_from(model: nn.Module, run: Path, label_space: LabelSpace) -> list[str]:
    """Copies every weight of a finished run that fits; a task's classifier only where both know the same classes of it,
    that of a bottleneck's disease only where they know the same concepts too.

    Args:
        model: filled in place.
        run: folder with model.safetensors and label_space.json.
        label_space: of the new run.

    Returns:
        names of the parameters that keep their initial values: classifiers of other classes, tasks and modules that
        the other run did not have, and weights of groups and losses, which are learnt for a run's own photographs.

    Raises:
        FileNotFoundError: the folder holds no finished run.
        ValueError: the trunk, or the head of a task that both have, is of another architecture.

    A warning says where the other run prepared its photographs otherwise than this one does.
    """
    for name in ("model.safetensors", "label_space.json"):
        if not (run / name).exists():
            raise FileNotFoundError(f"start_from: {run} is not a finished run: {name} is missing; train it first")
    check_folder(run, ("model.safetensors", "label_space.json"))
    check_kind(model, run)
    there = read_space(run)
    same = {task for task in TASKS if _classes(there, task) == _classes(label_space, task)}
    own, given = model.state_dict(), load_weights(run / "model.safetensors")
    other = ("group_weights.", "loss_weights.", *_of_other_concepts(model, given, same))
    fits = {name for name, value in given.items() if name in own and value.shape == own[name].shape}
    fits -= {name for name in fits if _is_classifier(name) and name.split(".")[1] not in same}
    taken = {name: value for name, value in given.items() if name in fits and not name.startswith(other)}
    heads = {".".join(name.split(".")[:2]) for name in given if name.startswith("heads.")}
    network = ("trunk.", *(f"{head}.{part}." for head in heads for part in ("blocks", "norm", "pooling")))
    if missing := [name for name in own if name.startswith(network) and name not in taken]:
        raise ValueError(f"start_from: {run} has no {missing[0]} of the right shape; it is of another architecture")
    if surplus := [name for name in given if name.startswith("trunk.") and name not in own]:
        raise ValueError(f"start_from: {run} has {surplus[0]}, for which the model has no place; it is of another "
                         "architecture, such as another head_depth")  # fmt: skip
    model.load_state_dict(own | taken)
    return [name for name in own if name not in taken]


def check_kind(model: nn.Module, run: Path) -> None:
    """Whether another run's network computes as the model does, where names and shapes do not tell.

    Raises:
        ValueError: it is built around another backbone, such as one with another activation.
    """
    record, cfg = run / "config.json", getattr(model, "pretrained_cfg", None) or {}
    if not record.exists():
        return
    there = read_config(run)
    other, ours = str(there.model_kwargs.get("backbone", "")), str(cfg.get("backbone", ""))
    if other and ours and network_of(other) != network_of(ours):
        raise ValueError(f"start_from: {run} is built around {other}, and this run around {ours}, which may compute "
                         "otherwise with the same weights: name the same backbone")  # fmt: skip
    if (run / PREPROCESSING).exists():
        prepared = stored(run, there.image_size)
        if told := differences(prepared.for_timm(), model):
            said = f"start_from: {run} prepared photographs otherwise ({told})"
            warnings.warn(f"{said}; this run prepares them as its backbone says", stacklevel=3)


def network_of(backbone: str) -> str:
    """A backbone's name without the tag of its weights and the side of the photographs."""
    return re.sub(r"_\d{3}$", "", backbone.partition(".")[0])


def _classes(space: LabelSpace, task: str) -> tuple[tuple[str, ...], bool]:
    """What a task's answers mean, whatever the dataset is called."""
    return space.classes(task), space.multi_label(task)


def _is_classifier(name: str) -> bool:
    return name.startswith("classifiers")


def _of_other_concepts(model: Any, given: Mapping[str, Any], same: set[str]) -> list[str]:
    """How the weights begin that read the disease from concepts, where another run's are other ones."""
    if getattr(getattr(model, "config", None), "fusion", "") != "bottleneck":
        return []
    concepts, there = set(model.heads), {name.split(".")[1] for name in given if name.startswith("heads.")}
    return [] if concepts == there <= same else ["classifiers_after."]


def start_from_weights(model: nn.Module, weights: str) -> tuple[dict[str, Any], str]:
    """Fills trunk and heads from a file of weights, or from known ones by their name.

    Args:
        model: filled in place.
        weights: as `TrainConfig.weights`.

    Returns:
        the weights' name, source, licence and hash, and how many of them were used, left over and missing; and the
        same in words, with the first names. Warnings say where their makers are known to have prepared photographs
        otherwise than the model does, and where they are of another network of the same shapes.

    Raises:
        ValueError: they are not a backbone's, or of another width or depth.
        OSError: they are not there.
    """
    given = read_weights(weights)
    filled = fill(model, given)
    backbone = str((getattr(model, "pretrained_cfg", None) or {}).get("backbone", ""))
    if backbone and given.architecture and network_of(given.architecture) != network_of(backbone):
        said = f"{given.name}: weights of {given.architecture} in a model around {backbone}"
        warnings.warn(f"{said}: the shapes are the same, but it may compute otherwise (another activation, say); name "
                      "their own backbone", stacklevel=2)  # fmt: skip
    if other := differences(given.preprocessing, model):
        said = f"{given.name}: its makers prepared photographs otherwise ({other})"
        warnings.warn(f"{said}; the run prepares them as its backbone says", stacklevel=2)
    counts = {name: len(getattr(filled, name)) for name in ("used", "left_over", "missing")}
    return provenance_of(given) | counts, f"{given.name}: {str(filled).replace(chr(10), '; ')}"


def differences(preprocessing: Mapping[str, Any], model: nn.Module) -> str:
    """In what a preparation of photographs, as far as it is known, differs from that of a model; empty: in nothing."""
    own = Preprocessing.of(model, 1)
    parts = []
    for name, value in preprocessing.items():
        ours = getattr(own, name)
        same = value == ours if isinstance(value, str) else np.allclose(value, ours, atol=5e-4)
        parts += [] if same else [f"{name} {value}, not {ours}"]
    return "; ".join(parts)


def of_the_hub(backbone: str) -> dict[str, Any]:
    """What timm knows of the weights of a backbone that its hub gives: name, source and licence."""
    cfg = known_cfg("pretrained", backbone)
    if cfg is None:
        return {"name": backbone}
    name = f"{cfg.architecture or backbone}.{cfg.tag}" if cfg.tag else backbone
    return {"name": name, "source": cfg.hf_hub_id or cfg.url or "", "licence": cfg.license or "not stated by timm"}
