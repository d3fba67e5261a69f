"""Simulate reader studies for the chapter on the reader study: how many readers and cases find a gain of 3 or 5 points.

Writes results/published/reader_study/power.json: the assumptions, a line for each scenario, gain and size of study, and
where the numbers come from. No reader and no photograph is involved.

Run: python -m studies.reader_study.measure [--studies 1000] [--out FILE]
"""

import time
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import tyro

from dermimit.evaluate.estimate import ALPHA
from dermimit.reader_study import power as reader_power
from dermimit.reader_study.simulation import Assumptions, trust_for
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT

USUAL = Assumptions()
SCENARIOS = {
    "usual": USUAL,
    "readers differ in trust": replace(USUAL, trust_sd=2.0),
    "cases of more even difficulty": replace(USUAL, case_sd=0.6),
}
GAINS = (0.0, 0.03, 0.05)
READERS, CASES = (5, 10, 15, 20, 30), (50, 75, 100, 150, 200, 300, 400)


def main(studies: int = 1000, seed: int = 0, out: Path = ROOT / PUBLISHED / "reader_study/power.json") -> None:
    """Simulate.

    Args:
        studies: simulated studies for each line.
        seed: of all of them.
        out: record to write.
    """
    started, table = time.time(), []
    for line in reader_power.sweep(SCENARIOS, GAINS, READERS, CASES, studies, seed):
        table.append(line)
        print(
            f"{line['scenario']}, {line['gain']}: {line['readers']} x {line['cases']}: {line['power']:.3f}", flush=True
        )
    found = {
        "simulated": "readers, cases and model are simulated; no human result",
        "level": ALPHA,
        "wanted": reader_power.WANTED,
        "scenarios": {
            name: asdict(a) | {"trust": {g: trust_for(a, g) for g in GAINS}} for name, a in SCENARIOS.items()
        },
        "table": table,
        "smallest": [
            {"scenario": name, "gain": gain, **line}
            for name in SCENARIOS
            for gain in GAINS[1:]
            for line in reader_power.smallest([x for x in table if x["scenario"] == name], gain)
        ],
    }
    grid = pd.DataFrame([{"studies": studies, "seed": seed}])
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found | {"provenance": provenance(grid, started, {"device": "cpu", "seed": seed})})


if __name__ == "__main__":
    tyro.cli(main)
