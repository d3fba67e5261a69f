"""synderm.json: what a written SynDerm folder is, and whether a folder may be written to."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.interactions import FOURS, PAIRS
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.regimes import VERSION_3, read_regime
from dermimit.records import read_json, write_json

RECORD = "synderm.json"
NEW_TABLES = (PAIRS, "noise.yaml")  # of the fourth version


def identity(
    datasets: Mapping[str, SynDerm], seed: int, days: Sequence[float], maps: bool, fresh_test: bool
) -> dict[str, Any]:
    """What tells one written dataset from another: the settings in force, the renderer, and a fingerprint.

    The fingerprint is a SHA-256 of the settings, the renderer's version and the tables that the labels come from.
    """
    one = next(iter(datasets.values()))
    regime = {} if one.regime == VERSION_3 else {"regime": str(one.regime)}
    settings = {
        "n": {split: len(dataset) for split, dataset in datasets.items()},
        "seed": seed,
        "image_size": one.image_size,
        "fitzpatrick": {str(t): round(p, 12) for t, p in enumerate(one.skin_types.tolist(), start=1) if p},
        "prior": {d: round(p, 12) for d, p in zip(LABEL_SPACE.diseases, one.prior.tolist(), strict=True)},
        "confounders": {name: _by_disease(table) for name, table in one.confounders.items()},
        "zoom": None if one.knobs.zoom is None else float(one.knobs.zoom),
        "camera": {name: _plain(name, value) for name, value in sorted(one.knobs.camera.items())},
        "visits": list(days),
        "maps": maps,
        "renderer": one.regime.version,
        **regime,
        **({"fresh_test": True} if fresh_test else {}),
    }
    return {"dataset": "synderm", **settings, "fingerprint": fingerprint(settings)}


def fingerprint(settings: Mapping[str, Any]) -> str:
    """SHA-256 of the settings of `identity` and of the tables that the labels come from, as this package has them."""
    regime = read_regime(settings.get("regime"))
    tables = () if regime == VERSION_3 else NEW_TABLES if regime.groups is None else (*NEW_TABLES, FOURS)
    content = json.dumps([settings, _tables(*tables)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _tables(*more: str) -> str:
    """The text of knowledge.yaml and of more tables."""
    files = resources.files(__package__)
    return "".join(files.joinpath(name).read_text(encoding="utf-8") for name in ("knowledge.yaml", *more))


def _by_disease(table: Array) -> dict[str, float]:
    """(49,) probabilities as the commonest value, "default", and the diseases with another."""
    usual = Counter(table.tolist()).most_common(1)[0][0]
    return {"default": usual, **{d: p for d, p in zip(LABEL_SPACE.diseases, table.tolist(), strict=True) if p != usual}}


def _plain(name: str, value: object) -> Any:
    """A camera setting as floats."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"camera: {name}: must be a number or several, found {value!r}") from error
    if not np.isfinite(numbers).all():
        raise ValueError(f"camera: {name}: must be finite, found {value!r}")
    return numbers.tolist()


def claim(root: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the folder ours, or refuse it when it holds anything but the same dataset; returns its synderm.json.

    Raises:
        FileExistsError: names what differs.
    """
    record = root / RECORD
    if record.exists():
        found = read_json(record)
        different = sorted(k for k in facts if found.get(k) != facts[k])
        if different:
            raise FileExistsError(
                f"{root}: holds another SynDerm dataset ({', '.join(different)} differ); choose another folder"
            )
        return found
    if root.exists() and any(not path.name.startswith(f".{RECORD}.") for path in root.iterdir()):
        raise FileExistsError(f"{root}: is not empty and has no {RECORD}; choose a new folder")
    root.mkdir(parents=True, exist_ok=True)
    made = {"date": datetime.now(UTC).date().isoformat(), "versions": {p: version(p) for p in ("dermimit", "numpy")}}
    write_json(record, facts | made)
    return facts | made
