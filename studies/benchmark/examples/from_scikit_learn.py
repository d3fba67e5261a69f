"""Answers of a scikit-learn model to a benchmark with folds: each fold by a model fitted to the other folds.

    dermimit benchmark show pad_ufes_20 --out folds.csv
    python from_scikit_learn.py features.csv folds.csv --out answers.csv

features.csv has a column `image` and columns of numbers, such as the features of a frozen network. Put your own model
in the place of MODEL; what chooses its settings must see the other folds alone, as cross-validation inside fit does.
"""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.base import ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))


def answers(model: ClassifierMixin, features: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """`image`, and a column of probabilities for each disease.

    Args:
        model: with `predict_proba`.
        features: one row for each image, which is its index.
        folds: `image`, `disease` and `fold`.
    """
    classes, parts = sorted(folds["disease"].unique()), []
    for fold in sorted(folds["fold"].unique()):
        train, test = folds[folds["fold"] != fold], folds[folds["fold"] == fold]
        fitted = clone(model).fit(features.loc[train["image"]], train["disease"])
        p = pd.DataFrame(fitted.predict_proba(features.loc[test["image"]]), test["image"], fitted.classes_)
        parts.append(p.reindex(columns=classes, fill_value=0.0))  # 0 for a disease that training has not seen
    return pd.concat(parts).rename_axis("image").reset_index()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("folds", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    table = answers(MODEL, pd.read_csv(given.features, index_col="image"), pd.read_csv(given.folds))
    table.to_csv(given.out, index=False)
