"""What is known of each dataset: counts, licence, where it is kept, known faults; drawn from the loaders' constants."""

import textwrap
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from dermimit.data import ddi, dermacon_in, fitzpatrick17k, folder, pad_ufes_20, scin, sd198, synderm
from dermimit.data.problems import ManifestError, suggest

MODULES: dict[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (synderm, pad_ufes_20, dermacon_in, sd198, fitzpatrick17k, scin, ddi, folder)
}
INFOS: dict[str, dict[str, Any]] = {  # of the modules that have no INFO of their own
    "synderm": {
        "title": "SynDerm-49, procedural photographs",
        "citation": "this project",
        "licence": "this project's",
        "forbids": "nothing; it says nothing of patients either",
        "source": "drawn on your machine by `dermimit data synderm`",
        "size": "as many as you ask for",
        "layout": "what `dermimit data synderm` writes: manifest.parquet, label_space.json, images/, masks/",
        "classes": "49",
        "skin_types": "Fitzpatrick 1 to 6",
        "faults": ("synthetic: good for testing methods, not for claims on patients",),
    },
    "pad_ufes_20": {
        "title": "PAD-UFES-20",
        "citation": "Pacheco et al., Data in Brief 32 (2020)",
        "licence": "CC BY 4.0",
        "forbids": "use without attribution",
        "source": "Mendeley Data, zr7vgbcyr2",
        "size": "2,298 images",
        "layout": "metadata.csv, imgs_part_1/ to imgs_part_3/ with <img_id>.png, and if wanted masks/<img_id>.png",
        "classes": "6",
        "skin_types": "Fitzpatrick 1 to 6, where given",
        "faults": (
            "lesion_id repeats across patients: a lesion is the pair of patient_id and lesion_id",
            "lesion_id is a whole number: code that expects text may fall back to photos; group by patient_id",
            "age, sex and skin type are missing mostly where no biopsy was made, so that missingness tells the class",
            "only 52 melanomas: one more or fewer in the test set moves macro-F1 by a point or more",
            "no official split: many published ones put photos of one lesion in training and test",
            "the column of the skin type is spelled fitspatrick; ink rings and arrows round some lesions",
            "in the training data of DermINO and SkinVL: their scores on it are not clean",
        ),
    },
}
COUNTS = ("images", "patients", "diseases", "body_parts", "attributes")
WIDTH = 100


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
        skin_types: how skin colour is recorded.
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
    skin_types: str
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
    return Info(name=name, official=official, **getattr(module, "INFO", INFOS.get(name)))


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
    """The facts of one dataset as text for a terminal."""
    known = info(name)
    counts = [f"{column.replace('_', ' ')} {known.official[column]:,}" for column in COUNTS if column in known.official]
    fields = {
        "Counts": "; ".join(counts) or "not counted",
        "Classes": known.classes,
        "Skin": known.skin_types,
        "Citation": known.citation,
        "Licence": known.licence,
        "Forbidden": known.forbids,
        "Get it": known.source,
        "Size": known.size,
        "Layout": known.layout,
    }
    lines = [f"{known.title} ({name})", ""]
    for label, text in fields.items():
        lines.append(textwrap.fill(f"{label + ':':11}{text}", WIDTH, subsequent_indent=" " * 11))
    lines.append("Known faults:")
    lines += [textwrap.fill(f"  - {fault}", WIDTH, subsequent_indent="    ") for fault in known.faults]
    return "\n".join(lines)
