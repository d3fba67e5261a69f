"""Parameters of a notebook: what its cell declares, what papermill injected, and whether they fit."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from dermimit.named_values import named_values

DATASETS = {  # those with photographs to train on
    "synderm": "SynDerm-49", "pad_ufes_20": "PAD-UFES-20", "dermacon_in": "DermaCon-IN", "sd198": "SD-198",
    "fitzpatrick17k": "Fitzpatrick17k", "scin": "SCIN", "folder": "photographs of your own",
}  # fmt: skip
TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str, "bool": bool}


class ParameterError(ValueError):
    """A notebook parameter that does not exist, or has the wrong type or value."""


def declared_parameters(source: str) -> dict[str, str]:
    """Return `{name: annotation}` for a cell made only of typed assignments, and an empty dict for any other cell."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a cell with shell or magic lines
        return {}
    typed = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {node.target.id: ast.unparse(node.annotation) for node in typed} if len(typed) == len(body) else {}


def injected_names(source: str) -> list[str]:
    """Return the names assigned by the cell papermill injects, which starts with `# Parameters`."""
    if not source.lstrip().startswith("# Parameters"):
        return []
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return [target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)]


def _has_type(value: Any, annotation: str) -> bool:
    if annotation.startswith("list["):
        return isinstance(value, list) and all(_has_type(item, annotation[5:-1]) for item in value)
    return isinstance(value, TYPES[annotation]) and (annotation == "bool" or not isinstance(value, bool))


def check_values(declared: Mapping[str, str], values: Mapping[str, Any], choices: Mapping[str, Sequence]) -> None:
    """Raise ParameterError for the first value that does not have the declared type or is not among its choices."""
    for name, annotation in declared.items():
        value = values[name]
        if not _has_type(value, annotation):
            hint = (
                "lists and exact types go through -y as JSON"
                if annotation.startswith("list")
                else "1e-4 is text in YAML"
            )
            raise ParameterError(
                f"Parameter {name!r} must be {annotation}, got {value!r} ({type(value).__name__}). "
                f"Pass another value with papermill -p or -y ({hint})."
            )
        if name in choices and value not in choices[name]:
            raise ParameterError(f"Parameter {name!r} must be one of {', '.join(choices[name])}; got {value!r}.")


def check_parameters(namespace: Mapping[str, Any], **choices: Sequence) -> dict[str, Any]:
    """Check what papermill injected against the notebook's own parameters cell, and return the values in force.

    Papermill only warns about a misspelt name and runs on with the default. Here the cells already executed
    are read back: the last one made of typed assignments declares, a `# Parameters` cell after it injects.

    Args:
        namespace: `globals()` of the notebook; must hold IPython's `In`.
        **choices: for a parameter, the values it may take.
    Returns:
        `{name: value}` in the order of the parameters cell.
    Raises:
        ParameterError: an injected name that is not declared, or a value of the wrong type or outside its choices.
    """
    warnings.filterwarnings("ignore", module="IPython")
    cells = list(namespace["In"])[:-1]
    found = [(place, declared_parameters(source)) for place, source in enumerate(cells)]
    place, declared = next(((p, d) for p, d in reversed(found) if d), (0, {}))
    if not declared:
        raise ParameterError("No parameters cell was executed: run the cell tagged `parameters` first.")
    unknown = [name for source in cells[place:] for name in injected_names(source) if name not in declared]
    if unknown:
        raise ParameterError(f"Unknown parameter {', '.join(unknown)}. This notebook takes: {', '.join(declared)}.")
    check_values(declared, namespace, choices)
    return {name: namespace[name] for name in declared}


def loader_options(text: str) -> dict[str, Any]:
    """The options of a dataset's loader from a parameter such as `level=19 fold=3`; numbers and truth values are read.

    Raises:
        ParameterError: a word is not name=value.
    """
    try:
        return named_values(text)
    except ValueError as error:
        raise ParameterError(f"Parameter 'data_options': {error}.") from error
