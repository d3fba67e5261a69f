"""The planned trainings: which models on which data, with which seeds, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermimit.data.synderm import read_regime
from dermimit.evaluate.runs import read_experiments
from studies.shared.paths import EXPERIMENTS, ROOT

TABLES = ROOT / EXPERIMENTS / "second"
BEYOND = 100
"""The least priority of what the limit of processor time has no room for: planned, and open."""
COLUMNS = ("experiment", "rows", "regimes", "seeds", "samples", "priority")


@dataclass(frozen=True)
class Run:
    """One training: a row of models.csv on the training set that a seed draws in a regime, and that seed's weights."""

    row: str
    regime: str
    samples: int
    seed: int
    experiments: tuple[str, ...] = ()
    beyond: bool = False
    """Whether the limit of processor time has no room for it."""

    @property
    def name(self) -> str:
        """Of its folder, and of its column among the answers."""
        return f"{self.row}-{self.regime}-{self.samples}-seed{self.seed}"


def read_models(folder: Path = TABLES) -> pd.DataFrame:
    """models.csv, by row."""
    return read_experiments(folder / "models.csv").set_index("row", drop=False)


def planned(folder: Path = TABLES) -> list[Run]:
    """All trainings of runs.csv, the most informative first; a training of several experiments is there once.

    A line of priority p has its k-th seed (from 0) at p + k, so that every contrast has two seeds early on.

    Raises:
        ValueError: a line that names an unknown row or regime, or is no number where one is due; with the line.
    """
    path = folder / "runs.csv"
    table, models = pd.read_csv(path, dtype=str, keep_default_na=False), read_models(folder)
    if list(table.columns) != list(COLUMNS):
        raise ValueError(f"{path}: the columns must be {', '.join(COLUMNS)}; found {', '.join(table.columns)}")
    found: dict[Run, tuple[int, int]] = {}
    names: dict[Run, list[str]] = {}
    for place, line in enumerate(table.itertuples(index=False)):
        try:
            for rank, seed in enumerate(map(int, line.seeds.split())):
                for regime in line.regimes.split():
                    for row in line.rows.split():
                        run = Run(models.loc[row, "row"], str(read_regime(regime)), int(line.samples), seed)
                        found[run] = min(found.get(run, (1 << 30, 0)), (int(line.priority) + rank, place))
                        names.setdefault(run, []).append(line.experiment)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}, line {place + 2}: {error}") from error
    order = sorted(found, key=lambda run: found[run])
    return [
        Run(r.row, r.regime, r.samples, r.seed, tuple(dict.fromkeys(names[r])), found[r][0] >= BEYOND) for r in order
    ]
