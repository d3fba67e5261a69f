"""A complete study by simulated readers, on drawn cases and the answers of a published run; nobody took part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.reader_study.cases import select_cases
from dermimit.reader_study.design import randomise
from dermimit.reader_study.export import tidy
from dermimit.reader_study.simulation import Assumptions, Readers, all_records, readers_of
from dermimit.records import read_json


def read_cases(run: Path, cases: int, seed: int) -> tuple[pd.DataFrame, LabelSpace]:
    """Cases from a run's published test predictions, as `key.parquet` of a study holds them, and the label space."""
    space, frame = (
        LabelSpace.from_dict(read_json(run / "label_space.json")),
        pd.read_parquet(run / "predictions.parquet"),
    )
    key = select_cases(frame[frame["split"] == "test"], cases, seed)
    chances = np.stack(key["disease_prob"].to_list()).astype(float)
    said = [space.diseases[k] for k in chances.argmax(1)]
    return key.assign(model_disease=said, model_confidence=chances.max(1)), space


def simulated_study(
    key: pd.DataFrame, space: LabelSpace, readers: int, assumptions: Assumptions, trust: float, seed: int
) -> tuple[pd.DataFrame, Readers]:
    """The tidy table of a complete study, and the readers who made it up.

    Args:
        key: from `read_cases`; its cases decide where the model is right.
        trust: the middle chance that a wrong reader takes over the model's answer.
    """
    codes = [f"R{number:02d}" for number in range(1, readers + 1)]
    plans = randomise(dict(zip(key["case"], key["half"], strict=True)), codes, seed)
    found = readers_of(key, plans, assumptions, trust, seed)
    names = {
        "diseases": list(space.diseases),
        "body_parts": list(space.body_parts),
        "attributes": list(space.attributes),
    }
    records = all_records(found, names)
    return tidy(records, key, {code: plan.sequence for code, plan in plans.items()}), found
