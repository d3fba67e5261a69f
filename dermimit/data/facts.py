"""What is known of each dataset: counts, licence, where it is kept, known faults; from its own module."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from dermimit.data import ddi, dermacon_in, fitzpatrick17k, folder, pad_ufes_20, scin, sd198, synderm
from dermimit.data.loaders import options_of
from dermimit.data.problems import ManifestError, suggest

MODULES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (synderm, pad_ufes_20, dermacon_in, sd198, fitzpatrick17k, scin, ddi, folder)
}
COUNTS = ("images", "patients", "lesions", "diseases", "body_parts", "attributes")
WIDTH, INDENT = 100, 12  # of the text for a terminal, in characters


@dataclass(frozen=True)
class Info:
    """The facts of one dataset.

    Args:
        name: as in `dermimit.data.DATASETS`.
        title: its full name.
        citation: the paper.
        licence: as its authors state it.
        forbids: what the licence forbids.
        source: the institution or repository that keeps it.
        size: for planning a download.
        layout: the files that the loader expects under root.
        classes: the diseases, in words.
        body_parts: in words.
        attributes: in words.
        skin_types: how skin colour is recorded.
        grouping: what keeps photographs together that must be in one split.
        splits: the official ones, or how they are made.
        faults: known traps and errors.
        official: what the authors count.
    """

    name: str
    title: str
    citation: str
    licence: str
    forbids: str
    source: str
    size: str
    layout: str
    classes: str
    body_parts: str
    attributes: str
    skin_types: str
    grouping: str
    splits: str
    faults: tuple[str, ...]
    official: dict[str, Any]


def info(name: str) -> Info:
    """The facts of one dataset.

    Raises:
        ManifestError: there is no such dataset.
    """
    if name not in MODULES:
        raise ManifestError(f"no facts of a dataset {name!r}; {suggest(name, MODULES)}")
    module = MODULES[name]
    official = dict(getattr(module, "OFFICIAL", {}))
    if space := getattr(module, "LABEL_SPACE", None):
        official |= {"diseases": len(space.diseases), "body_parts": len(space.body_parts)}
        official |= {"attributes": len(space.attributes)}
    return Info(name=name, official=official, **module.INFO)


def facts_table() -> pd.DataFrame:
    """One row a dataset: its counts, licence and known faults; None where its authors count nothing."""
    rows = []
    for name in MODULES:
        known = info(name)
        row = {column: known.official.get(column) for column in COUNTS}
        row |= {"classes": known.classes, "skin_types": known.skin_types, "licence": known.licence}
        rows.append(row | {"known_faults": "; ".join(known.faults)})
    return pd.DataFrame(rows, index=pd.Index(MODULES, name="dataset"), dtype=object)


def print_info(name: str) -> str:
    """The facts of one dataset as text for a terminal, in lines of at most 100 characters.

    Raises:
        ManifestError: there is no such dataset.
    """
    known = info(name)
    lines = [f"{known.title} ({name})", ""]
    for label, text in _fields(known).items():
        lines.append(textwrap.fill(f"{label + ':':{INDENT}}{text}", WIDTH, subsequent_indent=" " * INDENT))
    lines.append("Known faults:")
    lines += [textwrap.fill(f"  - {fault}", WIDTH, subsequent_indent="    ") for fault in known.faults]
    return "\n".join(lines)


def facts_sheet(name: str) -> str:
    """The datasheet of one dataset in Markdown: its title in bold, then a list of its facts; no heading.

    Raises:
        ManifestError: there is no such dataset.
    """
    known = info(name)
    lines = [f"**{known.title}** (`{name}`)", ""]
    lines += [f"- *{label}*: {_markdown(text)}" for label, text in _fields(known).items()]
    lines.append("- *Known faults*:")
    lines += [f"  - {_markdown(fault)}" for fault in known.faults]
    return "\n".join(lines)


def _fields(known: Info) -> dict[str, str]:
    """The facts but the faults, by their label, in the order in which they are shown."""
    options = [f"{option}={default!r}" for option, default in options_of(known.name).items()]
    return {
        "Citation": known.citation,
        "Licence": known.licence,
        "Forbidden": known.forbids,
        "Get it": known.source,
        "Size": known.size,
        "Layout": known.layout,
        "Counts": _counts(known.official),
        "Classes": known.classes,
        "Body parts": known.body_parts,
        "Attributes": known.attributes,
        "Skin types": known.skin_types,
        "Grouping": known.grouping,
        "Splits": known.splits,
        "Options": ", ".join(options) or "none",
    }


def _counts(official: Mapping[str, Any]) -> str:
    """What the authors count, in words, with the photographs of each disease in brackets."""
    said = {column: f"{column.replace('_', ' ')} {official[column]:,}" for column in COUNTS if column in official}
    if "disease" in official:
        said["diseases"] += " (" + ", ".join(f"{name} {n:,}" for name, n in official["disease"].items()) + ")"
    return "; ".join(said.values()) or "not counted"


def _markdown(text: str) -> str:
    """Text in which `<file>` and `*` stand for themselves."""
    return text.replace("<", "&lt;").replace("*", r"\*")
