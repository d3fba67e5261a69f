"""What is not recorded can give the diagnosis away: missing answers of PAD-UFES-20 by disease."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from dermimit.data import pad_ufes_20
from dermimit.data.tables import read_table
from dermimit.evaluate.comparisons import macro_f1
from dermimit.evaluate.statistics import bootstrap_interval

ANSWERS = ("smoke", "drink", "background_father", "background_mother", "pesticide", "gender", "skin_cancer_history")
ANSWERS += ("cancer_history", "has_piped_water", "has_sewage_system", "fitspatrick", "diameter_1", "diameter_2")
CANCERS = ("BCC", "MEL", "SCC")


def read_answers(root: Path) -> pd.DataFrame:
    """patient_id, diagnostic and, for each of ANSWERS, whether it is missing; one row a photograph."""
    table = read_table(root / pad_ufes_20.METADATA_FILE, ("patient_id", "diagnostic", *ANSWERS), "PAD-UFES-20")
    missing = {name: table[name].isna() | table[name].str.upper().isin(pad_ufes_20.NOT_GIVEN) for name in ANSWERS}
    return table[["patient_id", "diagnostic"]].assign(**missing)


def missing_shares(answers: pd.DataFrame) -> pd.DataFrame:
    """Share of photographs without each answer, 0..1: one row a disease, one column an answer."""
    return answers.groupby("diagnostic")[list(ANSWERS)].mean()


def told_by_missing(answers: pd.DataFrame, seed: int = 42, resamples: int = 1000) -> list[dict[str, object]]:
    """How well the disease is told from the missing answers alone, never from what was answered.

    A decision tree on the 0/1 flags, out of fold in five folds by patient; and the share of missing flags as a score
    for cancer (BCC, MEL, SCC) against the rest. Intervals: bootstrap over patients.

    Returns:
        rows of `measure, value, low, high, guess`, where `guess` is what an answer without information gets.
    """
    names = list(pad_ufes_20.DISEASE_NAMES)
    truth = answers["diagnostic"].map(names.index).to_numpy()
    flags, patients = answers[list(ANSWERS)].to_numpy(float), answers["patient_id"].to_numpy(str)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    answer = cross_val_predict(DecisionTreeClassifier(random_state=seed), flags, truth, groups=patients, cv=folds)
    cancer, recorded = np.isin(answers["diagnostic"], CANCERS), 1 - flags.mean(axis=1)
    commonest = np.bincount(truth).argmax()
    measures = {
        "accuracy": (lambda k: float((truth[k] == answer[k]).mean()), float((truth == commonest).mean())),
        "balanced accuracy": (lambda k: float(balanced_accuracy_score(truth[k], answer[k])), 1 / len(names)),
        "macro-F1": (lambda k: macro_f1(truth[k], answer[k]), macro_f1(truth, np.full_like(truth, commonest))),
        "AUROC, cancer or not": (lambda k: float(roc_auc_score(cancer[k], recorded[k])), 0.5),
    }
    rows = []
    for name, (measure, guess) in measures.items():
        low, high = bootstrap_interval(measure, len(truth), groups=patients, resamples=resamples)
        value = measure(np.arange(len(truth)))
        rows.append({"measure": name, "value": value, "low": low, "high": high, "guess": guess})
    return rows
