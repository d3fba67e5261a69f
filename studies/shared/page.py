"""How every notebook opens and closes: checked parameters, what its numbers are worth, how to repeat it."""

from __future__ import annotations

import json
import os
import shlex
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

os.environ.setdefault("TQDM_DISABLE", "1")  # a progress bar in an executed notebook is noise in the book

from dermimit.evaluate.runs import read_experiments
from dermimit.explain.style import use_style
from dermimit.records import read_json
from studies.shared.answer import chips, commit_of, file_list, footer, short_table
from studies.shared.folders import find_root
from studies.shared.parameters import DATASETS, check_parameters
from studies.shared.published import modified_text, published_note
from studies.shared.show import show_provenance, show_text

PROFILES = {
    "smoke": "This is a check that everything runs. The numbers mean nothing.",
    "quick": "A live demonstration, computed while this copy of the book was built. It is not evidence.",
    "published": "A long run of the small model, whose records are kept in the repository.",
    "paper": "The paper's backbone and recipe, as far as they are known.",
}


NO_NOTE = "-"
"""Of a page of the main text: its answer box says what its numbers are worth."""


@dataclass(frozen=True)
class Page:
    """A notebook at work.

    Args:
        name: of its file, without .ipynb.
        parameters: the values in force.
        root: the project's folder.
        record: folder of results/published that it reads; empty where it reads none, or several.
        started: when it was opened, in seconds since the epoch.
    """

    name: str
    parameters: dict[str, Any]
    root: Path
    record: str
    started: float

    @property
    def published(self) -> Path:
        """The folder of all records."""
        return self.root / "results/published"

    @property
    def folder(self) -> Path:
        """The folder of the page's own record."""
        return self.published / self.record

    def read(self, name: str) -> dict[str, Any]:
        """One file of the page's own record, without its .json."""
        return read_json(self.folder / f"{name}.json")

    def labels(self, table: str = "ablation") -> dict[str, str]:
        """Row -> its name for people, of a table of workflow/experiments."""
        rows = read_experiments(self.root / f"workflow/experiments/{table}.csv")
        return rows.set_index("row")["label"].to_dict()

    def answer(self, data: str, *verdicts: str, note: str = "") -> None:
        """Show the chips under the answer box, see `answer.chips`."""
        chips(data, *verdicts, note=note)

    def table(
        self,
        frame: pd.DataFrame,
        name: str,
        full: pd.DataFrame | None = None,
        digits: int = 3,
        percent: Iterable[str] = (),
    ) -> None:
        """Show a table of at most five columns with a link to the full one as CSV.

        The file is written where the page reports its numbers, and staged from there into the book; a notebook that
        reports nowhere shows the table alone.

        Args:
            frame: what is shown; a column "verdict" becomes chips.
            name: of the table, for its file.
            full: what the CSV holds; None: the same.
            digits: decimals of floats.
            percent: columns of shares from 0 to 1 that are shown in per cent; the CSV has them as they are.
        """
        folder = self._tables
        short_table(frame, folder / f"{self.name}-{name}.csv" if folder else None, full, digits, percent)

    def files(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Show one line of links to tables that the page has no room for, written as CSV like those of `table`.

        Args:
            tables: what a table holds, in a word or two -> the table.
        """
        file_list(tables, self._tables, self.name)

    @property
    def _tables(self) -> Path | None:
        """The folder of the page's CSV files; None where it reports nowhere."""
        report = self.parameters["report"]
        return Path(report).parent / "csv" if report else None

    def end(self, provenance: Mapping[str, Any] | None, /, **numbers: Any) -> None:
        """Close a page of the main text with one line, and write its numbers where `report` says.

        Args:
            provenance: of the records that it shows; None where nothing has been measured.
            **numbers: what the page reports.
        """
        given = {name: value for name, value in self.parameters.items() if value != "" and name != "report"}
        options = "".join(f" -p {name} {shlex.quote(str(value))}" for name, value in given.items())
        command = f"papermill notebooks/{self.name}.ipynb {self.name}-again.ipynb{options}"
        footer(self.name, commit_of(provenance), command, "reported results, read from stored records")
        if self.parameters["report"]:
            write_page_numbers(Path(self.parameters["report"]), **numbers)

    def close(
        self, provenance: Mapping[str, Any] | None, /, *, again: Mapping[str, Any] | None = None, **numbers: Any
    ) -> None:
        """Show how to repeat the page and where its results come from; write its numbers where `report` says.

        Measurements of the page's record that were made from a modified checkout are named.

        Args:
            provenance: a `provenance.json` or `records.provenance(...)`; None where nothing has been measured.
            again: parameters that are other ones when the page is repeated.
            **numbers: what the page reports.
        """
        show_text(rerun_command(self.name, self.parameters | dict(again or {})))
        if self.record and (modified := modified_text(self.published, self.record)):
            show_text(modified)
        if provenance:
            show_provenance(provenance)
        if self.parameters["report"]:
            write_page_numbers(Path(self.parameters["report"]), **numbers)


def open_page(
    namespace: Mapping[str, Any], name: str, note: str = "", *, record: str = "", runs: str = "", **choices: Sequence
) -> Page:
    """Check the parameters, set the style of figures, and say what the page's numbers are worth.

    Args:
        namespace: `globals()` of the notebook, in the cell after its parameters.
        name: of the notebook's file, without .ipynb.
        note: what is shown at the top; empty: the profile and the dataset; `NO_NOTE`: nothing.
        record: folder of results/published that the page reads.
        runs: folder of published runs, where the note is to say if they saw an earlier SynDerm.
        **choices: for a parameter, the values it may take; a dataset is one of `DATASETS`.

    Raises:
        ParameterError: see `check_parameters`.
    """
    parameters, root = check_parameters(namespace, dataset=tuple(DATASETS), **choices), find_root()
    use_style()
    warnings.showwarning = as_note
    if note != NO_NOTE:
        show_text((note or banner(parameters)) + (published_note(root / "results/published" / runs) if runs else ""))
    return Page(name, parameters, root, record, time.time())


def as_note(message: Warning | str, *_: Any) -> None:
    """Show a warning as a sentence of the page, without the file and the line that it came from."""
    show_text(f"*Note: {message}*")


def banner(parameters: Mapping[str, Any]) -> str:
    """Which profile and dataset the numbers of a page come from, and what they are worth."""
    profile, dataset = parameters["profile"], DATASETS.get(parameters["dataset"], parameters["dataset"])
    return f"**Profile `{profile}` on {dataset}.** {PROFILES.get(profile, 'A profile of your own.')}"


def rerun_command(notebook: str, parameters: Mapping[str, Any]) -> str:
    """The papermill command that repeats a page exactly; an empty text is what a notebook starts with."""
    given = {name: value for name, value in parameters.items() if value != ""}
    lines = [f"papermill notebooks/{notebook}.ipynb {notebook}-again.ipynb"]
    lines += [f"  -p {name} {shlex.quote(str(value))}" for name, value in given.items()]
    return "```bash\n" + " \\\n".join(lines) + "\n```"


def write_page_numbers(path: Path, **numbers: Any) -> None:
    """Write what the page reports, with the time it was executed, as JSON (to a temporary name, then renamed)."""
    written = {"executed": datetime.now(UTC).isoformat(timespec="seconds"), **numbers}
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.write_text(json.dumps(written, indent=1, default=float) + "\n")
    scratch.replace(path)
