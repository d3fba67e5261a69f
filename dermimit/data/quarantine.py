"""Rows that are left out of a dataset because their photograph cannot be read: listed in a file, never in silence."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dermimit.data.problems import ManifestError, describe, raise_problems
from dermimit.records import write_atomically

HEADER = "# Photographs that cannot be read, one a line: path, tab, reason. Give this file as `quarantine`.\n"


def write_quarantine(unreadable: Mapping[str, str], file: Path) -> int:
    """Write the unreadable images with their reasons, for `leave_out`; returns how many.

    Raises:
        ManifestError: the file is there and is no such list.
    """
    check_list(file)
    lines = "".join(f"{_written(image)}\t{' '.join(reason.split())}\n" for image, reason in unreadable.items())
    write_atomically(file, lambda path: path.write_text(HEADER + lines, encoding="utf-8"))
    return len(unreadable)


def _written(image: str) -> str:
    """A path as the list holds it: as a JSON string where it could be taken for a remark or for more than one line."""
    plain = image.splitlines() == [image] and not image.startswith(("#", '"')) and image.strip() == image
    return image if plain and "\t" not in image else json.dumps(image)


def _read(line: str) -> str:
    """The path of a line."""
    image = line.split("\t")[0].removesuffix("\r")
    try:
        return json.loads(image) if image.startswith('"') else image
    except json.JSONDecodeError:
        return image


def check_list(file: Path) -> None:
    """Raises ManifestError where a file is there that `write_quarantine` has not written, such as a manifest."""
    if file.exists() and not (file.is_file() and file.read_bytes().startswith(HEADER[:30].encode())):
        raise ManifestError(f"{file} is there and is no list of photographs to leave out: name another file")


def leave_out(frame: pd.DataFrame, file: Path | str) -> pd.DataFrame:
    """The manifest without the rows whose image a quarantine file names; says on stderr how many they are.

    Raises:
        ManifestError: the file is absent, names an image that the manifest has not, or leaves no row.
    """
    file = Path(file)
    if not file.is_file():
        raise ManifestError(
            f"quarantine {file}: no such file; write it with `dermimit data check --skip-broken {file}`"
        )
    lines = enumerate(file.read_text(encoding="utf-8-sig").split("\n"))
    named = {i: _read(line) for i, line in lines if line.strip() and not line.startswith("#")}
    known = set(frame["image"])
    remedy = "not in the manifest; remove the line, or write the list again"
    unknown = [describe(i - 1, "path", path, remedy) for i, path in named.items() if path not in known]
    raise_problems(f"quarantine {file}", unknown)
    kept = frame[~frame["image"].isin(set(named.values()))]
    if kept.empty:
        raise ManifestError(f"quarantine {file}: names every image; nothing is left")
    print(f"{file}: {len(frame) - len(kept)} of {len(frame)} photographs left out", file=sys.stderr)
    return kept
