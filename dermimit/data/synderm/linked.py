"""Pictures that another written folder has already: linked, and not drawn again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dermimit.data.synderm.describe import RECORD, fingerprint
from dermimit.data.synderm.regimes import read_regime
from dermimit.data.synderm.splits import SPLITS
from dermimit.records import read_json

MADE = ("dataset", "fingerprint", "date", "versions")
"""What synderm.json holds beside the settings."""
FREE = ("dataset", "fingerprint", "n", "seed", "maps", "regime", "fresh_test", "date", "versions")
"""What two folders may differ in, and still have pictures in common."""


def link_pictures(root: Path, facts: Mapping[str, Any], beside: Path) -> int:
    """Hard links to the pictures and masks of the cases that two folders have in common.

    These are the fresh test set, which is the same for every seed, and all splits of the same seed in a regime that
    differs in its noise alone.

    Args:
        root: the folder to be written.
        facts: its synderm.json.
        beside: a folder that was written before.

    Returns:
        how many files were linked; those that are there already are left.

    Raises:
        ValueError: `beside` is no SynDerm folder, or its pictures are others; says which setting differs.
    """
    if not (beside / RECORD).is_file():
        raise ValueError(f"beside: {beside} has no {RECORD}; name a folder that `dermimit data synderm` wrote")
    there = read_json(beside / RECORD)
    if fingerprint({k: v for k, v in there.items() if k not in MADE}) != there.get("fingerprint"):
        raise ValueError(f"beside: {beside} was drawn from other tables of diseases than this version has; "
                         "draw without it")  # fmt: skip
    if changed := sorted(k for k in {**facts, **there} if k not in FREE and facts.get(k) != there.get(k)):
        raise ValueError(f"beside: {beside} has other pictures: {changed[0]} differs; draw without it")
    one, other = (replace(read_regime(record.get("regime")), noisy=0.0) for record in (facts, there))
    if one != other:
        raise ValueError(f"beside: {beside} has other pictures: its regime is {other}, here {one}; draw without it")
    count = 0
    for split in SPLITS:
        fresh = split == "test" and facts.get("fresh_test") and there.get("fresh_test")
        ordinary = split != "test" or facts.get("fresh_test") == there.get("fresh_test")
        if fresh or (facts["seed"] == there["seed"] and ordinary):
            files = facts["n"].get(split, 0) * len(facts["visits"])
            for folder in ("images", "masks"):
                found = sorted((beside / folder).glob(f"{split}-*.png"))[:files]
                count += sum(_link(path, root / folder) for path in found)
    return count


def _link(path: Path, folder: Path) -> bool:
    """A hard link of the same name in a folder, unless it is there."""
    place = folder / path.name
    if place.exists():
        return False
    place.hardlink_to(path)
    return True
