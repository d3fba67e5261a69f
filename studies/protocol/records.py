"""Published records of the planned trainings: scores and origins, curves, and the answers to the fresh test cases."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.synderm import LABEL_SPACE
from dermimit.evaluate.answers import Answers
from dermimit.lock import LockedError, locked
from dermimit.records import read_json, write_parquet
from studies.protocol.runs import Run
from studies.shared.hours import spent

SCORES = {"macro_f1": "disease/macro_f1", "accuracy": "disease/accuracy", "top3_accuracy": "disease/top3_accuracy",
          "body_part_accuracy": "body_part/accuracy", "attributes_map": "attributes/map"}  # fmt: skip
FACTS = ("commit", "dirty", "code_fingerprint", "data_fingerprint", "processor", "device", "started", "seconds",
         "train_seconds", "parameters")  # fmt: skip
RUNS, CURVES = "runs.parquet", "curves.parquet"
TRUTH = "truth"
"""Column of an answers file with the true diseases."""


def of_run(run: Run, folder: Path) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """A finished run as a line of scores and origins, its curve, and its test predictions."""
    metrics, facts = read_json(folder / "metrics.json"), read_json(folder / "provenance.json")
    history = pd.read_parquet(folder / "history.parquet")
    line = {"name": run.name, "row": run.row, "regime": run.regime, "samples": run.samples, "seed": run.seed}
    line |= {name: metrics["test"].get(key) for name, key in SCORES.items()}
    line |= {"best_validation": float(history["val/disease/macro_f1"].max())}
    line |= {name: facts.get(name) for name in FACTS}
    curve = history[["samples_seen", "loss/disease", "val/disease/macro_f1"]].assign(name=run.name)
    predictions = pd.read_parquet(folder / "predictions.parquet")
    return line, curve, predictions[predictions["split"] == "test"]


def publish(out: Path, runs_folder: Path, runs: Sequence[Run]) -> int:
    """Add the finished runs, once no other process does; see `add`."""
    while True:
        try:
            with locked(runs_folder):
                return add(out, runs_folder, runs)
        except LockedError:
            time.sleep(1)


def add(out: Path, runs_folder: Path, runs: Sequence[Run]) -> int:
    """Add the finished runs that are not published yet; returns how many there are then.

    Writes runs.parquet, curves.parquet and answers_REGIME.parquet: for each fresh test case, in order, the true disease
    and what each run answered, as places in the label space.

    Raises:
        ValueError: a run was trained with other code than those published before.
    """
    known = read_runs(out)
    new = [run for run in runs if run.name not in set(known["name"])]
    new = [run for run in new if (runs_folder / run.name / "metrics.json").is_file()]
    if not new:
        return len(known)
    found = [(run, *of_run(run, runs_folder / run.name)) for run in new]
    lines = pd.concat([known, pd.DataFrame([line for _, line, *_ in found])], ignore_index=True)
    if len(codes := set(lines["code_fingerprint"])) > 1:
        raise ValueError(f"{out}: runs of {len(codes)} code fingerprints cannot share a table: "
                         f"{', '.join(sorted(code[:10] for code in codes))}")  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    for regime in sorted({run.regime for run in new}):
        path = out / f"answers_{regime}.parquet"
        frame = pd.read_parquet(path) if path.is_file() else pd.DataFrame()
        for run, _, _, predictions in found:
            if run.regime == regime:
                frame = beside(frame, run.name, predictions)
        write_parquet(path, frame)
    curves = pd.concat([curve for *_, curve, _ in found], ignore_index=True)
    old = pd.read_parquet(out / CURVES) if (out / CURVES).is_file() else curves.iloc[:0]
    write_parquet(out / CURVES, pd.concat([old[~old["name"].isin(curves["name"])], curves], ignore_index=True))
    write_parquet(out / RUNS, lines)
    return len(lines)


def beside(frame: pd.DataFrame, name: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """The answers of one more run beside those of others.

    Raises:
        ValueError: they are of other cases.
    """
    place = {disease: i for i, disease in enumerate(LABEL_SPACE.diseases)}
    predictions = predictions.sort_values("image")
    truth = predictions["disease"].map(place).to_numpy(np.uint8)
    if frame.empty:
        frame = pd.DataFrame({TRUTH: truth})
    if not np.array_equal(frame[TRUTH], truth):
        raise ValueError(f"{name} was tested on other cases than the runs before")
    answer = np.stack(predictions["disease_prob"].to_list()).argmax(1).astype(np.uint8)
    return frame.assign(**{name: answer})


def read_runs(folder: Path) -> pd.DataFrame:
    """The published runs, a line each; empty where there is none."""
    path = folder / RUNS
    columns = ["name", "row", "regime", "samples", "seed", *SCORES, "best_validation", *FACTS]
    return pd.read_parquet(path) if path.is_file() else pd.DataFrame(columns=columns)


def read_answers(folder: Path, runs: pd.DataFrame) -> Answers:
    """The answers of the runs of one row in one regime, by seed.

    Args:
        folder: of the records.
        runs: lines of `read_runs`, one a seed.
    """
    runs = runs.sort_values("seed")
    frame = pd.read_parquet(folder / f"answers_{runs['regime'].iloc[0]}.parquet", columns=[TRUTH, *runs["name"]])
    return Answers(
        truth=frame[TRUTH].to_numpy(np.int64),
        answers=[frame[name].to_numpy(np.int64) for name in runs["name"]],
        patients=pd.Series(range(len(frame))),
        images=tuple(map(str, range(len(frame)))),
        seeds=tuple(map(int, runs["seed"])),
    )


def hours(known: pd.DataFrame, runs: Sequence[Run], jobs: int = 1) -> float:
    """An estimate of the hours that runs take, at the median pace of those that are known.

    The median, since a run beside other work may take several times as long.
    """
    pace = float((spent(known) / known["samples"]).astype(float).median()) if len(known) else float("nan")
    return sum(run.samples for run in runs) * pace / jobs / 3600
