"""Where the file of known weights lies on this machine."""

import os
from importlib.util import find_spec
from pathlib import Path

from dermimit.data.problems import suggest
from dermimit.weights.known import KNOWN, KnownWeights

FOLDER = "DERMIMIT_WEIGHTS"
"""Environment variable: a folder with weights files, looked into first."""
HUB_FILE = "model.safetensors"


def locate(name: str) -> Path:
    """The file of known weights; those of timm's hub are fetched.

    Args:
        name: a key of `KNOWN`.

    Raises:
        ValueError: no such name.
        FileNotFoundError: they are not on this machine, with the way to get them.
        OSError: the hub cannot be reached.
    """
    if name not in KNOWN:
        raise ValueError(f"{name} is no name of known weights; {suggest(name, KNOWN)}")
    known = KNOWN[name]
    if (path := here(known)) is not None:
        return path
    if known.hub:
        return fetched(known)
    folder = f", or set {FOLDER} to the folder that holds {Path(known.file).name}" if known.file else ""
    raise FileNotFoundError(f"the weights {name} are not here: {known.how}{folder}")


def here(known: KnownWeights) -> Path | None:
    """The file where it is on this machine already: in the folder that is set, its package, or the hub's cache."""
    if (folder := os.environ.get(FOLDER)) and known.file and (path := Path(folder, Path(known.file).name)).is_file():
        return path
    if known.package:
        return in_package(known)
    if known.hub:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(known.repository, HUB_FILE)
        return Path(cached) if isinstance(cached, str) else None
    return None


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


def fetched(known: KnownWeights) -> Path:
    """The file from timm's hub.

    Raises:
        OSError: the hub cannot be reached, with another way.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(known.repository, HUB_FILE))
    except Exception as error:  # the client passes on whatever its libraries raise
        raise OSError(f"the weights {known.name} cannot be fetched from timm's hub ({type(error).__name__}): get "
                      f"{HUB_FILE} of {known.repository} where the hub can be reached, and give that file as weights"
                      ) from error  # fmt: skip
