"""Logistic regression on standardised features, its penalty chosen within the training photographs."""

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

STEPS = 5000
INNER = 3  # folds within the training photographs


def logistic(
    train: Float[np.ndarray, "n d"],
    classes: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    test: Float[np.ndarray, "m d"],
    penalties: Sequence[float],
    size: int,
    seed: int,
) -> tuple[Float[np.ndarray, "m {size}"], float]:
    """Probability of each class for each test photograph, and the C that was used.

    scikit-learn's StandardScaler and LogisticRegression(C, class_weight="balanced"): every class weighs the same. Of
    several C the one with the best macro-F1 in three folds of the training photographs is taken, by group and balanced
    by class; the middle one where there are too few groups for that.

    Args:
        train, test: features.
        classes: of the training photographs, in 0 .. `size` - 1.
        groups: of the training photographs.
        penalties: C, the inverse strength of the L2 penalty, or several to choose from.
        size: number of classes; one without training photograph gets 0.
        seed: of the inner folds.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=STEPS))
    parameter, chosen = "logisticregression__C", penalties[len(penalties) // 2]
    answer = np.zeros((len(test), size))
    inner = inner_folds(classes, groups, seed) if len(penalties) > 1 else []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        if inner:
            search = GridSearchCV(model, {parameter: list(penalties)}, scoring="f1_macro", cv=inner)
            model = search.fit(train, classes)
            chosen = search.best_params_[parameter]
        else:
            model.set_params(**{parameter: chosen}).fit(train, classes)
    if caught:
        warnings.warn(f"a logistic regression did not converge in {STEPS} steps: give a smaller --C", stacklevel=2)
    answer[:, model.classes_] = model.predict_proba(test)
    return answer, float(chosen)


def inner_folds(
    classes: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and test rows of the folds in which C is chosen, without those that leave one class to learn from."""
    count = min(INNER, len(np.unique(groups)), int(np.bincount(classes).max()))
    if count < 2:
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(classes, classes, groups)
        return [(rest, held) for rest, held in folds if len(np.unique(classes[rest])) > 1]
