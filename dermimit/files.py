"""Files that come from anywhere: opened only where they are plain files, of a size that a reader is made for."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

LARGEST_TEXT = 256 * 2**20
"""Bytes of a JSON file at most: a record of a run has less than one megabyte, a study's largest about ten."""


def plain_file(path: Path, folder: Path | None = None, largest: int | None = None) -> Path:
    """The path, where a reader may open it.

    Args:
        path: of a file.
        folder: that it must lie in, once links are followed; None for anywhere.
        largest: bytes that it may have at most.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a folder, pipe, socket or device, a link that leads out of the folder, or larger.
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError(f"{path} is no plain file (a folder, pipe, socket or device): put the file itself there")
    if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{path} is a link that leads out of {folder}: copy the file itself there")
    if largest is not None and about.st_size > largest:
        raise ValueError(f"{path} has {about.st_size / 1e6:.0f} MB, more than the {largest / 1e6:.0f} MB that such a "
                         "file may have: put the right one there")  # fmt: skip
    return path


def check_output(path: Path, *inputs: Path | None, suffix: str = "") -> None:
    """Raises ValueError where a file to be written has another suffix, is a folder, or is one that is read.

    Args:
        path: of the file to be written.
        *inputs: files that are read, and folders whose files are.
        suffix: that its name must have.
    """
    if suffix and path.suffix.lower() != suffix:
        raise ValueError(f"{path}: name a file that ends in {suffix}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file")
    for given in filter(None, inputs):
        whole, other = path.resolve(), given.resolve()
        if whole == other or (other.is_dir() and whole.is_relative_to(other)):
            raise ValueError(f"{path} {'is' if whole == other else 'lies in'} what is read: name another file to write")


def parsed(text: str) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is no JSON, or nested more deeply than anything that is written here.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path: Path, folder: Path | None = None) -> Any:
    """A JSON file.

    Args:
        path: of the file.
        folder: as for `plain_file`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as `plain_file`; or the file is damaged, with its name.
    """
    text = plain_file(path, folder, LARGEST_TEXT).read_bytes()
    try:
        return parsed(text.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}): delete it and make it again") from error


def read_object(path: Path, folder: Path | None = None) -> dict[str, Any]:
    """A JSON file that holds one object.

    Raises:
        FileNotFoundError, ValueError: as `read_json`; or it holds something else, with the file's name.
    """
    values = read_json(path, folder)
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds {_kind(values)}, not an object with names: put the right file there")
    return values


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "null", bool: "a truth value"}.get(type(value), "a number")


def without_folders(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a dataset's loader for others to see: of a path the last part of its name."""
    return {name: PureWindowsPath(value).name if isinstance(value, str) else value for name, value in options.items()}
