"""What a linear model reaches on true labels beside one that has products of body part and finding."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from dermimit.data.synderm import log_likelihood
from dermimit.data.synderm.ceiling import simulated


def scores(facts, cases):
    """Accuracy of `linear`, `products` and `exact` on the last quarter of the cases, of the diseases that interact."""
    prior = np.zeros(49)
    for one in facts.interactions:
        prior[list(one.diseases)] = facts.prior[list(one.diseases)]
    prior /= prior.sum()
    disease, (body, present, lesions) = simulated(facts, prior, cases, 1)
    plain = np.concatenate([np.eye(15)[body], present, np.eye(3)[lesions].reshape(-1, 9)], axis=1)
    products = [np.where(p.here[body], 1, -1) * np.where(present[:, p.finding], 1, -1) for p in facts.interactions]
    train, test = np.split(np.arange(cases), [3 * cases // 4])
    found = {}
    for name, features in (("linear", plain), ("products", np.column_stack([plain, *products]))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(max_iter=60).fit(features[train], disease[train])
        found[name] = (model.predict(features[test]) == disease[test]).mean()
    with np.errstate(divide="ignore"):
        exact = (log_likelihood(body, present, lesions, facts) + np.log(prior)).argmax(axis=1)
    return found | {"exact": (exact[test] == disease[test]).mean()}
