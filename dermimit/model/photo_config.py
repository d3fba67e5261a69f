"""What timm reads off a model to prepare its photographs: `pretrained_cfg`."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

HALF = (0.5, 0.5, 0.5)
KEPT = ("mean", "std", "interpolation")


def photo_config(
    size: tuple[int, int],
    in_chans: int = 3,
    mean: Sequence[float] = HALF,
    std: Sequence[float] = HALF,
    interpolation: str = "bilinear",
    **more: Any,
) -> dict[str, Any]:
    """timm's description of the photographs of a model: the central square, how it is resized, mean and deviation.

    Args:
        size: height and width in pixels.
        in_chans: colour channels.
        mean, std: of each channel for pixels in [0, 1], as the backbone's weights expect them; averaged over the
            colours where the photographs have other channels.
        interpolation: "bilinear" or "bicubic".
        **more: further entries of timm's `PretrainedCfg`.

    Returns:
        entries of `PretrainedCfg`; from them `timm.data.create_transform` makes what `dermimit.data` makes, up to the
        order of cutting and resizing.
    """
    how = {"interpolation": interpolation, "crop_pct": 1.0, "crop_mode": "center"}
    how |= {"mean": colours(mean, in_chans), "std": colours(std, in_chans)}
    return {"input_size": (in_chans, *size), "fixed_input_size": True, **how, **more}


def colours(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """A backbone's mean or deviation, averaged over the colours where the photographs have other channels."""
    return tuple(values) if len(values) == channels else (sum(values) / len(values),) * channels


def described(model: Any, classifiers: dict[str, str]) -> dict[str, Any]:
    """The `pretrained_cfg` of a model, with what it said before.

    Args:
        model: with `image_size`, `in_chans`, `num_classes` by task, and a `trunk`; its `pretrained_cfg`, if there is
            one, keeps `KEPT`, which its builder set.
        classifiers: name of each task's answering classifier.

    Returns:
        as `photo_config`; num_classes is an int for a model of one task and else by task, classifier and first_conv
        are names of submodules.
    """
    counts = dict(model.num_classes)
    names = tuple(classifiers.values())
    convolution = next((name for name, m in model.trunk.named_modules() if isinstance(m, nn.Conv2d)), None)
    said: dict[str, Any] = {
        "num_classes": next(iter(counts.values())) if len(counts) == 1 else counts,
        "classifier": names[0] if len(names) == 1 else names,
        "first_conv": convolution and f"trunk.{convolution}",
    }
    before: Mapping[str, Any] = getattr(model, "pretrained_cfg", {})
    kept = {name: before[name] for name in KEPT if name in before}
    return {**before, **photo_config(model.image_size, model.in_chans, **kept, **said)}
