"""The published cross-validation of networks and probes on PAD-UFES-20, which several chapters read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dermimit.records import read_json
from studies.shared.paths import PUBLISHED

FOLDER, RECORD, ANSWERS = "real_backbones", "table.json", "answers.parquet"
SEEDS = 3
"""How many each row is to have."""
RARE = ("MEL", "SCC")
"""The diseases that are missed at the highest price, and have few photographs."""


def read_backbones(root: Path) -> dict[str, Any]:
    """What studies/evidence/measure_backbones.py published: `rows, runs, scores, pairs`, and of the probes of the same
    photographs `probes` (scores) and `beside` (the best row minus the best probe); all empty where it has not run.

    Args:
        root: the project's folder.
    """
    path = root / PUBLISHED / FOLDER / RECORD
    return read_json(path) if path.is_file() else {"runs": [], "scores": [], "pairs": [], "probes": []}
