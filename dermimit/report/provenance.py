"""Where the record comes from: code, data, machine, and every setting."""

import json
from importlib.metadata import version
from typing import Any

from dermimit.files import without_folders
from dermimit.report.markup import Markup, el, section, table
from dermimit.report.record import PATHS, Record, Scored

SKIPPED = ("versions", "seed", "parameters")


def provenance_section(record: Record, scored: Scored) -> Markup:
    """The section: provenance of the run (and of the evaluation), versions, configuration."""
    parts = [_facts("Training", record.provenance)]
    if scored.facts is not None:
        parts.append(_facts("Evaluation on these photographs", scored.facts))
    config = [[name, _text(base_name(name, value))] for name, value in record.config.items()]
    folded = el(
        "details", el("summary", "All settings of the run"), table("Configuration", ["setting", "value"], config)
    )
    written = el(
        "p", f"This page was written by dermimit {version('dermimit')}. Paths are shortened to their last name."
    )
    return section("provenance", "Provenance", *parts, folded, written)


def _facts(title: str, facts: dict[str, Any]) -> Markup:
    rows = [
        [NAMES.get(key, key.replace("_", " ")), _fact(key, value)]
        for key, value in facts.items()
        if key not in SKIPPED and value is not None
    ]
    rows += [["versions", ", ".join(f"{name} {number}" for name, number in facts.get("versions", {}).items())]]
    rows += [[key, _text(facts[key])] for key in ("seed", "parameters") if key in facts]
    return table(title, ["what", "value"], rows)


NAMES = {
    "dirty": "code differs from the commit",
    "code_fingerprint": "fingerprint of the code (SHA-256)",
    "data_fingerprint": "fingerprint of the table of photographs (SHA-256)",
    "seconds": "seconds in all",
    "train_seconds": "seconds of training",
    "peak_memory_mb": "peak memory (MB)",
    "run_code": "fingerprint of the run's code",
    "saw_in_training": "photographs of the training among them",
}


def _fact(key: str, value: Any) -> object:
    if key.endswith("fingerprint") or key in ("commit", "run_code"):
        return el("code", value)
    return f"{value:,.1f}" if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value) or "–"


def base_name(name: str, value: Any) -> Any:
    """Where things lay on the machine is nobody's business: a path becomes its last name."""
    if name == "data_options" and isinstance(value, dict):
        return without_folders(value)
    return value.replace("\\", "/").rstrip("/").split("/")[-1] if name in PATHS and isinstance(value, str) else value
