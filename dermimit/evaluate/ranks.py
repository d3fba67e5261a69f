"""The place of the truth in a differential."""

import numpy as np


def rank_of_truth(probability: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """1 + how many other classes are at least as probable as the true one: equals count against the model.

    Probabilities of few bits are often equal, and a model that gives every class the same must not be right.

    Args:
        probability: (n, C).
        truth: (n,) class index.

    Returns:
        (n,) in 1 .. C; the truth is among the first k where it is k or less.
    """
    own = probability[np.arange(len(truth)), truth]
    return (probability >= own[:, None]).sum(axis=1)
