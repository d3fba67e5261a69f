"""The nearest photographs vote."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.neighbors import KNeighborsClassifier

TEMPERATURE = 0.07


def nearest(
    train: Float[np.ndarray, "n d"], classes: Int[np.ndarray, " n"], test: Float[np.ndarray, "m d"], k: int, size: int
) -> Float[np.ndarray, "m {size}"]:
    """Probability of each class for each test photograph, from its k nearest training photographs.

    Neighbours are those of largest cosine c, and vote with the weight exp(c / 0.07).

    Args:
        train, test: features.
        classes: of the training photographs, in 0 .. `size` - 1.
        k: neighbours.
        size: number of classes; one without training photograph gets 0.

    Raises:
        ValueError: fewer than k training photographs.

    Source: Wu et al., CVPR 2018, section 3.4; Caron et al. (DINO), ICCV 2021, who take k = 20.
    """
    if k > len(train):
        raise ValueError(f"--neighbours {k}: a fold leaves {len(train)} photographs to learn from; give fewer")
    model = KNeighborsClassifier(k, weights=votes, metric="cosine", algorithm="brute").fit(train, classes)
    answer = np.zeros((len(test), size))
    answer[:, model.classes_] = model.predict_proba(test)
    return answer


def votes(distances: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
    """exp(c / 0.07) of cosine distances 1 - c, over that of the nearest: no row of votes is all zero."""
    return np.exp((distances.min(axis=1, keepdims=True) - distances) / TEMPERATURE)
