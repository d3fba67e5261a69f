"""The columns of a manifest."""

import re
import unicodedata

SPLITS = ("train", "val", "test")
COLUMNS = ("image", "disease", "body_part", "attributes", "attributes_unknown", "mask",
           "patient_id", "lesion_id", "visit", "fitzpatrick", "split")  # fmt: skip
LIST_COLUMNS = ("attributes", "attributes_unknown")
INTEGER_COLUMNS = ("visit", "fitzpatrick")
WEIGHTS_COLUMN = "disease_weights"  # optional: a dict of disease -> weight where the label is uncertain


def fold(name: str) -> str:
    """A column's name without regard to letter case, and to blanks and hyphens in place of underscores."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFC", name).strip().lower())
