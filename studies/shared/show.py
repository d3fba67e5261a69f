"""What a notebook shows: tables, generated text, numbers for the prose, where results come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import display

from dermimit.data.facts import info
from dermimit.evaluate.estimate import minus
from studies.shared.parameters import DATASETS

GLUE_PREFIX = "application/papermill.record/"  # what MyST-NB's glue roles look for


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
    options = {"index": False, "float_format": lambda x: minus(f"{x:.{digits}f}"), "na_rep": "–"}
    html = table.to_html(border=0, justify="left", **options)
    display({"text/html": html, "text/plain": table.to_string(**options)}, raw=True)


def show_text(text: str) -> None:
    """Show generated Markdown; what looks like HTML is shown as it stands, since it may come from data."""
    display({"text/markdown": without_html(text), "text/plain": text}, raw=True)


def without_html(markdown: str) -> str:
    """The Markdown with `<` of tags written as an entity, except in code, which shows it as it stands anyway."""
    parts = re.split(r"(```.*?```|`[^`\n]*`)", markdown, flags=re.DOTALL)
    return "".join(p if i % 2 else re.sub(r"<(?=[A-Za-z/!?])", "&lt;", p) for i, p in enumerate(parts))


def show_subset(dataset: str, photographs: int) -> None:
    """Say so where only a part of a public dataset is at hand, since its numbers then stand by themselves."""
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
