"""Answers as one tidy table: a row an answer, with the truth, what the model said, and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermimit.reader_study.answers import Record
from dermimit.reader_study.design import STEPS
from dermimit.reader_study.kept import answers_of
from dermimit.reader_study.private import write_private

if TYPE_CHECKING:
    from dermimit.reader_study.study import Study

ANSWER = ["reader", "sequence", "period", "position", "case", "arm", "step", "body_part", "attributes", "differential",
          "confidence", "seconds", "interruptions", "saved"]  # fmt: skip
TRUTH = {"disease": "true_disease", "body_part": "true_body_part", "attributes": "true_attributes",
         "attributes_unknown": "unknown_attributes"}  # fmt: skip
CASE = ["case", *TRUTH.values(), "skin_group", "model_disease", "model_confidence"]


def tidy(records: Iterable[Record], key: pd.DataFrame, sequences: Mapping[str, str]) -> pd.DataFrame:
    """One row an answer.

    Args:
        records: as the answer files hold them.
        key: the study's cases with truth and the model's answer.
        sequences: reader -> sequence.

    Returns:
        the answer; `true_disease`, `true_body_part`, `true_attributes`, `unknown_attributes`, `skin_group`,
        `model_disease`, `model_confidence`; and the scores: `rank` (place of the true disease, missing where it is not
        named), `right` (rank 1), `top3`, `body_part_right` and `attribute_f1` (missing where the truth is not known),
        `model_right`, `follows` (the first disease is the model's). Neither file names nor patients.

    Raises:
        ValueError: no answers yet.
    """
    frame = pd.DataFrame(list(records))
    if frame.empty:
        raise ValueError("no answers yet: nothing to export")
    frame["sequence"] = frame["reader"].map(dict(sequences))
    key = key if "attributes_unknown" in key else key.assign(attributes_unknown=None)  # of a study of an older version
    known = key.rename(columns=TRUTH)[CASE]
    return _scored(frame[ANSWER].merge(known, on="case", how="left", validate="many_to_one"))


def _scored(frame: pd.DataFrame) -> pd.DataFrame:
    said = frame["differential"].map(lambda names: names[0])
    pairs = zip(frame["differential"], frame["true_disease"], strict=True)
    frame["rank"] = pd.array([list(names).index(t) + 1 if t in names else None for names, t in pairs], dtype="Int64")
    frame["right"] = said == frame["true_disease"]
    frame["top3"] = (frame["rank"] <= 3).fillna(False).astype(bool)
    frame["body_part_right"] = [_part(*pair) for pair in zip(frame["body_part"], frame["true_body_part"], strict=True)]
    columns = ("attributes", "true_attributes", "unknown_attributes")
    frame["attribute_f1"] = [attribute_f1(*each) for each in zip(*(frame[name] for name in columns), strict=True)]
    frame["model_right"] = frame["model_disease"] == frame["true_disease"]
    frame["follows"] = said == frame["model_disease"]
    return frame


def _part(said: object, true: object) -> float:
    """1 or 0; missing where the truth is not known. Where a photograph shows several parts, one of them will do."""
    if isinstance(true, list | np.ndarray):
        return float(said in list(true))
    return np.nan if pd.isna(true) else float(said == true)


def attribute_f1(said: Iterable[str], true: Iterable[str] | None, unknown: Iterable[str] | None = None) -> float:
    """2 |said ∩ true| / (|said| + |true|), 1 where both are empty; missing where the truth is not known.

    Args:
        unknown: attributes of which it is not known whether they hold: they count neither as said nor as true.
    """
    if true is None or isinstance(true, float):
        return np.nan
    one, other = set(said), set(true)
    if unknown is not None and not isinstance(unknown, float):
        one -= set(unknown)
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def records_of(study: Study) -> list[Record]:
    """All answers of a study, reader by reader."""
    return [record for reader in study.plans for record in answers_of(study, reader).records]


def export_study(study: Study, out: Path) -> int:
    """Write the tidy table of a study and return its number of rows; an unfinished study is exported as it is. Only the
    owner of the file may read it.

    Raises:
        ValueError: no answers yet, or an answer file is damaged.
    """
    sequences = {reader: plan.sequence for reader, plan in study.plans.items()}
    frame = tidy(records_of(study), study.key, sequences)
    write_private(out, lambda draft: frame.to_parquet(draft, compression="zstd", index=False))
    return len(frame)


def missing_answers(study: Study) -> dict[str, int]:
    """How many answers each reader still owes; readers who have finished are left out."""
    each = 2 * len(study.key) * len(STEPS)
    missing = {reader: each - len(answers_of(study, reader).records) for reader in study.plans}
    return {reader: count for reader, count in missing.items() if count}
