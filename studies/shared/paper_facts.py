"""book/paper_facts.yaml: what is known of the paper and what we chose, as tables and as settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from dermimit.evaluate.runs import to_markdown
from dermimit.model.config import ModelConfig
from dermimit.train import TrainConfig

MARKS = ("abstract", "second-hand", "our choice")
KEYS = {
    "facts": {"says", "mark"},
    "scores": {"dataset", "what", "score"},
    "model": {"field", "value", "question", "alternatives", "why", "mark"},
    "recipe": {"field", "value", "question", "why", "mark"},
}
OF_A_ROW = ("lsm", "fusion")
Facts = Mapping[str, Sequence[Mapping[str, Any]]]


def read_facts(path: Path) -> Facts:
    """Read and check the file.

    Raises:
        ValueError: a part, a key, a mark or a field that is unknown or missing, or a value that the model refuses; with
            the part and the entry's number.
    """
    facts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if set(facts) != set(KEYS):
        raise ValueError(f"{path}: the parts must be {', '.join(KEYS)}; found {', '.join(map(str, facts))}")
    known = {"model": {f.name for f in fields(ModelConfig)}, "recipe": {f.name for f in fields(TrainConfig)}}
    for part, keys in KEYS.items():
        for number, entry in enumerate(facts[part], 1):
            where = f"{path}, {part}, entry {number}"
            if set(entry) != keys:
                raise ValueError(
                    f"{where}: the keys must be {', '.join(sorted(keys))}; found {', '.join(sorted(entry))}"
                )
            if "mark" in keys and entry["mark"] not in MARKS:
                raise ValueError(f"{where}: mark {entry['mark']!r}: choose one of {', '.join(MARKS)}")
            if "field" in keys and entry["field"] not in known[part]:
                raise ValueError(f"{where}: no such field of the {part}: {entry['field']!r}")
    try:
        ModelConfig(**values(facts, "model"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}, model: {error}") from error
    return facts


def values(facts: Facts, part: str) -> dict[str, Any]:
    """Field -> value of the part "model" or "recipe"."""
    return {entry["field"]: entry["value"] for entry in facts[part]}


def model_settings(facts: Facts) -> str:
    """The model's choices as a row of experiments writes its settings: `class_tokens=shared head_depth=2 …`.

    Whether there is lesion selection, and what joins the tasks, is what the rows of an ablation change: not here.
    """
    chosen = {name: value for name, value in values(facts, "model").items() if name not in OF_A_ROW}
    return " ".join(f"{name}={_written(value)}" for name, value in chosen.items())


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def markdown(facts: Facts, part: str) -> str:
    """A part as the Markdown table that the chapter shows."""
    lines = []
    for entry in facts[part]:
        mark = {"mark": f"[{entry['mark']}]{{.evidence}}"} if "mark" in entry else {}
        if part == "facts":
            lines.append({"statement": entry["says"]} | mark)
        elif part == "scores":
            lines.append(dict(entry))
        else:
            line = {
                "question": entry["question"],
                "field": f"`{entry['field']}`",
                "value": f"`{_written(entry['value'])}`",
            }
            line |= {"alternatives": entry["alternatives"]} if part == "model" else {}
            lines.append(line | {"why": entry["why"]} | mark)
    return to_markdown(pd.DataFrame(lines))
