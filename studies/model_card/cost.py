"""What the published results have cost: hours and energy, from the records that each of them keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.records import origins, read_json
from studies.shared.paths import PUBLISHED

STUDIES = {
    "synderm": "ablation", "synderm-evidence": "further experiments of the first edition",
    "explorer": "model of the explorer",
    "real_evidence": "PAD-UFES-20, cross-validation", "localisation": "localisation",
    "segmentation": "segmentation networks",
    "failures": "failures", "rare_diseases": "rare diseases", "skin_tone": "skin tone", "visits": "repeat visits",
    "synderm_checks": "checks of SynDerm", "real_checks": "checks of real datasets", "speed": "speed",
    "survival": "fault tolerance", "reader_study": "power analysis of a reader study",
    "ablation_explorer": "ablation explorer",
    "energy": "power measurement", "protocol": "second edition", "probes": "frozen features, PAD-UFES-20",
    "real_backbones": "pretrained backbones, PAD-UFES-20", "benchmark": "benchmark",
}  # fmt: skip

TRAININGS = Path("protocol/runs.parquet")
"""The trainings of the second edition, a line each, which have no file of their own."""


def records(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The study and the provenance of every published record that keeps one, and of each run that a record lists.

    Args:
        root: the project's folder.
    """
    published = root / PUBLISHED
    for path in sorted(published.rglob("*.json")):
        content = read_json(path)
        found = [content] if path.name == "provenance.json" else origins(content)
        for facts in found:
            if "seconds" in facts:
                yield path.relative_to(published).parts[0], facts
    if (published / TRAININGS).is_file():
        for run in pd.read_parquet(published / TRAININGS).to_dict("records"):
            yield TRAININGS.parts[0], run


def hours_by_study(root: Path) -> pd.DataFrame:
    """A line for each study: `study, records, hours` (wall time of the process that made each record).

    A run's training and its measurement count each for themselves. Hours of a record made on a busy machine are longer
    than the work they stand for.

    Args:
        root: the project's folder.
    """
    lines = pd.DataFrame(
        [(study, facts["seconds"] / 3600) for study, facts in records(root)], columns=["study", "hours"]
    )
    found = lines.groupby("study")["hours"].agg(["size", "sum"]).sort_values("sum", ascending=False)
    names = [STUDIES.get(study, study.replace("_", " ")) for study in found.index]
    return pd.DataFrame({"study": names, "records": found["size"].to_numpy(), "hours": found["sum"].to_numpy()})


def energy_table(hours: pd.DataFrame, power: Mapping[str, Any]) -> pd.DataFrame:
    """The same with kWh, and a last line of sums.

    Args:
        hours: from `hours_by_study`.
        power: record of `studies.model_card.measure`. Every process is given the power of the whole machine with all
            its cores at work: an upper bound, for most used one core of it.
    """
    total = pd.DataFrame([{"study": "all", "records": hours["records"].sum(), "hours": hours["hours"].sum()}])
    table = pd.concat([hours, total], ignore_index=True)
    return table.assign(kWh=table["hours"] * power["watts"] / 1000)


def emissions_table(kwh: float, power: Mapping[str, Any]) -> pd.DataFrame:
    """Kilograms of CO2 equivalents of that energy in some countries' grids.

    Args:
        kwh: energy.
        power: as for `energy_table`.
    """
    grid = power["grams_per_kwh"]
    return pd.DataFrame({"grid": list(grid), "g CO2e per kWh": list(grid.values()),
                         "kg CO2e": [kwh * g / 1000 for g in grid.values()]})  # fmt: skip
