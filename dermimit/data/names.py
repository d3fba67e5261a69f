"""Names as people write them: one form for accents, and which names are nearly the same."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dermimit.data.photo_files import shown

SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "validate", "validating", "dev", "development"),
    "test": ("test", "testing", "tst", "holdout", "heldout"),
}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
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
        alike.setdefault(re.sub(r"[\s_\-–—]+", "", plain) or plain, []).append(name)
    return [group for group in alike.values() if len(group) > 1]


def notes_on_names(names: Mapping[str, Iterable[str]]) -> list[str]:
    """One line for each group of names that are nearly the same.

    Args:
        names: class names by what they name, such as "disease".
    """
    remedy = "differ only in letter case, blanks or hyphens; give them the same name if they are one"
    return [
        f"{what} names {shown([repr(name) for name in group])} {remedy}"
        for what, given in names.items()
        for group in nearly_equal(given)
    ]
