"""Names as people write them: one form for accents, and which names are nearly the same."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.photo_files import shown

SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "validate", "validating", "dev", "development"),
    "test": ("test", "testing", "tst", "holdout", "heldout"),
}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
MARKERS = ("unknown", "na", "n/a", "nan", "none", "null", "-", "--", "?", "not available")
MAYBE = (*MARKERS, "unk", "other", "others", "unspecified", "not specified", "not recorded", "missing", "undefined")
NO_ID = (*MAYBE, "-1", ".", "n.a.", "anonymous", "anonymised", "anonymized")
"""What stands for a patient or lesion that is not known."""
ERRORS = ("#n/a", "#na", "#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!", "#spill!", "#calc!")
"""What a spreadsheet writes in a cell whose formula failed."""
JOINTS = (
    ";",
    r"\|",
    ",",
    "/",
    r"\+",
    "&",
    r"\s(?:and|with)\s",
    r"\s",
)  # what may stand between two names
AROUND = re.compile(r"^\d*|(?:data)?sets?$|data$|splits?$|folders?$|photos?$|photographs$|images?$|imgs?$|\d*$")


def composed(name: Any) -> Any:
    """A name with its accents in one form (NFC, as most systems write them), and so the names in a list or dictionary.

    macOS writes "é" as two characters where Windows and Linux write one; both look the same.
    """
    if isinstance(name, str):
        return unicodedata.normalize("NFC", name)
    if isinstance(name, dict):
        return {composed(key): value for key, value in name.items()}
    return [composed(part) for part in name] if isinstance(name, list | tuple | np.ndarray) else name


def split_of(name: str) -> str | None:
    """The split that a folder or a value names, "train", "val" or "test", however it is spelt; None for another name.

    `Train`, `TESTING`, `validation`, `dev`, `test_set`, `training data` and `01-train` name one.
    """
    plain = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()
    while plain not in SPLIT_OF and (shorter := AROUND.sub("", plain)) != plain:
        plain = shorter
    return SPLIT_OF.get(plain) or SPLIT_OF.get(plain.removesuffix("s"))


def nearly_equal(names: Iterable[str]) -> list[list[str]]:
    """The names that differ only in letter case, blanks, hyphens, underscores or the form of an accent, together."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        plain = unicodedata.normalize("NFKC", name).casefold()
        alike.setdefault(re.sub(r"[\s_\-–—\u200b-\u200d\u2060\ufeff]+", "", plain) or plain, []).append(name)
    return [group for group in alike.values() if len(group) > 1]


def missing_where(cells: pd.Series, marks: Iterable[str], notes: list[str]) -> pd.Series:
    """A column in which some words, in small or capital letters, are missing; says which and how often."""
    marks = set(marks)
    marked = cells.map(lambda v: isinstance(v, str) and v.strip().lower() in marks)
    if marked.any():
        counts = cells[marked].value_counts()
        notes.append(f"column {cells.name}: read as missing: " + ", ".join(f"{v!r} {n:,}" for v, n in counts.items()))
    return cells.mask(marked, None) if marked.any() else cells


def notes_on_ids(cells: pd.Series) -> list[str]:
    """What is said of identifiers that differ only in letter case or blanks, and so may be of one."""
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(v for v in cells if isinstance(v, str)):
        alike.setdefault(re.sub(r"\s+", "", unicodedata.normalize("NFKC", name).casefold()), []).append(name)
    groups = [group for group in alike.values() if len(group) > 1]
    notes = [f"column {cells.name}: {len(groups)} identifiers are written in several ways, such as {shown(groups[0])}; "
             "they count as different ones: write each in one way if they are one"] if groups else []  # fmt: skip
    counts = cells.dropna().astype(str).value_counts()
    if len(counts) > 2 and counts.iloc[0] > max(len(cells) / 10, 10 * counts.median()):
        notes.append(f"column {cells.name}: {counts.index[0]!r} has {counts.iloc[0]:,} of {len(cells):,} photographs; "
                     "empty these cells if it stands for what is not known")  # fmt: skip
    return notes


def split_apart(names: Iterable[str]) -> list[list[str]]:
    """The names that differ only in the split that each begins or ends with, as "acne_train" and "acne_test" do."""
    alike: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(names):
        words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold())
        for word, rest in ((words[-1:], words[:-1]), (words[:1], words[1:])):
            if rest and (split := split_of("".join(word))):
                alike.setdefault(" ".join(rest), {})[name] = split
    return [list(group) for group in alike.values() if len(set(group.values())) > 1]


def joined_names(names: Iterable[str]) -> list[str]:
    """The names that are others of them with a separator between, such as "scale and crust"."""
    known = set(names)
    parts = {name: [re.split(mark, name, flags=re.IGNORECASE) for mark in JOINTS] for name in known}
    return sorted(n for n, ways in parts.items() if any(len(p) > 1 and {x.strip() for x in p} <= known for p in ways))


def notes_on_names(names: Mapping[str, Iterable[str]]) -> list[str]:
    """One line for each group of names that are nearly the same, or that stand for several of them.

    Args:
        names: class names by what they name, such as "disease".
    """
    same = "differ only in letter case, blanks or hyphens; give them the same name if they are one"
    split = "differ only in the name of a split; if they are one, use folders of splits (train/NAME) or a column split"
    notes = []
    for what, given in names.items():
        for groups, remedy in ((nearly_equal(given), same), (split_apart(given), split)):
            notes += [f"{what} names {shown([repr(name) for name in group])} {remedy}" for group in groups]
    if several := joined_names(names.get("disease", ())):
        those = shown([repr(name) for name in several])
        notes.append(f"disease names {those} join others of them and count as diseases of their own")
    return notes


def doubtful_names(cells: pd.Series) -> list[str]:
    """What is said of names that may mean "unknown", or that are numbers.

    Args:
        cells: names, or lists of them, or missing; its own name is that of the column.
    """
    names = cells.explode().dropna().astype(str)
    counts = names[names.str.lower().isin(MAYBE)].value_counts()
    said = ", ".join(f"{name!r} {n:,}" for name, n in counts.items())
    notes = [f"column {cells.name}: kept as names: {said}; empty the cells if they mean unknown"] if said else []
    if cells.name == "disease" and len(names) and names.str.fullmatch(r"\d+").all():
        notes.append(f"column disease: numbers, not names, such as {names.iloc[0]!r}")
    return notes
