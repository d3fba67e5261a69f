"""A frozen backbone: any model of timm, with weights from a file, from the hub, or none."""

import hashlib
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.problems import suggest
from dermimit.memory import check_room
from dermimit.model.footprint import photo_bytes, weight_bytes
from dermimit.model.plan import no_numbers
from dermimit.probe.config import ProbeConfig
from dermimit.weights import Weights, read_weights
from dermimit.weights.filling import NETWORK, PATCHES

SHOWN = 3  # names of weights in one message; the rest are counted


@dataclass(frozen=True)
class Backbone:
    """A model in evaluation mode, how it sees photographs, and where it comes from.

    Attributes:
        model: of timm, without a classifier.
        preprocessing: what the weights, or else the model, expect.
        facts: `architecture`, `weights`, `source`, `licence`, `sha256` (of the weights' file, else of the tensors),
            `parameters`.
    """

    model: nn.Module
    preprocessing: Preprocessing
    facts: dict[str, Any]


def open_backbone(config: ProbeConfig) -> Backbone:
    """The backbone that a probe names.

    Raises:
        ValueError: timm has no such model, it does not take this size, or the weights are of another.
        FileNotFoundError: the weights are not there.
        OSError: the hub cannot be reached.
    """
    if not timm.is_model(config.backbone):
        raise ValueError(f"--backbone {config.backbone}: timm has no such model; "
                         f"{suggest(config.backbone, timm.list_models())}")  # fmt: skip
    weights = read_weights(config.weights) if config.weights else None
    if weights and weights.architecture not in ("", config.backbone):
        raise ValueError(f"--weights {weights.name} are of {weights.architecture}, not of {config.backbone}: "
                         f"give --backbone {weights.architecture}")  # fmt: skip
    check_memory(config)
    torch.manual_seed(config.seed)
    model = create(config.backbone, config.pretrained, config.image_size).eval().requires_grad_(False)
    if weights:
        fill(model, weights)
    said = Preprocessing.of(model, config.image_size or None)
    preprocessing = replace(said, **(weights.preprocessing if weights else {}))
    parameters = sum(p.numel() for p in model.parameters())
    return Backbone(model, preprocessing, {"architecture": config.backbone} | origin(config, model, weights)
                    | {"parameters": parameters})  # fmt: skip


def check_memory(config: ProbeConfig) -> None:
    """Raises MemoryError where the backbone, or a batch of photographs in it, would not fit, before it is built."""
    with no_numbers():
        plan = create(config.backbone, False, config.image_size).eval()
    size = Preprocessing.of(plan, config.image_size or None).size
    needed = weight_bytes(plan) + config.batch_size * photo_bytes(plan, size)
    what = f"--backbone {config.backbone} with {config.batch_size} photographs of {size} pixels at once"
    check_room(needed, what, "lower --batch-size or --image-size, or take a smaller backbone")


def create(name: str, pretrained: bool, size: int) -> nn.Module:
    """A model of timm without classifier, for photographs of a size where it must be told."""
    sized: dict[str, Any] = {"img_size": size} if size else {}
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **sized)
    except TypeError as error:  # a network of convolutions takes any size
        if "img_size" not in str(error):
            raise
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"--backbone {name} with --image-size {size}: {error or 'no size for it'}") from error


def fill(model: nn.Module, weights: Weights) -> None:
    """Puts every weight of a model in place; positions are resampled to its grid.

    Raises:
        ValueError: the file lacks a weight, or has one of another shape, with the first of them.
    """
    own = model.state_dict()
    theirs, ours = (tuple(state[PATCHES].shape[2:]) if PATCHES in state else () for state in (weights.state, own))
    if theirs != ours:  # timm would resample them
        raise ValueError(f"--weights {weights.name}: their patches are {theirs or 'none'}, the backbone's are "
                         f"{ours or 'none'}: they are of another architecture than --backbone")  # fmt: skip
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    given: Mapping[str, Tensor] = convert(dict(weights.state), model) if convert else weights.state
    missing = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    wrong = [name for name in own if name in given and given[name].shape != own[name].shape]
    if missing or wrong:
        first = [f"nothing for {name}" for name in missing]
        first += [f"{name} is {tuple(given[name].shape)}, not {tuple(own[name].shape)}" for name in wrong]
        raise ValueError(f"--weights {weights.name}: {'; '.join(first[:SHOWN])} ({len(first)} such): they are of "
                         "another architecture than --backbone")  # fmt: skip
    classifier = model.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    left = [*weights.left_over, *(n for n in given if n not in own and not n.startswith(heads or "\0"))]
    if foreign := [name for name in left if name.startswith(NETWORK)]:
        raise ValueError(f"--weights {weights.name}: no place for {foreign[0]} ({len(foreign)} such): they are of "
                         "another depth or kind than --backbone")  # fmt: skip
    if left:
        warnings.warn(f"{weights.name}: {len(left)} tensors have no place in the backbone: "
                      f"{', '.join(left[:SHOWN])}{', ...' if len(left) > SHOWN else ''}", stacklevel=2)  # fmt: skip
    model.load_state_dict(own | {name: given[name] for name in own if name in given})


def origin(config: ProbeConfig, model: nn.Module, weights: Weights | None) -> dict[str, Any]:
    """Where the weights come from, whose they are and what they are known by."""
    if weights:
        return {"weights": weights.name, "source": weights.source, "licence": weights.licence, "sha256": weights.sha256}
    sha256 = digest(model)
    if config.random:
        return {"weights": "random", "source": f"initialised with seed {config.seed}", "licence": "", "sha256": sha256}
    told = model.pretrained_cfg
    name = told.get("hf_hub_id") or told.get("url") or config.backbone
    return {"weights": name, "source": "timm's hub", "licence": told.get("license") or "", "sha256": sha256}


def digest(model: nn.Module) -> str:
    """SHA-256 over the names and values of a model's tensors."""
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
