"""What a file of weights holds, and what a model would use of it, in words."""

from typing import Any

import timm

from dermimit.model.plan import no_numbers
from dermimit.weights.architecture import architectures
from dermimit.weights.efficientnet import LITE
from dermimit.weights.filling import counted, remedy
from dermimit.weights.known import KNOWN
from dermimit.weights.listing import UNKNOWN, megabytes
from dermimit.weights.reading import Weights, read_weights


def checked(path_or_name: str, backbone: str = "") -> tuple[str, bool]:
    """What a file of weights is, and what a model would use of it.

    Args:
        path_or_name: as `read_weights` takes it.
        backbone: of the model, as timm names it; "" for the one that the weights are of.

    Returns:
        lines of text, and whether the weights fit.

    Raises:
        ValueError: no weights of a ViT; or no such backbone.
    """
    weights = read_weights(path_or_name)
    known = KNOWN.get(weights.name)
    same = " (as known)" if known and known.sha256 == weights.sha256 else ""
    fitting = [weights.architecture] if weights.architecture else architectures(weights.state)
    lines = [
        weights.name,
        f"  file          {weights.path.name}, {megabytes(weights.path.stat().st_size)}",
        f"  sha256        {weights.sha256}{same}",
        f"  source        {weights.source or UNKNOWN}",
        f"  licence       {weights.licence or UNKNOWN}",
        f"  naming        {weights.naming}",
        f"  architecture  {' or '.join(fitting) or UNKNOWN}",
        f"  parameters    {sum(value.numel() for value in weights.state.values()) / 1e6:.1f} million",
        f"  left over     {counted(weights.left_over)}",
    ]
    backbone = backbone or (fitting[0] if fitting else "")
    if not backbone:
        return "\n".join([*lines, "  name a backbone to see what a model would use of them: --backbone NAME"]), False
    told, fits = tried(weights, backbone)
    return "\n".join([*lines, *told]), fits


def tried(weights: Weights, backbone: str) -> tuple[list[str], bool]:
    """What a model around a backbone would use, without memory for the model."""
    import dermimit.model  # noqa: F401  registers the builders
    from dermimit.model.pretrained import place

    if weights.architecture.startswith(LITE):
        builder = f"dermimitformer_lite{weights.architecture[-1]}_stem_224"
        fits = backbone in (weights.architecture, builder)
        return [f"  for the stem of {builder}" + ("" if fits else f", not for {backbone}")], fits
    with no_numbers():
        model: Any = timm.create_model("dermimitformer", backbone=backbone, num_classes=1, lsm=False)
    placed = place(model, weights.state)
    why = placed.misfit()
    lines = [
        f"  in a model around {backbone}:",
        f"    used        {counted(placed.used)}",
        f"    left over   {counted(placed.left_over)}",
        f"    missing     {counted(placed.missing)}",
    ]
    return [*lines, *([f"  does not fit: {why}; {remedy(weights)}"] if why else [])], not why
