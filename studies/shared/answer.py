"""What a page of the main text shows beside its prose: verdict chips, short tables with their CSV, one footer line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import display

from dermimit.evaluate.estimate import minus
from studies.shared.units import in_per_cent
from studies.shared.verdict_words import css_class, word

CSV_LINK = "../../_static/tables"  # from results/pages in the built book
WIDEST = 5  # columns that a reader takes in at a time
SENTENCE = 25  # characters of a cell that is no word or name


def chips(data: str, *verdicts: str, note: str = "") -> None:
    """Show a line of chips under the answer of a page.

    Args:
        data: what it rests on: "synthetic images", "948 real photographs".
        *verdicts: the verdicts that it gives, each shown by its word and colour.
        note: how sure that is: seeds, photographs.
    """
    shown = [f'<span class="chip {css_class(v)}">{escape(word(v))}</span>' for v in dict.fromkeys(map(word, verdicts))]
    shown += [f'<span class="chip data">{escape(text)}</span>' for text in (data, note) if text]
    plain = " · ".join([*dict.fromkeys(map(word, verdicts)), data, note]).strip(" ·")
    display({"text/html": f'<p class="chips">{" ".join(shown)}</p>', "text/plain": plain}, raw=True)


def short_table(
    frame: pd.DataFrame, file: Path | None, full: pd.DataFrame | None, digits: int, percent: Iterable[str] = ()
) -> None:
    """Show a table of at most five columns, and where there is a file, a link to the full one.

    Args:
        frame: text or numbers; a column named "verdict" is shown as chips.
        file: where the full table is written; the link is to a copy of that name beside the book.
        full: all lines and columns; None: those of `frame`.
        digits: decimals of floats.
        percent: columns of shares from 0 to 1 that are shown in per cent; the file has them as they are.

    Raises:
        ValueError: more than five columns.
    """
    if frame.shape[1] > WIDEST:
        raise ValueError(f"{frame.shape[1]} columns in a table of the main text: at most {WIDEST}, the rest as CSV")
    full = frame if full is None else full
    frame = in_per_cent(frame, percent)
    safe = frame.map(lambda cell: escape(cell) if isinstance(cell, str) else cell)
    if "verdict" in safe:
        safe["verdict"] = [f'<span class="chip {css_class(v)}">{escape(word(v))}</span>' for v in frame["verdict"]]
    options: dict[str, Any] = {"float_format": lambda x: minus(f"{x:.{digits}f}"), "na_rep": "–", "index": False}
    html = safe.to_html(border=0, justify="left", escape=False, classes=wordy(frame), **options)
    text = frame.to_string(**options)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        full.to_csv(file, index=False)
        html += f'<p class="full-table"><a href="{CSV_LINK}/{escape(file.name)}" download>Full table (CSV)</a></p>'
    display({"text/html": html, "text/plain": text}, raw=True)


def wordy(frame: pd.DataFrame) -> str:
    """The class "wordy" for a table whose first column holds sentences: on a phone it keeps a width to be read."""
    return "wordy" if len(frame) and frame.iloc[:, 0].astype(str).str.len().median() > SENTENCE else ""


def file_list(tables: Mapping[str, pd.DataFrame], folder: Path | None, page: str) -> None:
    """Show one line of links to tables as CSV, and write them; nothing where there is no folder.

    Args:
        tables: name -> table.
        folder: where they are written; the links are to copies beside the book.
        page: whose name the files begin with.
    """
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for name, table in tables.items():
        file = f"{page}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.csv"
        table.to_csv(folder / file, index=False)
        links.append(f'<a href="{CSV_LINK}/{escape(file)}" download>{escape(name)}</a>')
    html = f'<p class="full-table">All tables of this page (CSV): {" · ".join(links)}</p>'
    display({"text/html": html, "text/plain": f"Tables: {', '.join(tables)}"}, raw=True)


def footer(name: str, commit: str, command: str, made: str) -> None:
    """Show the one line that closes a page: notebook, command, commit.

    Args:
        name: of the notebook's file, without .ipynb.
        commit: that made the numbers.
        command: that repeats the page.
        made: where its numbers come from.
    """
    parts = {"Notebook": f"notebooks/{name}.ipynb", "repeat": command, "commit": commit}
    shown = [f"{key} <code>{escape(value)}</code>" for key, value in parts.items() if value]
    html = f'<p class="page-footer">{" · ".join([*shown, escape(made)])}</p>'
    text = " · ".join([*(f"{key} {value}" for key, value in parts.items() if value), made])
    display({"text/html": html, "text/plain": text}, raw=True)


def commit_of(facts: Mapping[str, Any] | None) -> str:
    """The commit that a `provenance.json` or `records.provenance(...)` names, and whether it was modified."""
    commit = str((facts or {}).get("commit") or "")[:10]
    return commit + (" with uncommitted changes" if commit and (facts or {}).get("dirty") else "")
