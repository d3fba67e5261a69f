"""Measure what SynDerm is worth as a dataset: shortcuts, visibility of every attribute, nearness to real photographs.

Writes results/published/synderm_checks/{shortcuts,visibility,realism}.json: a tidy table, the settings and where the
numbers come from. What is done is kept under results/checks, so a stopped run goes on where it was; it is measured
again when the settings or the drawing have changed.

Run: python -m studies.synderm_checks.measure [--only shortcuts visibility realism] [--real FOLDER]
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import tyro

from dermimit.data.synderm import pixels_fingerprint, read_regime
from dermimit.records import provenance, read_json, write_json
from studies.shared.paths import PUBLISHED, ROOT, WORK
from studies.synderm_checks import realism as real_photographs
from studies.synderm_checks import shortcuts, visibility

CHECKS = ("shortcuts", "visibility", "realism")
Check = Literal["shortcuts", "visibility", "realism"]


@dataclass(frozen=True)
class RealismSettings:
    """Photographs drawn for each set, the side in pixels at which real and drawn ones are compared, and the regime."""

    n: int = 938
    image_size: int = 96
    regime: str | None = None


SHORTCUTS, VISIBILITY, REALISM = shortcuts.ShortcutSettings(), visibility.VisibilitySettings(), RealismSettings()
OLD = "version-3"


@cache
def drawing(regime: str | None) -> str:
    """Fingerprint of what the code that this process has loaded draws in a regime."""
    return pixels_fingerprint(regime)


def regime_of(settings: Any) -> str:
    """The regime that settings speak of; the third version where they name none."""
    return getattr(settings, "regime", None) or OLD


def kept(path: Path, settings: Any, make: Callable[[], Any]) -> Any:
    """What `make` returns, from `path` where it was made with the same settings and drawing before."""
    key = {"settings": asdict(settings), "drawing": drawing(regime_of(settings))}
    if path.exists() and (found := read_json(path))["key"] == key:
        return found["value"]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"key": key, "value": make()})
    return read_json(path)["value"]


def record(out: Path, name: str, settings: Any, tables: dict[str, Any], started: float) -> None:
    """Write one record: <name>.json of the third version, <name>_<regime>.json of a regime."""
    regime = regime_of(settings)
    path = out / (f"{name}.json" if regime == OLD else f"{name}_{regime}.json")
    version = read_regime(regime).version
    source = {"device": "cpu", "renderer": version, "drawing_fingerprint": drawing(regime)}
    frame = pd.DataFrame([asdict(settings) | {"drawing": drawing(regime)}])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"settings": asdict(settings), **tables, "provenance": provenance(frame, started, source)})
    print(f"{path.name}: written")


def measure_shortcuts(out: Path, work: Path, settings: shortcuts.ShortcutSettings, models: Iterable[str]) -> None:
    """The shortcut table, its models one after another; the record names those that were not asked for."""
    started, rows = time.time(), {}
    work = work if settings.regime == OLD else work / settings.regime
    folder = work / drawing(settings.regime)[:12]  # photographs and runs of another drawing are never taken for these
    for name in models:
        rows[name] = kept(work / f"{name}.json", settings, lambda name=name: shortcuts.row(name, settings, folder))
        print({k: v for k, v in rows[name].items() if k in ("model", "accuracy", "macro_f1")}, flush=True)
        missing = [name for name in shortcuts.LABELS if name not in rows]
        record(out, "shortcuts", settings, {"table": list(rows.values()), "missing": missing}, started)


def measure_visibility(
    out: Path, work: Path, settings: visibility.VisibilitySettings, attributes: Iterable[str]
) -> None:
    """The AUROC of the attributes, one after another; the record names those that were not asked for."""
    started, rows = time.time(), []
    work = work if regime_of(settings) == OLD else work / regime_of(settings)
    for name in attributes:
        rows.append(kept(work / f"{name}.json", settings, lambda name=name: visibility.measure(name, settings)))
        print(name, rows[-1]["skin"]["all"], f"{rows[-1]['seconds']} s", flush=True)
        done = {row["attribute"] for row in rows}
        missing = [name for name in visibility.ATTRIBUTES if name not in done]
        record(out, "visibility", settings, {"table": visibility.tidy(rows), "missing": missing}, started)


def measure_realism(out: Path, settings: RealismSettings, folder: Path) -> None:
    """The comparison with real photographs; no number of a single real photograph is kept."""
    started = time.time()
    real = real_photographs.real_sample(folder, settings.image_size)
    types = pd.Series(real.fitzpatrick).astype(int).value_counts().to_dict()
    drawn = real_photographs.drawn_samples(settings.n, settings.image_size, types, settings.regime)
    notes = {
        "real": f"{real_photographs.REAL}: {len(real.groups)} photographs with a mask",
        "skin": "real: all outside the lesion's outline, so hair, ink and cloth too; drawn: skin alone",
        "size": "real photographs are made small from 256 pixels, drawn ones are drawn at the size compared",
        "descriptors": "colour moments and texture statistics; no network trained on real photographs was at hand",
    }
    record(out, "realism", settings, {**real_photographs.compare(real, drawn), "notes": notes}, started)


def main(
    only: tuple[Check, ...] = CHECKS,
    out: Path = ROOT / PUBLISHED / "synderm_checks",
    work: Path = ROOT / WORK,
    real: Path | None = None,
    models: tuple[str, ...] = tuple(shortcuts.LABELS),
    attributes: tuple[str, ...] = visibility.ATTRIBUTES,
    shortcut_settings: shortcuts.ShortcutSettings = SHORTCUTS,
    visibility_settings: visibility.VisibilitySettings = VISIBILITY,
    realism_settings: RealismSettings = REALISM,
) -> None:
    """Measure SynDerm.

    Args:
        only: which of the three to measure.
        out: folder of the records.
        work: folder for what is kept between runs.
        real: folder of PAD-UFES-20 with masks, for realism.
        models: which shortcuts to measure.
        attributes: which attributes to measure.
    """
    if "realism" in only and real is None:
        raise SystemExit("synderm_checks: realism compares with real photographs; name their folder with --real")
    if "realism" in only and real is not None:
        measure_realism(out, realism_settings, real)
    if "visibility" in only:
        measure_visibility(out, work / "visibility", visibility_settings, attributes)
    if "shortcuts" in only:
        measure_shortcuts(out, work / "shortcuts", shortcut_settings, models)


if __name__ == "__main__":
    tyro.cli(main)
