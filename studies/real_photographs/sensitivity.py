"""How many photographs of each diagnosis a published model finds, counted from its out-of-fold answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import ALPHA, Estimate
from dermimit.evaluate.out_of_fold import answers_of_folds
from dermimit.probe.record import out_of_fold
from studies.shared.paths import PUBLISHED
from studies.shared.real_backbones import ANSWERS, FOLDER, SEEDS, read_backbones

BASELINE = "colour: logistic colour"
"""The probe that sees 25 numbers on colour and texture, and no network."""
CHOICES = ("best", "full", "probe", "colour")


@dataclass(frozen=True)
class RealModels:
    """The published models of PAD-UFES-20 that were cross-validated by patient.

    Args:
        record: from `real_backbones.read_backbones`.
        answers: row -> its answers; rows of networks, then of probes.
    """

    record: Mapping[str, Any]
    answers: Mapping[str, Answers]

    @property
    def diseases(self) -> tuple[str, ...]:
        """Their codes, in the order of the answers."""
        return tuple(self.record["diseases"])

    def line(self, row: str) -> Mapping[str, Any]:
        """The scores of a row.

        Raises:
            ValueError: there is no such row.
        """
        lines = {line["row"]: line for line in [*self.record["scores"], *self.record["probes"]]}
        if row not in lines:
            raise ValueError(f"no scores of {row!r}; there are {', '.join(lines)}")
        return lines[row]

    def chosen(self, which: str) -> str:
        """The row that a page means.

        Args:
            which: "best", the network with the highest macro-F1; "full", the best one that has all three tasks, lesion
                selection and cross-attention; "probe", the best classifier of frozen features; "colour", `BASELINE`;
                or the name of a row. Networks with all seeds come before those with fewer.
        """
        if which not in CHOICES:
            return str(self.line(which)["row"])
        if which == "colour":
            return BASELINE
        lines = self.record["probes" if which == "probe" else "scores"]
        lines = [line for line in lines if which != "full" or line["row"].endswith("_full")]
        return str(max(lines, key=lambda line: (len(line["seeds"]) >= SEEDS, line["macro_f1"]))["row"])

    def called(self, row: str) -> pd.DataFrame:
        """Photographs by true (index) and predicted diagnosis (columns), a mean over seeds."""
        these, names = self.answers[row], self.diseases
        counts = np.zeros((len(names), len(names)))
        for answer in these.answers:
            np.add.at(counts, (these.truth, answer), 1 / len(these.answers))
        return pd.DataFrame(counts, index=names, columns=names)

    def sensitivity(self, row: str) -> pd.DataFrame:
        """What a row finds of each diagnosis.

        The interval covers patients and, where there are several, seeds. It is never narrower than Wilson's for as many
        photographs as patients: a resampled zero has no width.

        Returns:
            by code of the diagnosis: `hits` (a mean over seeds), `photographs`, `patients`, and `value, low, high`, all
            three in [0, 1].
        """
        these, called, lines = self.answers[row], self.called(row), {}
        for place, name in enumerate(self.diseases):
            own = these.truth == place
            patients, photographs = these.patients[own].nunique(), int(own.sum())
            found = Estimate(*self.line(row)["recall"][name])
            low, high = proportion_confint(found.value * patients, patients, alpha=ALPHA, method="wilson")
            lines[name] = {"hits": float(called.loc[name, name]), "photographs": photographs, "patients": patients}
            lines[name] |= {"value": found.value, "low": max(0.0, min(found.low, low))}
            lines[name] |= {"high": min(1.0, max(found.high, high))}
        return pd.DataFrame.from_dict(lines, orient="index")


def read_models(root: Path) -> RealModels:
    """Read the published answers of networks and probes.

    Args:
        root: the project's folder.

    Raises:
        FileNotFoundError: no answers are published.
    """
    record, folder = read_backbones(root), root / PUBLISHED
    path = folder / FOLDER / ANSWERS
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run python -m studies.evidence.measure_backbones FOLDER")
    frames = [pd.read_parquet(path)]
    frames += [
        out_of_fold(probe.parent, f"{probe.parent.name}: ") for probe in sorted(folder.glob("probes/*/metrics.json"))
    ]
    return RealModels(record, answers_of_folds(pd.concat(frames), record["diseases"]))
