"""Runs every test that probes.yaml names, and records what held.

    python -m studies.survival.measure

Twenty minutes on two busy cores; tests of servers start real ones. A test that is skipped, as where nginx is not
installed, is recorded as not run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from subprocess import run
from typing import Any

import pandas as pd
import tyro

from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED
from studies.survival.probes import Probe, read_probes

ROOT = Path(__file__).parents[2]


def outcomes(probes: Sequence[Probe], report: Path) -> list[dict[str, Any]]:
    """A row for each probe.

    Args:
        report: JUnit file that pytest wrote.

    Returns:
        the fields of `Probe`; `trials`, the variants that were run; `held`, how many passed; `skipped`, how many were
        not run.
    """
    found: dict[str, list[ElementTree.Element]] = {}
    tree = ElementTree.parse(report)
    if broken := [case.get("name") for case in tree.iter("testcase") if not case.get("classname")]:
        raise SystemExit(f"no record written: pytest could not collect {', '.join(map(str, broken))}")
    for case in tree.iter("testcase"):
        module, name = case.get("classname", "").replace(".", "/"), case.get("name", "").split("[")[0]
        found.setdefault(f"{module}.py::{name}", []).append(case)
    rows = []
    for probe in probes:
        cases = found.get(probe.test, [])
        run_ones = [case for case in cases if case.find("skipped") is None]
        failed = [case for case in run_ones if case.find("failure") is not None or case.find("error") is not None]
        counts = {"trials": len(run_ones), "held": len(run_ones) - len(failed), "skipped": len(cases) - len(run_ones)}
        rows.append(asdict(probe) | counts)
    return rows


def main(out: Path = ROOT / PUBLISHED / "survival/probes.json") -> None:
    """Try everything and write the record.

    Args:
        out: file to write.
    """
    started, probes = time.time(), read_probes()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        words = [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider", f"--junitxml={report}"]
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
        run([*words, *(probe.test for probe in probes)], cwd=ROOT, env=os.environ | paths, check=False)
        rows = outcomes(probes, report)
    facts = provenance(pd.DataFrame([asdict(probe) for probe in probes]), started, {"device": "cpu"})
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"probes": rows, "provenance": facts})
    print(f"{sum(row['trials'] == row['held'] > 0 for row in rows)} of {len(rows)} held\n{out}")


if __name__ == "__main__":
    tyro.cli(main)
