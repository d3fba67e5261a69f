"""Pictures for the eye: synthetic cases drawn once more, larger than the models see them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.synderm import LABEL_SPACE, SynDerm, split_seed
from dermimit.explore.cases import webp_address
from dermimit.explore.failure_data import sheet
from dermimit.records import read_json

SIZE = 128  # pixels


def drawn_again(root: Path, frame: pd.DataFrame, rows: Iterable[int], size: int = SIZE) -> dict[str, str]:
    """Row of the manifest -> its case as an address that holds the picture.

    Args:
        root: folder that `dermimit data synderm` wrote.
        frame: its manifest.
        rows: which of them, by position.
        size: side of the pictures in pixels.
    """
    record = read_json(root / "synderm.json")
    given = {name: record[name] for name in ("confounders", "zoom", "camera", "regime") if name in record}
    prior = [record["prior"][name] for name in LABEL_SPACE.diseases]
    skin = {int(t): weight for t, weight in record["fitzpatrick"].items()}
    datasets = {
        split: SynDerm(count, split_seed(record["seed"], split), size, fitzpatrick=skin, prior=prior, **given)
        for split, count in record["n"].items()
    }
    pictures = {}
    for row in rows:
        split, number = Path(frame["image"].iloc[row]).stem.split("-")
        pictures[str(row)] = webp_address(datasets[split][int(number)].image, quality=80)
    return pictures


def failures_sheet(record: Mapping[str, Any], size: int = SIZE) -> bytes:
    """The images of the failure browser's record as its sheet, larger.

    Args:
        record: as `studies.failures.measure_browser` writes it.
        size: side of each picture in pixels.
    """
    cases = SynDerm(record["photographs"], record["split_seed"], size)
    return sheet([cases[case["index"]].image for case in record["cases"]], record["columns"], quality=80)
