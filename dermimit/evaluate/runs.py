"""Run records to tidy tables: one row a run, and a table of experiments filled with their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.statistics import format_mean_sd

EXPERIMENT_COLUMNS = ("row", "group", "label", "tasks", "lsm", "fusion", "settings", "description")
DISEASE_METRICS = {
    "macro-F1": "disease/macro_f1",
    "accuracy": "disease/accuracy",
    "balanced accuracy": "disease/balanced_accuracy",
    "top-3 accuracy": "disease/top3_accuracy",
}
OTHER_METRICS = {
    "AUROC": "disease/auroc",
    "ECE": "disease/ece",
    "body-part accuracy": "body_part/accuracy",
    "attribute mAP": "attributes/map",
}


def read_experiments(path: Path) -> pd.DataFrame:
    """Read the table whose rows are the models to train.

    Args:
        path: CSV with the columns `row` (file-safe name), `group`, `label`, `tasks` (joined by +), `lsm` (true or
            false), `fusion`, `settings` (further ones, as `dermimit.train.with_settings` reads them), `description`.
    Raises:
        ValueError: a missing column, or a row name that is repeated or not file-safe; names the line.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in EXPERIMENT_COLUMNS if column not in frame]
    if missing:
        raise ValueError(f"{path}: column {', '.join(missing)} is missing; it needs {', '.join(EXPERIMENT_COLUMNS)}.")
    for place, name in enumerate(frame["row"]):
        if not name.replace("_", "").isalnum() or name in list(frame["row"][:place]):
            raise ValueError(f"{path}, line {place + 2}: row name {name!r} must be letters, digits and _, and unique.")
    frame["lsm"] = [_truth(value, path, place + 2) for place, value in enumerate(frame["lsm"])]
    return frame


def _truth(value: str, path: Path, line: int) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"{path}, line {line}, column lsm: write true or false, got {value!r}.")
    return value.lower() == "true"


def read_records(root: Path) -> pd.DataFrame:
    """Collect every finished run below a folder, one row a run.

    Args:
        root: holds `<row>-seed<k>/metrics.json` folders, at any depth.
    Returns:
        columns `path, run, row, seed`, the metrics as `test/...` and `val/...`, the configuration as `config/...`,
        the provenance as `provenance/...`; an empty frame with the first four columns where there is no run.
    """
    runs = sorted(path.parent for path in Path(root).rglob("metrics.json"))
    frame = pd.DataFrame([_record(run) for run in runs])
    return frame if len(frame) else pd.DataFrame(columns=["path", "run", "row", "seed"])


def _record(run: Path) -> dict[str, Any]:
    row, _, seed = run.name.rpartition("-seed")
    record: dict[str, Any] = {"path": run, "run": run.name, "row": row or run.name, "seed": int(seed) if row else -1}
    for split, metrics in _json(run / "metrics.json").items():
        if isinstance(metrics, Mapping):
            record |= {f"{split}/{name}": value for name, value in metrics.items()}
    for part in ("config", "provenance"):
        record |= {f"{part}/{name}": value for name, value in _json(run / f"{part}.json").items()}
    return record


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not readable as JSON ({error}); delete this run and train it again.") from error


def in_order(records: pd.DataFrame, experiments: pd.DataFrame) -> list[str]:
    """Return the rows that have records, in the order of the experiments table."""
    return [row for row in experiments["row"] if (records["row"] == row).any()]


def ablation_table(
    records: pd.DataFrame,
    experiments: pd.DataFrame,
    metrics: Mapping[str, str] = DISEASE_METRICS,
    references: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Build the ablation: a line per row, mean ± sd over seeds, reference scores below.

    Args:
        records: from `read_records`.
        experiments: from `read_experiments`; gives order and labels.
        metrics: column heading -> metric key of `metrics.json`.
        references: further lines below, by name; values in the same metrics.
    Returns:
        text columns `model`, `seeds` and the metrics.
    """
    labels = experiments.set_index("row")["label"]
    lines = []
    for row in in_order(records, experiments):
        runs = records[records["row"] == row]
        line = {"model": labels[row], "seeds": str(len(runs))}
        line |= {name: _cell(runs, f"test/{key}") for name, key in metrics.items()}
        lines.append(line)
    for name, values in (references if references is not None else pd.DataFrame()).iterrows():
        line = {"model": name, "seeds": "–"}
        lines.append(line | {head: _number(values.get(key)) for head, key in metrics.items()})
    return pd.DataFrame(lines)


def _cell(runs: pd.DataFrame, key: str) -> str:
    values = runs[key].dropna() if key in runs else pd.Series(dtype=float)
    return format_mean_sd(values) if len(values) else "–"


def _number(value: Any) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def read_histories(records: pd.DataFrame) -> pd.DataFrame:
    """Stack the learning curves of all runs, with the columns `row` and `seed` added."""
    frames = [
        pd.read_parquet(Path(record["path"]) / "history.parquet").assign(row=record["row"], seed=record["seed"])
        for record in records.to_dict("records")
        if (Path(record["path"]) / "history.parquet").is_file()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["row", "seed", "samples_seen"])


def to_markdown(frame: pd.DataFrame) -> str:
    """Write a frame of text as a Markdown table, or a sentence where there is no row."""
    if frame.empty:
        return "No run has been recorded yet.\n"
    lines = [frame.columns, ["---"] * frame.shape[1], *frame.astype(str).to_numpy()]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def plain_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table as JSON can hold them: a missing number is None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")
