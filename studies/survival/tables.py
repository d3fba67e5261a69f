"""What was tried and what held, in one table; memory, and the age of the lock."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from dermimit.records import read_json
from studies.shared.paths import PUBLISHED
from studies.survival.probes import read_probes

NAMES = {
    "training": "training",
    "evaluation": "evaluation",
    "drawing": "generating SynDerm",
    "workflow": "the workflow",
}
GREW, SETTLED = 1.05, 5  # memory may grow by 5 % after the first fifth of a course
SCRIPT = "script benchmarks/{}.py"


@dataclass(frozen=True)
class Survival:
    """The records of benchmarks/survival.py, fuzz.py and memory.py, and of studies/survival/measure.py."""

    faults: dict[str, Any]
    fuzz: dict[str, Any]
    memory: dict[str, Any]
    probes: dict[str, Any]


def read_survival(root: Path) -> Survival:
    """The published records; `root` is the project's folder."""
    folder = root / PUBLISHED / "survival"
    return Survival(*(read_json(folder / f"{name}.json") for name in ("faults", "fuzz", "memory", "probes")))


def most_likely_lost(tried: int, lost: int) -> float:
    """The largest share of losses that is not refuted: upper end of the exact one-sided 95 % interval.

    Source: Clopper and Pearson, Biometrika 26 (1934). For no loss in n it is about 3 / n.
    """
    return 1.0 if lost == tried else float(stats.beta.ppf(0.95, lost + 1, tried - lost))


def tried(found: Survival) -> list[dict[str, Any]]:
    """Everything that was tried, a row each: `area`, `tried`, `expected`, `trials`, `held` (of the trials), `test`."""
    kills = [
        {"area": "Kills", "tried": f"Signal 9 at a random moment of {NAMES.get(row['activity'], row['activity'])}",
         "expected": "the second attempt ends with the files of an undisturbed one, bit for bit",
         "trials": row["tried"], "held": row["survived"], "test": SCRIPT.format("survival")}
        for row in found.faults["summary"]
    ]  # fmt: skip
    files = [
        {"area": "Broken files", "tried": f"Mutated files given to the reader of {row['reader']}",
         "expected": "read, or refused by an error that names the file", "trials": row["inputs"],
         "held": row["read"] + row["refused"], "test": SCRIPT.format("fuzz")}
        for row in found.fuzz["readers"]
    ]  # fmt: skip
    words = {probe.test: asdict(probe) for probe in read_probes()}  # as they are put today
    probes = [{name: row[name] for name in kills[0]} | words.get(row["test"], {}) for row in found.probes["probes"]]
    return [*kills, *files, _memory_row(found.memory), *probes]


def _memory_row(memory: Mapping[str, Any]) -> dict[str, Any]:
    course = [row["mb"] for row in memory["training"]]
    settled = course[len(course) // SETTLED :]
    return {"area": "Memory", "tried": f"Training on {memory['training'][-1]['cases']:,} images generated on the fly",
            "expected": "memory grows by less than 5 % once it has settled", "trials": 1,
            "held": int(max(settled) < GREW * settled[0]), "test": SCRIPT.format("memory")}  # fmt: skip


def held_table(found: Survival) -> pd.DataFrame:
    """The one table of the page: what was tried, what was expected, how often, whether it held, and the test."""
    return pd.DataFrame(
        {
            "area": row["area"],
            "what was tried": row["tried"],
            "expected": row["expected"],
            "trials": f"{row['trials']:,}",
            "held": verdict(row["trials"], row["held"]),
            "test": sentence(row["test"]),
        }
        for row in tried(found)
    )


def areas(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`held_table` in parts, by area; the test is left to the CSV file."""
    parts = table.drop(columns=["area", "test"]).groupby(table["area"], sort=False)
    return {str(area): part for area, part in parts}


def sentence(test: str) -> str:
    """The name of a test as words."""
    text = test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    return text.replace("timm s ", "timm's ").replace("a users ", "a user's ")


def verdict(trials: int, held: int) -> str:
    """Yes, no with the number that failed, or not run."""
    if not trials:
        return "not run"
    return "yes" if held == trials else f"no: {trials - held:,} failed"


def counts(found: Survival) -> dict[str, int]:
    """How many rows of the table there are, and how many held, did not, and were not run."""
    said = [verdict(row["trials"], row["held"]) for row in tried(found)]
    return {"rows": len(said), "rows_held": said.count("yes"), "rows_not_run": said.count("not run"),
            "rows_failed": sum(word.startswith("no:") for word in said)}  # fmt: skip


def scoring_table(memory: Mapping[str, Any]) -> pd.DataFrame:
    """Memory that scoring took beyond what the process had, by number of predictions and way."""
    frame = pd.DataFrame(memory["scoring"])
    return pd.DataFrame(
        {
            "predictions": frame["predictions"].map("{:,}".format),
            "way": frame["how"],
            "file (MB)": frame["file_mb"],
            "memory taken (MB)": frame["peak_mb"] - frame["before_mb"],
            "seconds": frame["seconds"],
        }
    )


def lock_facts(root: Path) -> dict[str, Any]:
    """What is known of the lock: packages, hashes, and the date when it was resolved, None outside a checkout.

    Args:
        root: the project's folder.
    """
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    facts: dict[str, Any] = {"packages": len(re.findall(r"^\S+==", text, re.M)), "hashes": text.count("--hash=sha256:")}
    command = ["git", "log", "-1", "--format=%cs", "--", "requirements.lock"]
    try:
        date = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        date = ""
    return facts | {"date": date or None}


def lock_text(facts: Mapping[str, Any]) -> str:
    """The lock in one sentence."""
    age = f"resolved on {facts['date']}" if facts["date"] else "of unknown age, since this copy has no history"
    return (
        f"`requirements.lock` pins {facts['packages']} packages with {facts['hashes']:,} hashes; it was {age}. "
        "The packages were not checked against a list of known vulnerabilities."
    )
