"""Benchmarks whose tables may not be passed on: a rule that makes the table from a copy of the dataset."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.benchmark.benchmarks import as_csv, image_name
from dermimit.benchmark.held_out import held_out
from dermimit.data.cells import is_missing
from dermimit.data.folds import folds
from dermimit.data.loaders import LOADERS
from dermimit.data.problems import ManifestError

KEPT = ("image", "patient_id", "lesion_id", "disease", "body_part", "fitzpatrick", "attributes", "attributes_unknown")
NO_DISEASE = "without a disease"


def table_of(root: Path, rule: Mapping[str, Any], name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of a benchmark from a copy of its dataset, and what it says of its classes.

    Args:
        root: folder of the dataset.
        rule: `dataset`, `options` of its loader, and `test`: "official" takes the test split that the dataset comes
            with; "folds" makes five folds by patient, balanced by disease; "source" and "skin type" hold each of these
            out, see `held_out`.
        name: of the benchmark.

    Returns:
        the table; and classes, body_parts, attributes, several_body_parts, fold_names, sha256 of the table, and
        `left_out`: reason -> how many photographs are left out for it.

    Raises:
        ManifestError: as the loader, or two photographs have the same name.
    """
    frame, space = LOADERS[rule["dataset"]](root, **rule.get("options", {}))
    if rule["test"] == "official":
        frame = frame[frame["split"] == "test"]
    known = frame["disease"].notna()
    frame, left = frame[known].reset_index(drop=True), {NO_DISEASE: int((~known).sum())}
    names: tuple[str, ...] = ()
    if rule["test"] == "official":
        frame = frame.assign(fold=0)
    elif rule["test"] == "folds":
        frame = frame.assign(fold=folds(frame).to_numpy())
    else:
        frame, names, more = held_out(root, frame, rule["test"])
        left |= more
    table = frame.reindex(columns=[*KEPT, "fold"]).reset_index(drop=True)
    table["image"] = table["image"].map(image_name)
    if (twice := table["image"].duplicated()).any():
        again = table.loc[twice, "image"].iloc[0]
        raise ManifestError(
            f"{root}: two photographs are called {again}, and {name} tells them by the name of their file"
        )
    not_annotated = table["attributes"].map(is_missing)
    table["attributes"] = [value if isinstance(value, list) else [] for value in table["attributes"]]
    table["attributes_unknown"] = [
        list(space.attributes) if gone else value if isinstance(value, list) else []
        for gone, value in zip(not_annotated, table["attributes_unknown"], strict=True)
    ]
    asked = [d for d in space.diseases if not names or (table["disease"] == d).any()]
    facts: dict[str, Any] = {"classes": {str(d): str(d) for d in asked}}
    facts |= {"body_parts": space.body_parts, "attributes": space.attributes, "fold_names": names}
    facts |= {"several_body_parts": space.several_body_parts, "left_out": left}
    return table, facts | {"sha256": hashlib.sha256(as_csv(table).encode()).hexdigest()}
