"""What timm reads off a model to prepare its photographs: `pretrained_cfg`."""

from typing import Any

from torch import nn


def photo_config(size: tuple[int, int], in_chans: int = 3, **more: Any) -> dict[str, Any]:
    """timm's description of the photographs of a model: the central square, resized bilinearly, mean and deviation 0.5.

    Args:
        size: height and width in pixels.
        in_chans: colour channels.
        **more: further entries of timm's `PretrainedCfg`.

    Returns:
        entries of `PretrainedCfg`; from them `timm.data.create_transform` makes what `dermimit.data` makes, up to the
        order of cutting and resizing.
    """
    half = (0.5,) * in_chans
    how = {"interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "center", "mean": half, "std": half}
    return {"input_size": (in_chans, *size), "fixed_input_size": True, **how, **more}


def described(model: Any, classifiers: dict[str, str]) -> dict[str, Any]:
    """The `pretrained_cfg` of a model, with what it said before.

    Args:
        model: with `image_size`, `in_chans`, `num_classes` by task, and a `trunk`.
        classifiers: name of each task's answering classifier.

    Returns:
        as `photo_config`; num_classes is an int for a model of one task and else by task, classifier and first_conv
        are names of submodules.
    """
    counts = dict(model.num_classes)
    names = tuple(classifiers.values())
    convolution = next((name for name, m in model.trunk.named_modules() if isinstance(m, nn.Conv2d)), None)
    said = {
        "num_classes": next(iter(counts.values())) if len(counts) == 1 else counts,
        "classifier": names[0] if len(names) == 1 else names,
        "first_conv": convolution and f"trunk.{convolution}",
    }
    return getattr(model, "pretrained_cfg", {}) | photo_config(model.image_size, model.in_chans, **said)
