"""Scores for a model card, from answers out of fold: of all photographs, by disease, skin type and body region."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.skin import fitzpatrick_label
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import answers_of_folds, scored, share
from dermimit.evaluate.resampling import Draws, patient_draws
from dermimit.evaluate.subgroups import FEWEST, NOT_RECORDED

OVERALL = ("macro_f1", "balanced_accuracy", "accuracy")


def card_scores(answers: pd.DataFrame, photos: pd.DataFrame, diseases: tuple[str, ...], resamples: int = 2000) -> dict:
    """The scores of a card.

    Args:
        answers: of one row, as `dermimit.evaluate.out_of_fold.collect` makes them, a frame a seed stacked.
        photos: the manifest of the dataset.
        diseases: names in the order of the probabilities.
        resamples: of the patients, for the 95 % intervals, which also cover the seeds where there are several.

    Returns:
        `seeds, photographs, patients`; macro_f1, balanced_accuracy and accuracy, each [value, low, high]; `classes`:
        lines with `group, photographs, patients`, and recall [value, low, high] and precision, means over seeds;
        `skin` and `regions`: lines with `group, photographs, patients` and `accuracy` [value, low, high]. A group of
        fewer than `FEWEST` photographs is `small`, and has no score.

    Raises:
        ValueError: the answers are of several rows, or of a photograph that is not in the manifest.
    """
    if answers["row"].nunique() != 1:
        raise ValueError(f"the answers are of {answers['row'].nunique()} rows: name the one that is published")
    (these,) = answers_of_folds(answers, diseases).values()
    where = photos.set_index(photos["image"].map(lambda name: Path(name).stem))
    if unknown := sorted(set(these.images) - set(where.index)):
        raise ValueError(f"the answers are of {unknown[0]}, which is not among the photographs of the dataset")
    part = where.loc[list(these.images)].reset_index(drop=True)
    (line,) = scored({"published": these}, diseases, resamples)
    found: dict[str, Any] = {"seeds": len(these.seeds), "photographs": len(part), "patients": int(line["patients"])}
    found |= {name: [line[name], line[f"{name}_low"], line[f"{name}_high"]] for name in OVERALL}
    draws = patient_draws(these.patients, resamples)
    skin = part["fitzpatrick"].map(lambda kind: NOT_RECORDED if pd.isna(kind) else fitzpatrick_label(kind))
    region = part["body_part"].map(lambda name: NOT_RECORDED if pd.isna(name) else name)
    return found | {
        "classes": classes(these, diseases, line["recall"]),
        "skin": groups(these, skin, draws, sorted(skin.unique())),
        "regions": groups(these, region, draws, list(region.value_counts().index)),
    }


def classes(these: Answers, diseases: tuple[str, ...], recall: dict[str, list[float]]) -> list[dict[str, Any]]:
    """A line a disease."""
    lines = []
    for i, name in enumerate(diseases):
        here = these.truth == i
        line = counted(these, here, name)
        if here.sum() < FEWEST:
            lines.append(line | {"small": True})
            continue
        said = [(these.truth[answer == i] == i).mean() for answer in these.answers if (answer == i).any()]
        lines.append(line | {"recall": recall[name], "precision": float(np.mean(said)) if said else None})
    return lines


def groups(these: Answers, group: pd.Series, draws: Draws, order: list[str]) -> list[dict[str, Any]]:
    """A line a group, with the share of right answers in it."""
    right = np.stack([these.truth == answer for answer in these.answers], axis=1).astype(float)
    lines = []
    for name in order:
        here = (group == name).to_numpy()
        line = counted(these, here, name)
        if here.sum() < FEWEST:
            lines.append(line | {"small": True})
            continue
        values = right[here].mean(axis=0)
        drawn = Draws(draws.patient[here], draws.weights).means(right[here])
        lines.append(line | {"accuracy": share(values, drawn, line["patients"])})
    return lines


def counted(these: Answers, here: np.ndarray, name: str) -> dict[str, Any]:
    """How many photographs and patients a group has."""
    patients = these.patients[here]
    alone = int(patients.isna().sum())
    return {"group": name, "photographs": int(here.sum()), "patients": int(patients.nunique()) + alone}
