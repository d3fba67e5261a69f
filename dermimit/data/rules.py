"""What a value of a manifest may be, column by column, and what to do where it is something else."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from dermimit.data.columns import SPLITS
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_names import is_address
from dermimit.data.problems import collecting, suggest

RELATIVE = "give the path relative to the dataset's folder, with forward slashes"
ADDRESS = f"an address is not read; save the photograph here, and {RELATIVE}"
LEAVES = "the path leaves the dataset's folder; move the file inside and name it from there"
Rule = Callable[[Any], str | None]


def rules_of(space: LabelSpace, root: Path | None) -> dict[str, Rule]:
    """For each column, what is wrong with a value that is not missing (None: nothing).

    Args:
        space: the names that labels may take.
        root: folder in which the files must exist; not looked for where it is None.
    """
    path = partial(path_problem, root=root, inside=None if root is None else root.resolve())
    return {
        "image": path,
        "mask": path,
        "disease": partial(_name_problem, known=space.diseases),
        "body_part": partial(_list_problem if space.several_body_parts else _name_problem, known=space.body_parts),
        "attributes": partial(_list_problem, known=space.attributes),
        "attributes_unknown": partial(_list_problem, known=space.attributes),
        "fitzpatrick": lambda v: None if 1 <= v <= 6 else "Fitzpatrick skin type is 1 to 6; leave it empty if unknown",
        "split": _split_problem,
    }


def path_problem(value: str, root: Path | None, inside: Path | None = None) -> str | None:
    """What is wrong with a path that should be relative to `root` and stay inside it (None: nothing).

    `inside` is `root` with its links followed, which takes long; without it they are followed here.
    """
    if is_address(value):
        return ADDRESS
    if "\\" in value or PureWindowsPath(value).is_absolute() or PurePosixPath(value).is_absolute():
        return RELATIVE
    if ".." in PurePosixPath(value).parts or not value.strip():
        return LEAVES
    if root is None or (collecting() and not (root / value).is_file()):
        return None
    if not (root / value).resolve().is_relative_to(inside or root.resolve()):
        return "a link leads out of the dataset's folder; copy the file inside"
    return None if (root / value).is_file() else f"no such file in {root}; correct the name or remove the row"


def _name_problem(value: str, known: Sequence[str]) -> str | None:
    return None if value in known else f"unknown name; {suggest(value, known)}"


def _split_problem(value: str) -> str | None:
    if value in SPLITS:
        return None
    near = "".join(f"{end} " for end in [suggest(value, SPLITS)] if end.startswith("did you mean"))
    return f"unknown split; {near}allowed: {', '.join(SPLITS)}"


def _list_problem(value: object, known: Sequence[str]) -> str | None:
    if not isinstance(value, list):
        return "give a list of names, [] for none of them, or leave it empty if unknown"
    if unknown := [v for v in value if v not in known]:
        return f"unknown name {unknown[0]!r}; {suggest(unknown[0], known)}"
    return "a name is given twice; remove one" if len(set(value)) < len(value) else None


def weights_problem(value: object, known: Sequence[str]) -> str | None:
    """What is wrong with the weights of an uncertain label: finite numbers above 0 by known names (None: nothing)."""
    if not isinstance(value, dict) or not value:
        return "give weights by name, such as {'name': 0.7}, or leave it empty if the label is certain"
    for name, weight in value.items():
        if name not in known:
            return f"unknown name {name!r}; {suggest(name, known)}"
        number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool | np.bool_)
        if not number or not 0 < weight < float("inf"):
            return f"weight {weight!r} of {name!r}: give a number above 0, or leave the name out"
    return None
