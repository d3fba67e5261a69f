"""Are errors of several tasks linked: how the disease answer depends on whether body part and attributes were right.

Some cases are hard for every task, so right answers go together even in networks that share nothing. The yardstick is
therefore *borrowed*: the disease answers of the next seed of the same model, just as often right, sorted by this seed's
body part and attributes on the same photographs. What goes beyond it is no difficulty of the case, but the network's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval, two_level
from dermimit.evaluate.significance import drawn_test

THIRDS = ("lowest third", "middle third", "highest third")
GAPS = {
    "body_part": "body part right − wrong",
    "attributes": "attributes, highest − lowest third of F1",
}


@dataclass(frozen=True)
class Rights:
    """One seed of one model on the test photographs: what it got right.

    Attributes:
        disease, body_part: (n,) bool.
        attributes: (n,) F1 of the photograph's attributes.
    """

    disease: np.ndarray
    body_part: np.ndarray
    attributes: np.ndarray

    def groups(self) -> dict[str, np.ndarray]:
        """Photographs by what happened in the other tasks: name -> (n,) bool."""
        third = thirds(self.attributes)
        return {
            "body part right": self.body_part,
            "body part wrong": ~self.body_part,
            **{f"attributes, {name}": third == k for k, name in enumerate(THIRDS)},
        }


def thirds(values: np.ndarray) -> np.ndarray:
    """(n,) 0, 1 or 2: the third of each value by rank; equal values share their mean rank, and so a third."""
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)
    _, where = np.unique(values, return_inverse=True)
    rank = (np.bincount(where, order) / np.bincount(where))[where]
    return np.minimum((3 * (rank + 0.5) / len(values)).astype(int), 2)


def share_right(right: np.ndarray, group: np.ndarray, draws: Draws) -> tuple[float, np.ndarray]:
    """Share of a group whose disease is right: as it is and on each resample; NaN where it has none of the group."""
    counts = np.stack([right & group, group], axis=1).astype(float)
    drawn = draws.sums(counts)
    shares = np.where(drawn[1] > 0, drawn[0] / np.maximum(drawn[1], 1), np.nan)
    return float(counts[:, 0].sum() / max(counts[:, 1].sum(), 1)), shares


def gaps(seed: Rights, draws: Draws, disease: np.ndarray | None = None) -> dict[str, tuple[float, np.ndarray]]:
    """The two gaps of one seed in the share of right diseases, in [-1, 1]; keys of `GAPS`.

    Args:
        disease: whose disease is counted: the seed's own, or another network's.
    """
    right, groups = seed.disease if disease is None else disease, seed.groups()
    pairs = {
        "body_part": ("body part right", "body part wrong"),
        "attributes": (f"attributes, {THIRDS[2]}", f"attributes, {THIRDS[0]}"),
    }
    found = {}
    for name, (high, low) in pairs.items():
        (a, of_a), (b, of_b) = (share_right(right, groups[g], draws) for g in (high, low))
        found[name] = (a - b, of_a - of_b)
    return found


def group_table(models: Mapping[str, Sequence[Rights]], patients: Sequence[str], resamples: int = 2000) -> list[dict]:
    """P(disease right | what happened in the other tasks) of each model, over seeds.

    Returns:
        `row, group, photographs` (mean over seeds), `value, low, high` (95 % over patients and seeds).
    """
    draws, lines = patient_draws(patients, resamples), []
    for row, seeds in models.items():
        for group in seeds[0].groups():
            found = [share_right(s.disease, s.groups()[group], draws) for s in seeds]
            size = float(np.mean([s.groups()[group].sum() for s in seeds]))
            lines.append({"row": row, "group": group, "photographs": size, **_interval(found)})
    return lines


def gap_table(models: Mapping[str, Sequence[Rights]], patients: Sequence[str], resamples: int = 2000) -> list[dict]:
    """The gaps of each model, what of them is the cases' difficulty, and what goes beyond it.

    Args:
        models: row -> seeds, two or more.

    Returns:
        `row, gap`, and `value` (own), `borrowed` (see the module), `beyond` (own − borrowed), each with _low, _high;
        `p` of `beyond` being zero.

    Raises:
        ValueError: a model has one seed, and none to borrow from.
    """
    draws, lines = patient_draws(patients, resamples), []
    for row, seeds in models.items():
        if len(seeds) < 2:
            raise ValueError(f"row {row} has one seed: train another, whose answers can be borrowed")
        others = [s.disease for s in (*seeds[1:], seeds[0])]
        own = [gaps(s, draws) for s in seeds]
        lent = [gaps(s, draws, other) for s, other in zip(seeds, others, strict=True)]
        for name in GAPS:
            line = {"row": row, "gap": name, **_interval([o[name] for o in own])}
            line |= {f"borrowed{k}": v for k, v in _suffixed(_interval([b[name] for b in lent])).items()}
            beyond = [(o[name][0] - b[name][0], o[name][1] - b[name][1]) for o, b in zip(own, lent, strict=True)]
            line |= {f"beyond{k}": v for k, v in _suffixed(_interval(beyond)).items()}
            lines.append(line | {"p": _p(beyond, draws)})
    return lines


def gap_differences(
    models: Mapping[str, Sequence[Rights]], reference: str, patients: Sequence[str], resamples: int = 2000
) -> list[dict]:
    """Each model's gaps minus those of a reference model, seeds paired: `row, gap, value, low, high, p`."""
    draws, lines = patient_draws(patients, resamples), []
    base = [gaps(s, draws) for s in models[reference]]
    for row, seeds in models.items():
        own = [gaps(s, draws) for s in seeds] if row != reference else []
        for name in GAPS if own else ():
            pairs = [(o[name][0] - b[name][0], o[name][1] - b[name][1]) for o, b in zip(own, base, strict=True)]
            lines.append({"row": row, "gap": name, **_interval(pairs), "p": _p(pairs, draws)})
    return lines


def _both(found: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Draws over patients and seeds."""
    return two_level(np.stack([drawn for _, drawn in found]), [value for value, _ in found])


def _p(found: Sequence[tuple[float, np.ndarray]], draws: Draws) -> float:
    """p of a difference being zero, by Student's t over seeds and patients."""
    return drawn_test([value for value, _ in found], np.stack([drawn for _, drawn in found]), len(draws.weights)).p


def _interval(found: Sequence[tuple[float, np.ndarray]]) -> dict[str, float]:
    """Mean over seeds with its 95 % interval."""
    low, high = percentile_interval(_both(found))
    return {"value": float(np.mean([value for value, _ in found])), "low": low, "high": high}


def _suffixed(line: Mapping[str, float]) -> dict[str, float]:
    """value, low, high as the ends of names."""
    return {"": line["value"], "_low": line["low"], "_high": line["high"]}
