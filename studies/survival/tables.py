"""Tables of what the project survived: kills, other faults, broken files, memory, and the age of its lock."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from dermimit.records import read_json
from studies.shared.paths import PUBLISHED

NAMES = {"training": "training", "evaluation": "evaluation", "drawing": "drawing SynDerm", "workflow": "the workflow"}
TWICE = {"training": "epochs", "drawing": "files"}


@dataclass(frozen=True)
class Survival:
    """The records of benchmarks/survival.py, fuzz.py and memory.py."""

    faults: dict[str, Any]
    fuzz: dict[str, Any]
    memory: dict[str, Any]


def read_survival(root: Path) -> Survival:
    """The published records; `root` is the project's folder."""
    folder = root / PUBLISHED / "survival"
    return Survival(*(read_json(folder / f"{name}.json") for name in ("faults", "fuzz", "memory")))


def most_likely_lost(tried: int, lost: int) -> float:
    """The largest share of losses that is not refuted: upper end of the exact one-sided 95 % interval.

    Source: Clopper and Pearson, Biometrika 26 (1934). For no loss in n it is about 3 / n.
    """
    return 1.0 if lost == tried else float(stats.beta.ppf(0.95, lost + 1, tried - lost))


def kills_table(faults: Mapping[str, Any]) -> pd.DataFrame:
    """Kills with signal 9 by activity, and in all."""
    rows = [*faults["summary"]]
    total = {key: sum(row[key] for row in rows) for key in ("tried", "survived", "lost")}
    rows.append({"activity": "all", **total, "done_twice_at_most": None})
    return pd.DataFrame(
        {
            "activity": NAMES.get(row["activity"], row["activity"]),
            "tried": row["tried"],
            "survived": row["survived"],
            "lost": row["lost"],
            "lost, at most (95 %)": f"{100 * most_likely_lost(row['tried'], row['lost']):.0f}\u00a0%",
            "done twice, at most": _twice(row),
        }
        for row in rows
    )


def _twice(row: Mapping[str, Any]) -> str:
    unit = TWICE.get(row["activity"])
    if unit is None:
        return "–"
    count = row["done_twice_at_most"]
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def faults_table(faults: Mapping[str, Any]) -> pd.DataFrame:
    """The other faults, one a line, with the number of variants tried and survived."""
    frame = pd.DataFrame(faults["faults"])
    frame["what is checked"] = frame["fault"].str.replace(r"\[.*", "", regex=True).map(_sentence)
    counted = frame.groupby("what is checked", sort=False)["survived"].agg(["size", "sum"])
    counted.columns = ["tried", "survived"]
    return counted.assign(lost=counted["tried"] - counted["survived"]).reset_index()


def _sentence(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def fuzz_table(fuzz: Mapping[str, Any]) -> pd.DataFrame:
    """Mutated files by reader: how many were read, refused by an error of ours, or did anything else."""
    frame = pd.DataFrame(fuzz["readers"])
    shown = frame[["reader", "inputs", "read", "refused"]].copy()
    shown["other errors"], shown["crashes"] = frame["escaped"], frame["crashed"]
    for column in ("inputs", "read", "refused"):
        shown[column] = shown[column].map("{:,}".format)
    return shown.assign(**{"slowest (s)": frame["slowest_seconds"].map("{:.2f}".format)})


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


def lock_facts(root: Path, now: datetime | None = None) -> dict[str, Any]:
    """What is known of the lock: packages, hashes, when it was resolved, and how many days ago that is.

    Args:
        root: the project's folder.
        now: the time to count from.

    Returns:
        packages, hashes; date (ISO) and days, both None outside a checkout.
    """
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    facts: dict[str, Any] = {"packages": len(re.findall(r"^\S+==", text, re.M)), "hashes": text.count("--hash=sha256:")}
    command = ["git", "log", "-1", "--format=%cI", "--", "requirements.lock"]
    try:
        said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        said = ""
    if not said:
        return facts | {"date": None, "days": None}
    date = datetime.fromisoformat(said)
    return facts | {"date": date.date().isoformat(), "days": max(0, ((now or datetime.now(UTC)) - date).days)}


def lock_text(facts: Mapping[str, Any]) -> str:
    """The lock in one sentence."""
    age = f"resolved on {facts['date']}, {facts['days']} days before this page was made" if facts["date"] else (
        "of unknown age, since this copy has no history"
    )  # fmt: skip
    return (
        f"`requirements.lock` pins {facts['packages']} packages with {facts['hashes']:,} hashes; it was {age}. "
        "No service that lists known weaknesses was asked."
    )


def lost(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each kill or fault that was not survived: what, and why."""
    return [f"{row.get('activity') or row.get('fault')}: {row.get('why', '')}" for row in rows if not row["survived"]]
