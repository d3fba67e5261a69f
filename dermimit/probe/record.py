"""The folder of a probe: whose it is, what is written there, and its answers for a comparison with other models."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.out_of_fold import COLUMNS
from dermimit.probe.config import PROBABILITY, ProbeConfig
from dermimit.records import read_json, write_json, write_parquet

CONFIG, ANSWERS, METRICS, PROVENANCE = "config.json", "answers.parquet", "metrics.json", "provenance.json"


def is_finished(config: ProbeConfig) -> bool:
    """Whether the folder holds this probe, finished.

    Raises:
        ValueError: the folder holds something else.
    """
    out, now = config.out, described(config)
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: name a folder as --out")
    if not (out / CONFIG).exists():
        if (out / METRICS).exists():
            raise ValueError(f"{out} holds another record ({METRICS}): choose another --out")
        return False
    there = read_json(out / CONFIG)
    if changed := [name for name in {**now, **there} if there.get(name) != now.get(name)]:
        was = f"{changed[0]}: {there.get(changed[0])!r}, now {now.get(changed[0])!r}"
        raise ValueError(
            f"{out / CONFIG} is of another run or probe ({was}): choose another --out, or delete the folder"
        )
    return (out / METRICS).exists()


def described(config: ProbeConfig) -> dict[str, Any]:
    """The content of config.json."""
    return {"record": "probe", **config.to_dict()}


def write_record(
    config: ProbeConfig, answers: pd.DataFrame, metrics: dict[str, Any], provenance: dict[str, Any]
) -> None:
    """Writes the record; metrics.json last, since it says that the probe is finished."""
    write_json(config.out / CONFIG, described(config))
    write_parquet(config.out / ANSWERS, answers)
    write_json(config.out / PROVENANCE, provenance)
    write_json(config.out / METRICS, metrics)


def read_metrics(out: Path) -> dict[str, Any]:
    """The scores of a finished probe.

    Raises:
        FileNotFoundError: there is none.
    """
    if not (out / METRICS).exists():
        raise FileNotFoundError(f"{out} is not a finished probe: {METRICS} is missing; run it again")
    return read_json(out / METRICS)


def out_of_fold(out: Path, prefix: str = "") -> pd.DataFrame:
    """The answers of a finished probe as `dermimit.evaluate.out_of_fold` takes those of trained models.

    Args:
        out: its folder.
        prefix: put before the names of the rows.

    Returns:
        the columns of `collect`: `seed` is the number of the split, `image` the stem of the file, `probability` in the
        order of the classes in metrics.json. With the default seed, split 0 has the folds that `fold` of PAD-UFES-20
        has.
    """
    classes = read_metrics(out)["classes"]
    frame = pd.read_parquet(out / ANSWERS)
    probability = frame[[PROBABILITY + name for name in classes]].to_numpy(np.float32)
    frame = frame.assign(
        row=prefix + frame["row"],
        seed=frame["split"],
        image=[Path(name).stem for name in frame["image"]],
        patient_id=frame["group"],
        probability=list(probability),
    )
    return frame[COLUMNS]
