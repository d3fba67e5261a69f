"""What a notebook shows: tables, generated text, numbers for the prose, where results come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from IPython.display import display

from dermimit.data.facts import info
from dermimit.evaluate.estimate import Estimate, minus
from dermimit.shown import shown_text
from studies.shared.answer import wordy
from studies.shared.parameters import DATASETS
from studies.shared.units import in_per_cent

GLUE_PREFIX = "application/papermill.record/"  # what MyST-NB's glue roles look for


def glue(values: Mapping[str, float | str]) -> None:
    """Hand numbers and words to the prose: `{glue:text}` roles of the same page can format them.

    Every number becomes a Python float, since MyST-NB prints the raw repr of a NumPy scalar.
    """
    for name, value in values.items():
        record = {"scrapbook": {"name": name, "mime_prefix": GLUE_PREFIX}}
        text = repr(value if isinstance(value, str) else float(value))
        display({f"{GLUE_PREFIX}text/plain": text}, metadata=record, raw=True)


def points(name: str, one: Estimate) -> dict[str, str]:
    """A difference of shares for `glue`, in points with a real minus sign, which formats of `{glue:text}` cannot give.

    Args:
        name: of the value, "+6.9"; its ends "3.4" and "10.3" bear the name with _low and _high.
        one: the difference with its interval.
    """
    ends = {"low": one.low, "high": one.high}
    texts = {name: f"{100 * one.value:+.1f}"} | {f"{name}_{end}": f"{100 * x:.1f}" for end, x in ends.items()}
    return {key: minus(text) for key, text in texts.items()}


def show_table(frame: pd.DataFrame, *, index: bool = False, digits: int = 3, percent: Iterable[str] = ()) -> None:
    """Show a frame as a plain HTML table, its cells escaped, and as text where there is no HTML.

    Args:
        frame: the table.
        index: also show the index, as a column.
        digits: decimals of floats.
        percent: columns of shares from 0 to 1 that are shown in per cent.
    """
    table = frame.reset_index().rename_axis(columns=None) if index else frame
    table = in_per_cent(table, percent)
    table = table.map(_plain).rename(columns=_plain)
    options = {"index": False, "float_format": lambda x: minus(f"{x:.{digits}f}"), "na_rep": "–"}
    html = table.to_html(border=0, justify="left", classes=wordy(table), **options)
    display({"text/html": html, "text/plain": table.to_string(**options)}, raw=True)


def _plain(value: Any) -> Any:
    return shown_text(value) if isinstance(value, str) else value


def show_text(text: str) -> None:
    """Show generated Markdown; what looks like HTML is shown as it stands, since it may come from data."""
    text = shown_text(text)
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
            "do not compare these numbers with published ones for the whole dataset."
        )


def show_provenance(facts: Mapping[str, Any]) -> None:
    """Show one line: commit, versions, device, time. `facts` is a `provenance.json` or `records.provenance(...)`."""
    commit = str(facts.get("commit") or "unknown")[:10] + (" with uncommitted changes" if facts.get("dirty") else "")
    versions = facts.get("versions") or {}
    shown = ", ".join(f"{name} {versions[name]}" for name in ("torch", "timm", "captum") if name in versions)
    data = f", data `{str(facts['data_fingerprint'])[:12]}`" if facts.get("data_fingerprint") else ""
    started = str(facts.get("started", ""))[:16].replace("T", " ")
    known = {"Python": facts.get("python"), "device": facts.get("device")}
    where = [f"{words} {value}" for words, value in known.items() if value]
    parts = ", ".join(filter(None, [f"commit `{commit}`", shown, *where]))
    show_text(f"*Provenance: {parts}{data}, started {started} UTC.*")
