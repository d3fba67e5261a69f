"""What a written SynDerm folder says of itself: synderm.json and DATASHEET.md."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from dermimit.data.synderm.case import CAUSES
from dermimit.data.synderm.ceiling import Ceiling, ceiling
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Array
from dermimit.records import read_json, write_atomically, write_json

SIMULATED = 10_000  # cases behind the ceiling in the datasheet
RECORD = "synderm.json"


def identity(
    datasets: Mapping[str, SynDerm], seed: int, days: Sequence[float], maps: bool, renderer: int
) -> dict[str, Any]:
    """What tells one written dataset from another: the settings in force, the renderer, and a fingerprint.

    The fingerprint is a SHA-256 of the settings, the renderer's version and the knowledge.
    """
    one = next(iter(datasets.values()))
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
        "renderer": renderer,
    }
    text = resources.files(__package__).joinpath("knowledge.yaml").read_text(encoding="utf-8")
    content = json.dumps([settings, text], sort_keys=True).encode()
    return {"dataset": "synderm", **settings, "fingerprint": hashlib.sha256(content).hexdigest()}


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


def save_datasheet(root: Path, record: Mapping[str, Any], dataset: SynDerm) -> None:
    """Write DATASHEET.md, `datasheet.md` with the numbers of this dataset filled in."""
    template = Template(resources.files(__package__).joinpath("datasheet.md").read_text(encoding="utf-8"))
    text = template.substitute(_numbers(record, dataset))
    write_atomically(root / "DATASHEET.md", lambda draft: draft.write_text(text, encoding="utf-8"))


def _numbers(record: Mapping[str, Any], dataset: SynDerm) -> dict[str, str]:
    """What the template asks for."""
    cases, days = sum(record["n"].values()), record["visits"]
    best = _ceiling(tuple(dataset.prior.tolist()))
    ordered = sorted((item for item in record["prior"].items() if item[1]), key=lambda item: -item[1])
    several = {"diseases": LABEL_SPACE.diseases, "body_parts": LABEL_SPACE.body_parts} | {
        "attributes": LABEL_SPACE.attributes, "numbers": NUMBERS, "sizes": SIZES, "arrangements": ARRANGEMENTS,
    }  # fmt: skip
    return {name: ", ".join(values) for name, values in several.items()} | {
        "photographs": f"{cases * len(days):,}",
        "cases": f"{cases:,}",
        "splits": ", ".join(f"{split} {count:,}" for split, count in record["n"].items()),
        "size": str(record["image_size"]),
        "seed": str(record["seed"]),
        "days": ", ".join(f"{day:g}" for day in days),
        "skin": ", ".join(f"{t}: {p:.1%}" for t, p in record["fitzpatrick"].items()),
        "prior": f"from {ordered[0][0]} ({ordered[0][1]:.2%}) to {ordered[-1][0]} ({ordered[-1][1]:.2%})",
        "confounders": "\n".join(f"| {name} | {_odds(rows)} |" for name, rows in record["confounders"].items()),
        "zoom": "drawn by chance" if record["zoom"] is None else f"{record['zoom']:g}",
        "camera": ", ".join(f"{k} = {v}" for k, v in record["camera"].items()) or "nothing",
        "maps": MAPS.format(
            last=len(LABEL_SPACE.attributes), causes=", ".join(f"{i} {c}" for i, c in enumerate(CAUSES))
        )
        if record["maps"]
        else "This folder has no maps (`maps=True` writes them).",
        "accuracy": f"{best.accuracy:.1%}",
        "macro_f1": f"{best.macro_f1:.1%}",
        "top3": f"{best.top3_accuracy:.1%}",
        "error": f"{best.mc_standard_error:.1%}",
        "f1_error": f"{best.macro_f1_standard_error:.1%}",
        "simulated": f"{best.n:,}",
        "holds": _holds(record),
        "renderer": str(record["renderer"]),
        "versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        "date": record["date"],
        "fingerprint": record["fingerprint"],
    }


MAPS = """`maps/<name>.npz` holds what each pixel shows: `attribute_map` ({last}, H, W) bits, which attributes changed a
pixel, packed along the first axis; `lesion_map` (H, W), the number of the primary lesion, 0 for none; `cause` (H, W):
{causes}. `dermimit.data.synderm.files.read_maps(path)` reads a file; without the package:

```python
maps = numpy.load("maps/<name>.npz")
attribute_map = numpy.unpackbits(maps["attribute_map"], axis=0, count={last}).astype(bool)
```"""


@cache
def _ceiling(prior: tuple[float, ...]) -> Ceiling:
    return ceiling(n=SIMULATED, prior=prior)


def _odds(rows: Mapping[str, float]) -> str:
    """P(confounder | disease) in words."""
    others = ", ".join(f"{d} {p:.1%}" for d, p in rows.items() if d != "default")
    return f"{rows['default']:.1%}" + (f"; {others}" if others else "")


def _holds(record: Mapping[str, Any]) -> str:
    """Whether the ceiling bounds every classifier here."""
    leaks, caveats = [name for name, rows in record["confounders"].items() if len(rows) > 1], []
    if leaks:
        caveats.append(f"**It bounds no classifier here: {', '.join(leaks)} depend on the disease and give it away.**")
    if record["visits"] != [0]:
        caveats.append(
            "**It speaks of photographs on day 0.** Later ones have lost or kept signs, and a series of visits shows "
            "the course, which tells more than one photograph."
        )
    return " ".join(caveats) or (
        "No confounder depends on the disease here, so it bounds every classifier of these photographs."
    )
