"""What the book says of its published records: where and when they were made, and the README's table of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.synderm import RENDERER
from dermimit.evaluate.runs import read_records
from dermimit.records import origins, read_json

TRAININGS = "runs.parquet"
"""A table of trainings that have no file of their own, a line each with `commit, dirty, started, seconds`."""


def published_note(folder: Path) -> str:
    """A sentence that says where published runs used an earlier SynDerm than the one drawn now, or nothing."""
    path = Path(folder) / "ceiling.json"
    then = read_json(path).get("renderer", RENDERER) if path.is_file() else RENDERER
    if then == RENDERER:
        return ""
    return (
        f" The published runs used version {then} of SynDerm, and the runs of this copy use version {RENDERER}. These "
        "are two datasets with the same label lists, and each has its own best possible score."
    )


def status_table(root: Path) -> pd.DataFrame:
    """List every run below `results/runs` and `results/published`: when, where, how long, from which commit."""
    frames = [read_records(root / part).assign(group=part) for part in ("runs", "published")]
    return pd.DataFrame([_status(record, root) for frame in frames for record in frame.to_dict("records")])


def measurements_table(published: Path) -> pd.DataFrame:
    """List every stored measurement: a JSON file or a table of trainings that says where it or its runs come from.

    Args:
        published: the folder `results/published`, or a part of it.

    Returns:
        text columns `measurement, processes` (how many made it), `date` (of the last), `commit` (all), `minutes`.
    """
    lines = []
    files = [*Path(published).rglob("*.json"), *Path(published).rglob(TRAININGS)]
    for path in sorted(files):
        found = [] if path.name in ("provenance.json", "config.json", "metrics.json") else _origins(path)
        if found:
            commits = list(dict.fromkeys(_commit(facts) for facts in found))
            line = {"measurement": path.relative_to(published).as_posix(), "processes": len(found)}
            line |= {"date": max(str(facts.get("started", ""))[:10] for facts in found), "commit": ", ".join(commits)}
            lines.append(line | {"minutes": _scaled(sum(facts.get("seconds") or 0 for facts in found), 60, 1)})
    return pd.DataFrame(lines)


def _origins(path: Path) -> list[Mapping[str, Any]]:
    """What says where a measurement comes from: of each process that made it, or of each training of a table."""
    return pd.read_parquet(path).to_dict("records") if path.name == TRAININGS else origins(read_json(path))


def modified_text(published: Path, folder: str) -> str:
    """Which measurements of a folder were made from a checkout with uncommitted changes; empty where none was."""
    table = measurements_table(Path(published) / folder)
    if table.empty or not (modified := table[table["commit"].str.contains("(modified)", regex=False)]).shape[0]:
        return ""
    named = {
        line.measurement: ", ".join(f"`{c.split()[0]}`" for c in line.commit.split(", ") if c.endswith("(modified)"))
        for line in modified.itertuples()
    }
    names = ", ".join(f"`{name}` (commit {commits})" for name, commits in named.items())
    return (
        f"**Made from a checkout with uncommitted changes:** {names}. The code of these measurements may differ from "
        f"that commit. Measurements of this page from clean commits: {len(table) - len(modified)}."
    )


def _commit(facts: Mapping[str, Any]) -> str:
    return str(facts.get("commit") or "unknown")[:10] + (" (modified)" if facts.get("dirty") else "")


def _status(record: Mapping[str, Any], root: Path) -> dict[str, str]:
    parts = Path(record["path"]).relative_to(root / record["group"]).parent.parts
    profile, *where = parts if record["group"] == "runs" else ("published", *parts)
    facts = {key.removeprefix("provenance/"): value for key, value in record.items() if key.startswith("provenance/")}
    return {
        "dataset": "/".join(where),
        "run": record["run"],
        "profile": profile,
        "date": str(facts.get("started", ""))[:10],
        "minutes": _scaled(facts.get("seconds"), 60, 1),
        "commit": _commit(facts),
    }


def _scaled(value: Any, unit: float, digits: int) -> str:
    return "–" if value is None or pd.isna(value) else f"{value / unit:.{digits}f}"
