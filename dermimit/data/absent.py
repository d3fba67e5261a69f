"""Rows of a table whose photographs are not there: an error, or left out when that is asked for, and counted."""

import warnings
from pathlib import Path

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.problems import ManifestError
from dermimit.data.rules import path_problem

REMEDY = "or give the option missing='leave out' to go on without it"


def leaves_out(missing: str) -> bool:
    """Whether a loader's option `missing` asks to leave out what is not there.

    Raises:
        ManifestError: it is neither "error" nor "leave out".
    """
    if missing not in ("error", "leave out"):
        raise ManifestError(f"missing {missing!r}: give 'error' or 'leave out'")
    return missing == "leave out"


def without_absent(frame: pd.DataFrame, root: Path, source: Path) -> pd.DataFrame:
    """The rows of a manifest whose photographs are there, with a warning that counts the others.

    Args:
        frame: its column `image` holds paths below `root`, or nothing; a path that is wrong is for others to refuse.
        root: the folder.
        source: the table, for the warning.

    Raises:
        ManifestError: none is there.
    """
    there = [not is_missing(v) and (path_problem(v, None) is not None or (root / v).is_file()) for v in frame["image"]]
    if not any(there):
        raise ManifestError(f"{source}: none of its {len(frame)} photos is under {root}; name the folder of both")
    if absent := len(frame) - sum(there):
        said = f"{source}: {absent} of {len(frame)} rows left out, their photos are not there"
        warnings.warn(said, stacklevel=3)
    return frame[there]
