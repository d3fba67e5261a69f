"""What the book's appendix says of public datasets: counts, licences, known faults, from the readers' own facts.

Run: python -m studies.real_photographs.datasheets (writes the generated part of book/data.md)
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from dermimit.data.facts import MODULES, Info, info
from dermimit.evaluate.estimate import NONE
from studies.shared.paths import ROOT

APPENDIX = ROOT / "book/data.md"
START, END = "<!-- public datasets -->", "<!-- end of public datasets -->"
COUNTS = ("images", "patients", "diseases", "body_parts", "attributes")
LEFT_OUT = ("synderm", "folder")
"""Not somebody else's data."""


def public_datasets() -> list[Info]:
    """The facts of every public dataset that has a reader."""
    return [info(name) for name in MODULES if name not in LEFT_OUT]


def sheets() -> str:
    """Counts, licences and faults in Markdown."""
    found = public_datasets()
    counted = [[short(one), *(number(one.official.get(name)) for name in COUNTS), one.skin_types] for one in found]
    allowed = [[short(one), one.licence, one.forbids, one.source] for one in found]
    faults = [f"**{short(one)}** (`{one.name}`)\n\n" + "\n".join(f"- {clean(f)}" for f in one.faults) for one in found]
    head = ["dataset", *(name.replace("_", " ") for name in COUNTS), "skin types"]
    return "\n\n".join([
        "### What they hold",
        "Counts are the authors' own, of SCIN cases in place of patients; a dash means that there is no count.",
        table(head, counted),
        "### Licences", table(["dataset", "licence", "it forbids", "where to get it"], allowed),
        "### Known faults", *faults,
    ])  # fmt: skip


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, its cells cleaned."""
    lines = [head, ["---"] * len(head), *([clean(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short(one: Info) -> str:
    """A dataset's name without what it stands for."""
    return one.title.partition(",")[0]


def number(count: object) -> str:
    """A count with commas, or a dash."""
    return f"{count:,}" if isinstance(count, int) else NONE


def clean(text: str) -> str:
    """Text that cannot be taken for HTML."""
    return escape(text, quote=False)


def with_sheets(text: str) -> str:
    """The appendix with its generated part made anew.

    Raises:
        ValueError: the marks of that part are missing.
    """
    if START not in text or END not in text:
        raise ValueError(f"{APPENDIX.name}: {START} or {END} is missing: put both where the tables belong")
    made = f"{START}\n\n{sheets()}\n\n{END}"
    return re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: made, text, flags=re.DOTALL)


def main(path: Path = APPENDIX) -> None:
    """Write the generated part of the appendix."""
    path.write_text(with_sheets(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
