"""What is in a manifest, counted as the authors of the datasets count, and what they say should be there."""

import importlib
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from dermimit.data.label_space import TASKS, LabelSpace

NAMES = {"disease": "diseases", "body_part": "body_parts", "attributes": "attributes"}


def official_counts(dataset: str, images: Collection[str] = ()) -> tuple[dict[str, Any], str]:
    """What the dataset's authors count, where its loader says so.

    Args:
        dataset: one of `dermimit.data.DATASETS`.
        images: paths of the photographs at hand. A loader whose dataset has an official subset (`official_of`) tells
            by them which of the two is meant.

    Returns:
        Counts by name, of which `disease` is a dict by class; and a note on what they are the counts of, or "".
    """
    try:
        module = importlib.import_module(f"dermimit.data.{dataset}")
    except ModuleNotFoundError:
        return {}, ""
    if hasattr(module, "official_of"):
        return module.official_of(images)
    return dict(getattr(module, "OFFICIAL", {})), ""


def count_lesions(frame: pd.DataFrame) -> int:
    """The number of lesions: of distinct pairs of patient and lesion, since lesion ids may repeat across patients."""
    return len(frame.loc[frame["lesion_id"].notna(), ["patient_id", "lesion_id"]].drop_duplicates())


def count_classes(frame: pd.DataFrame, space: LabelSpace) -> dict[str, dict[str, int]]:
    """For each task that has classes, the number of photographs of each class that occurs, most frequent first."""
    return {
        task: {str(name): int(n) for name, n in frame[task].explode().dropna().value_counts().items()}
        for task in TASKS
        if space.classes(task)
    }


def count(frame: pd.DataFrame, space: LabelSpace) -> dict[str, int]:
    """Patients and lesions, where they are known, photographs without patient, and classes of each task."""
    counts = {"patients": frame["patient_id"].nunique()} if frame["patient_id"].notna().any() else {}
    counts |= {"lesions": count_lesions(frame)} if frame["lesion_id"].notna().any() else {}
    counts |= {"images without patient": int(frame["patient_id"].isna().sum())}
    counts |= {"images without disease": nameless} if (nameless := int(frame["disease"].isna().sum())) else {}
    return counts | {NAMES[task]: len(space.classes(task)) for task in TASKS if space.classes(task)}


def differences(
    official: Mapping[str, Any], counts: Mapping[str, int], classes: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """One line for each official figure that is not the one found.

    Args:
        official: as `official_counts` gives it.
        counts: as `count` gives it. What was not counted does not differ.
        classes: as `count_classes` gives it. A class that does not occur counts as 0.
    """
    lines = []
    for name, wanted in official.items():
        pairs = wanted.items() if isinstance(wanted, Mapping) else [(None, wanted)]
        for key, value in pairs:
            found = counts.get(name) if key is None else classes.get(name, {}).get(key, 0)
            if isinstance(value, int) and found is not None and found != value:
                lines.append(f"{name if key is None else f'{name} {key}'}: {found:,} here, {value:,} officially")
    return lines
