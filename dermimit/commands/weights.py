"""`dermimit weights list`, `check` and `convert`."""

from pathlib import Path
from typing import Annotated

import tyro


def list_known() -> None:
    """Print the pretrained weights that are known by name: architecture, licence, size, sha256, source, how to get."""
    from dermimit.weights.listing import listing

    print(listing())


def check(weights: Annotated[str, tyro.conf.Positional], /, backbone: str = "") -> int:
    """Describe a file of weights, and what a model would use of it. Exit code 1 if it does not fit.

    Args:
        weights: a file, or a name that `dermimit weights list` prints.
        backbone: name of the model's backbone in timm; by default that of the weights.
    """
    from dermimit.weights.telling import checked

    text, fits = checked(weights, backbone)
    print(text)
    return 0 if fits else 1


def convert(weights: Annotated[str, tyro.conf.Positional], /, out: Path) -> None:
    """Write weights under timm's names, as safetensors; the file keeps their origin.

    Args:
        weights: a file, or a name that `dermimit weights list` prints.
        out: file to write, .safetensors.
    """
    from dermimit.files import check_output
    from dermimit.weights.filling import counted
    from dermimit.weights.reading import read_weights, write_weights

    check_output(out, Path(weights), suffix=".safetensors")
    given = read_weights(weights)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_weights(out, given)
    print(f"{out}: {len(given.state)} tensors of {given.name}; left over: {counted(given.left_over)}")
