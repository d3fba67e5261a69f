"""Measure what each regime of SynDerm-49 leaves to be won: ceilings, readers of the truth, readers of a crop, cases.

Writes results/published/synderm_checks/{ceilings,readers,crops,cases}.json; each is measured again as a whole.

Run: python -m studies.synderm_checks.measure_regimes [--only ceilings readers crops cases]
"""

import hashlib
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import tyro

from dermimit.data.synderm import (
    LABEL_SPACE,
    RENDERER,
    TEST_CASES,
    TEST_SEED,
    SynDerm,
    additive_ceiling,
    ceiling,
    crop_ceiling,
    pixels_fingerprint,
    split_seed,
)
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT, WORK
from studies.synderm_checks import interaction
from studies.synderm_checks.arrays import drawn

REGIMES = ("plain", "interaction=0", "interaction=0.5", "interaction=1", "groups=1", "small", "noisy")
CROPPED, SIDES = ("plain", "small"), (0.25, 0.35, 0.5)
DRAWN = ("plain", "interaction=1", "small", "noisy")
Part = Literal["ceilings", "readers", "crops", "cases"]
PARTS: tuple[Part, ...] = ("ceilings", "readers", "crops", "cases")


def ceilings(n: int) -> list[dict[str, Any]]:
    """Chance, the best additive reader and the exact one, for each regime; the third version for comparison."""
    rows = []
    for regime in ("version-3", *REGIMES):
        best, added = ceiling(n=n, regime=regime), additive_ceiling(regime, n=n)
        chance = SynDerm(1, regime=regime).prior
        rows.append({"regime": regime, "chance": float(chance.max()), "classes": len(chance)}
                    | {"exact": asdict(best), "additive": asdict(added)})  # fmt: skip
    return rows


def crops(n: int) -> list[dict[str, Any]]:
    """Accuracy and macro-F1 of readers of a crop, with and without the body part."""
    rows = []
    for regime in CROPPED:
        for side in SIDES:
            for known in (True, False):
                found = crop_ceiling(regime, side, n=n, seed=17, body_part=known)
                rows += [{"regime": regime, "side": side, "body_part": known, "crop": place} | asdict(scores)
                         for place, scores in found.items()]  # fmt: skip
                print(regime, side, known, {p: round(s.accuracy, 3) for p, s in found.items()}, flush=True)
    return rows


def cases(work: Path, workers: int) -> list[dict[str, Any]]:
    """The fresh test set of each regime at 64 pixels: cases by disease, lesions, time, and a hash of its pictures."""
    rows = []
    for regime in DRAWN:
        data = SynDerm(TEST_CASES, split_seed(TEST_SEED, "test"), 64, regime=regime)
        path, started = work / f"fresh-{regime}-{pixels_fingerprint(regime)[:12]}.npz", time.time()
        new = not path.exists()
        arrays = drawn(path, data, workers, read=False)
        counts = Counter(LABEL_SPACE.diseases[d] for d in arrays.disease.tolist())
        area = np.array([data[i].mask.mean() for i in range(500)])
        rows.append(
            {"regime": regime, "cases": len(arrays), "least": min(counts.values()), "counts": dict(counts)}
            | {"sha256": hashlib.sha256(arrays.images.tobytes()).hexdigest(), "workers": workers}
            | {"seconds": round(time.time() - started, 1) if new else None}
            | {"area": {f"q{round(100 * q):02d}": float(np.quantile(area, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}}
        )
        print({k: v for k, v in rows[-1].items() if k != "counts"}, flush=True)
    return rows


def main(
    only: tuple[Part, ...] = PARTS,
    out: Path = ROOT / PUBLISHED / "synderm_checks",
    work: Path = ROOT / WORK / "reached",
    workers: int = 2,
    simulated: int = 100_000,
    cropped: int = 2000,
    trained: int = 6_000_000,
) -> None:
    """Measure.

    Args:
        only: which parts.
        out: folder of the records.
        work: folder where drawings are kept.
        workers: processes that draw.
        simulated: cases behind each ceiling, a multiple of 10.
        cropped: photographs behind each reader of a crop, a multiple of 10.
        trained: cases that the readers of the truth are trained on.
    """
    out.mkdir(parents=True, exist_ok=True)  # before the hours of work
    made: dict[str, Any] = {
        "ceilings": lambda: {"table": ceilings(simulated)},
        "readers": lambda: {"table": interaction.measure(n_train=trained).to_dict("records"), "cases": trained},
        "crops": lambda: {"table": crops(cropped), "cases": cropped},
        "cases": lambda: {"table": cases(work, workers)},
    }
    drawing = {regime: pixels_fingerprint(regime) for regime in DRAWN}
    for part in only:
        started = time.time()
        found = made[part]()
        source = {"device": "cpu", "renderer": 4, "old_renderer": RENDERER, "drawing_fingerprint": drawing}
        frame = pd.DataFrame([{"part": part, **drawing}])
        write_json(out / f"{part}.json", found | {"provenance": provenance(frame, started, source)})
        print(f"{part}.json: written", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
