"""Helpers the notebooks call: parameters that are really checked, numbers for the prose, tables, provenance."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import display

from dermimit.named_values import named_values

os.environ.setdefault("TQDM_DISABLE", "1")  # a progress bar in an executed notebook is noise in the book

GLUE_PREFIX = "application/papermill.record/"  # what MyST-NB's glue roles look for
DATASETS = {  # those with photographs to train on
    "synderm": "SynDerm-49", "pad_ufes_20": "PAD-UFES-20", "dermacon_in": "DermaCon-IN", "sd198": "SD-198",
    "fitzpatrick17k": "Fitzpatrick17k", "scin": "SCIN", "folder": "photographs of your own",
}  # fmt: skip
PROFILES = {
    "smoke": "A check that everything runs. These numbers mean nothing.",
    "quick": "A live demonstration, computed while this copy of the book was built. It is not evidence.",
    "published": "A long run of the small model, whose records are kept in the repository.",
    "paper": "The paper's backbone and recipe, as far as they are known.",
}
TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str, "bool": bool}


class ParameterError(ValueError):
    """A notebook parameter that does not exist, or has the wrong type or value."""


def find_root() -> Path:
    """Return the project's root, relative to the working folder, whether that is the root or `notebooks/`."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "03_train.ipynb").is_file():
            return Path(os.path.relpath(folder, here))
    raise FileNotFoundError(f"{here} is not inside the project: start papermill or Jupyter in the project's folder.")


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


def glue(values: Mapping[str, float | str]) -> None:
    """Hand numbers and words to the prose: `{glue:text}` roles of the same page can format them.

    Every number becomes a Python float, since MyST-NB prints the raw repr of a NumPy scalar.
    """
    for name, value in values.items():
        record = {"scrapbook": {"name": name, "mime_prefix": GLUE_PREFIX}}
        text = repr(value if isinstance(value, str) else float(value))
        display({f"{GLUE_PREFIX}text/plain": text}, metadata=record, raw=True)


def show_table(frame: pd.DataFrame, *, index: bool = False, digits: int = 3) -> None:
    """Show a frame as a plain HTML table, its cells escaped, and as text where there is no HTML.

    Args:
        frame: the table.
        index: also show the index, as a column.
        digits: decimals of floats.
    """
    table = frame.reset_index().rename_axis(columns=None) if index else frame
    options = {"index": False, "float_format": f"{{:.{digits}f}}".format, "na_rep": "–"}
    html = table.to_html(border=0, justify="left", **options)
    display({"text/html": html, "text/plain": table.to_string(**options)}, raw=True)


def show_text(text: str) -> None:
    """Show generated Markdown; what looks like HTML is shown as it stands, since it may come from data."""
    display({"text/markdown": without_html(text), "text/plain": text}, raw=True)


def without_html(markdown: str) -> str:
    """The Markdown with `<` of tags written as an entity, except in code, which shows it as it stands anyway."""
    parts = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.DOTALL)
    return "".join(p if i % 2 else re.sub(r"<(?=[A-Za-z/!?])", "&lt;", p) for i, p in enumerate(parts))


def rerun_command(notebook: str, parameters: Mapping[str, Any]) -> None:
    """Show the papermill command that repeats this page exactly; an empty text is what a notebook starts with."""
    given = {name: value for name, value in parameters.items() if value != ""}
    lines = [f"papermill notebooks/{notebook}.ipynb {notebook}-again.ipynb"]
    lines += [f"  -p {name} {shlex.quote(str(value))}" for name, value in given.items()]
    show_text("```bash\n" + " \\\n".join(lines) + "\n```")


def finish(path: Path, **numbers: Any) -> None:
    """Write what the page reports, with the time it was executed, as JSON (to a temporary name, then renamed)."""
    record = {"executed": datetime.now(UTC).isoformat(timespec="seconds"), **numbers}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.write_text(json.dumps(record, indent=1, default=float) + "\n")
    scratch.replace(path)


def dataset_root(parameters: Mapping[str, Any]) -> Path:
    """Return the dataset's folder: `data_root` if given, else where the workflow or the reader is expected to put it.

    Raises:
        FileNotFoundError: no such folder; says what to pass.
    """
    dataset, root = parameters["dataset"], find_root()
    default = (
        f"results/data/synderm-{parameters['profile']}" if dataset == "synderm" else f"data/{dataset.replace('_', '-')}"
    )
    folder = Path(parameters["data_root"]) if parameters["data_root"] else root / default
    if not folder.is_dir():
        made = "run notebooks/01_data.ipynb first" if dataset == "synderm" else "pass -p data_root /path/to/it"
        raise FileNotFoundError(f"No folder {folder} for dataset {dataset!r}: {made}.")
    return folder


def loader_options(text: str) -> dict[str, Any]:
    """The options of a dataset's loader from a parameter such as `level=19 fold=3`; numbers and truth values are read.

    Raises:
        ParameterError: a word is not name=value.
    """
    try:
        return named_values(text)
    except ValueError as error:
        raise ParameterError(f"Parameter 'data_options': {error}.") from error


def run_config(parameters: Mapping[str, Any]) -> Any:
    """The `TrainConfig` that the parameters of notebooks/03_train.ipynb describe.

    Raises:
        ParameterError: an option of the loader, or a setting in `more`, is wrong.
        FileNotFoundError: there is no folder of the dataset.
    """
    from studies.shared.training import run_of_row

    usual = find_root() / "results/runs" / parameters["profile"] / parameters["dataset"]
    out = parameters["out"] or usual / f"{parameters['row']}-seed{parameters['seed']}"
    places = {"data_root": dataset_root(parameters), "out": out}
    try:
        return run_of_row({**parameters, **places})
    except ValueError as error:
        raise ParameterError(f"{error}.") from error


def forget_other(config: Any) -> None:
    """Delete a run folder that holds a run of other settings, so that the workflow can put the new one there.

    Args:
        config: a `TrainConfig`; an interrupted run of the same settings stays, and training goes on from it.

    Raises:
        LockedError: another process trains there.
    """
    from dermimit.lock import locked

    there = Path(config.out) / "config.json"
    if there.is_file() and json.loads(there.read_text()) != config.to_dict():
        with locked(Path(config.out)):
            shutil.rmtree(config.out)


def show_banner(parameters: Mapping[str, Any]) -> None:
    """Say at the top of a page which profile and dataset its numbers come from, and what they are worth."""
    profile, dataset = parameters["profile"], DATASETS.get(parameters["dataset"], parameters["dataset"])
    show_text(f"**Profile `{profile}` on {dataset}.** {PROFILES.get(profile, 'A profile of your own.')}")


def show_subset(dataset: str, photographs: int) -> None:
    """Say so where only a part of a public dataset is at hand, since its numbers then stand by themselves."""
    from dermimit.data.facts import info

    complete = info(dataset).official.get("images", 0)
    if photographs < complete:
        show_text(
            f"**{DATASETS[dataset]}, {photographs}-image subset** of {complete:,}: "
            "do not set these numbers beside published ones for the full set."
        )


def show_provenance(facts: Mapping[str, Any]) -> None:
    """Show one line: commit, versions, device, time. `facts` is a `provenance.json` or `records.provenance(...)`."""
    commit = str(facts.get("commit") or "unknown")[:10] + (" with uncommitted changes" if facts.get("dirty") else "")
    versions = facts.get("versions") or {}
    shown = ", ".join(f"{name} {versions[name]}" for name in ("torch", "timm", "captum") if name in versions)
    data = f", data `{str(facts['data_fingerprint'])[:12]}`" if facts.get("data_fingerprint") else ""
    started = str(facts.get("started", ""))[:16].replace("T", " ")
    show_text(
        f"*Provenance: commit `{commit}`, {shown}, Python {facts.get('python', '?')}, "
        f"device {facts.get('device', '?')}{data}, started {started} UTC.*"
    )
