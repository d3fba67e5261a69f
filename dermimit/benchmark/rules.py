"""Benchmarks whose tables may not be passed on: a rule that makes the table from a copy of the dataset."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.benchmark.benchmarks import LISTS
from dermimit.data.folds import folds
from dermimit.data.loaders import LOADERS
from dermimit.data.problems import ManifestError

KEPT = ("image", "patient_id", "lesion_id", "disease", "body_part", "fitzpatrick", "attributes", "attributes_unknown")


def table_of(root: Path, rule: Mapping[str, Any], name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of a benchmark from a copy of its dataset, and what it says of its classes.

    Args:
        root: folder of the dataset.
        rule: `dataset`, `options` of its loader, and `test`: "official" takes the test split that the dataset comes
            with; "folds" makes five folds by patient, balanced by disease.
        name: of the benchmark.

    Returns:
        the table, where photographs without a disease are left out; and classes, body_parts, attributes, sha256 of the
        table, and `left_out`, how many photographs have no disease.

    Raises:
        ManifestError: as the loader, or two photographs have the same name.
    """
    frame, space = LOADERS[rule["dataset"]](root, **rule.get("options", {}))
    if rule["test"] == "official":
        frame = frame[frame["split"] == "test"]
    known = frame["disease"].notna()
    frame = frame[known].reset_index(drop=True)
    table = frame.reindex(columns=list(KEPT)).assign(image=[Path(str(path)).stem for path in frame["image"]])
    if (twice := table["image"].duplicated()).any():
        again = table.loc[twice, "image"].iloc[0]
        raise ManifestError(
            f"{root}: two photographs are called {again}, and {name} tells them by the name of their file"
        )
    table["fold"] = 0 if rule["test"] == "official" else folds(frame).to_numpy()
    several = table["body_part"].map(lambda value: isinstance(value, list)).any()
    if several:
        table["body_part"] = None
    for column in LISTS:
        table[column] = [value if isinstance(value, list) else [] for value in table[column]]
    text = table.assign(**{column: table[column].map("; ".join) for column in LISTS}).to_csv(index=False)
    facts: dict[str, Any] = {"classes": {str(d): str(d) for d in space.diseases}, "attributes": space.attributes}
    facts["body_parts"] = () if several else space.body_parts
    facts["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    return table, facts | {"left_out": int((~known).sum())}
