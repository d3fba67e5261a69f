"""A taxonomy of disease errors: tags that say what else was so when the answer was wrong, and how much more often.

Tags of a *case* hold whatever the answer: small lesion, dark skin, a confounder, body part named wrongly, attributes
mostly found, a case whose disease even the Bayes-optimal classifier misses. Their share among errors stands beside that
among right answers, and a risk ratio says how much likelier an error is with the tag than without.
Tags of an *error* need a wrong answer: a confusable pair, an excusable error, the truth second in the differential.
For these the share by chance stands beside: the same wrong answers, permuted among the same true diseases.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.data.skin import DARK_TYPES
from dermimit.data.synderm import confusable
from dermimit.evaluate.differential import differential
from dermimit.evaluate.error_types import CASE_TAGS, CONFOUNDERS, ERROR_TAGS, MOSTLY, attribute_f1, body_right
from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval, two_level

SMALL = 1 / 3  # share of the photographs, by the lesion's area
PARTNERS = 3  # diseases that the Bayes-optimal classifier confuses most with a disease

YES, NO = "yes", "no"


def confusable_partners(diseases: Sequence[str], most: int = PARTNERS, n: int = 50_000) -> np.ndarray:
    """(49, 49) bool: row is a true disease, true where the Bayes rule itself most often confuses it with the column.

    Args:
        most: partners of each disease; a pair that is never confused is none.
        n: simulated cases.
    """
    place, table = {name: i for i, name in enumerate(diseases)}, np.zeros((len(diseases), len(diseases)))
    for a, b, share in confusable(n):
        table[place[a], place[b]] = table[place[b], place[a]] = share
    cut = -np.sort(-table, axis=1)[:, most - 1 : most]
    return (table >= cut) & (table > 0)


def tags(predictions: pd.DataFrame, facts: pd.DataFrame, label_space: LabelSpace, partners: np.ndarray) -> pd.DataFrame:
    """Every photograph with `wrong` (disease), its case tags, and its error tags (False where the answer is right).

    Args:
        predictions: test rows of a run's `predictions.parquet`, in the order of `facts`.
        facts: from `case_facts`.
        partners: from `confusable_partners`.

    Returns:
        bool columns; `body_wrong` and `attributes_mostly` only where the run has these tasks; and `truth`, `answer`.

    Raises:
        ValueError: as many facts as photographs are needed, and the skin types must be the same.
    """
    answers = differential(predictions, label_space)
    if len(answers.truth) != len(facts):
        raise ValueError(f"{len(answers.truth)} photographs and facts of {len(facts)} cases: give those of one split")
    if not np.array_equal(answers.skin.to_numpy(float), facts["fitzpatrick"].to_numpy(float)):
        row = int(np.flatnonzero(answers.skin.to_numpy(float) != facts["fitzpatrick"].to_numpy(float))[0])
        raise ValueError(
            f"row {row}: another skin type than the case's: draw the facts with the seed of the test split"
        )
    rows, answer, truth = np.arange(len(facts)), answers.probability.argmax(1), answers.truth
    ideal, own = np.stack(facts["ideal"].to_list()), answers.probability[rows, answers.truth]
    found = pd.DataFrame({"truth": truth, "answer": answer, "wrong": answer != truth})
    found["small"] = facts["area"].rank(method="average").to_numpy() <= SMALL * len(facts)
    found["dark"] = facts["fitzpatrick"].isin(DARK_TYPES).to_numpy()
    found["confounder"] = facts[list(CONFOUNDERS)].any(axis=1).to_numpy()
    for name in CONFOUNDERS:
        found[name] = facts[name].to_numpy()
    found["ideal_wrong"] = ideal.argmax(1) != truth
    if "body_part_prob" in predictions:
        found["body_wrong"] = ~body_right(predictions, label_space)
    if "attributes_prob" in predictions:
        found["attributes_mostly"] = attribute_f1(predictions, label_space) >= MOSTLY - 1e-9
    wrong = found["wrong"].to_numpy()
    found["pair"] = wrong & partners[truth, answer]
    found["excusable"] = wrong & (ideal[rows, answer] >= ideal[rows, truth])
    found["second"] = wrong & ((answers.probability > own[:, None]).sum(1) == 1)
    return found


def case_table(
    seeds: Sequence[pd.DataFrame], patients: Sequence[str], resamples: int = 2000
) -> list[dict[str, object]]:
    """How each case tag goes with errors, over seeds.

    Args:
        seeds: from `tags`, of the same photographs.
        patients: of each photograph.

    Returns:
        for each tag: `tag, photographs` (mean number that have it); `among_wrong`, `among_right`, the shares that have
        it; `error_with`, `error_without`, the shares that are wrong; `ratio` = error_with / error_without; each with
        _low and _high, 95 % over patients and seeds (of the ratio on the logarithm).
    """
    draws, lines = patient_draws(patients, resamples), []
    for tag in (name for name in CASE_TAGS if name in seeds[0]):
        found = [_rates(one[tag].to_numpy(bool), one["wrong"].to_numpy(bool), draws) for one in seeds]
        line: dict[str, object] = {"tag": tag, "photographs": float(np.mean([one[tag].sum() for one in seeds]))}
        for name in found[0][0]:
            scale = np.log if name == "ratio" else np.asarray
            observed, drawn = (scale(np.array([one[k][name] for one in found])) for k in (0, 1))
            ends = percentile_interval(two_level(drawn, observed))
            back = np.exp if name == "ratio" else float
            line |= {name: float(back(observed.mean())), f"{name}_low": float(back(ends[0]))}
            line[f"{name}_high"] = float(back(ends[1]))
        lines.append(line)
    return lines


Shares = dict[str, np.ndarray | float]


def _rates(tag: np.ndarray, wrong: np.ndarray, draws: Draws) -> tuple[Shares, Shares]:
    """The shares of one seed as they are, and on each resample."""
    counted = np.stack([tag & wrong, tag & ~wrong, ~tag & wrong, ~tag & ~wrong], axis=1).astype(float)
    return _of_counts(counted.sum(0)), _of_counts(draws.sums(counted))


def _of_counts(counts: np.ndarray) -> Shares:
    """Shares from counts: tagged and wrong, tagged and right, untagged and wrong, untagged and right; at least half."""
    a, b, c, d = np.maximum(counts, 0.5)
    shares = {"among_wrong": a / (a + c), "among_right": b / (b + d)}
    shares |= {"error_with": a / (a + b), "error_without": c / (c + d)}
    return shares | {"ratio": shares["error_with"] / shares["error_without"]}


def error_table(
    seeds: Sequence[pd.DataFrame], patients: Sequence[str], partners: np.ndarray, ideal: np.ndarray,
    resamples: int = 2000,
) -> list[dict[str, object]]:  # fmt: skip
    """Share of errors that have each error tag, over seeds, beside what chance gives.

    Chance: each error is given the answers of all other errors that are not its own truth. `second` has none.

    Args:
        ideal: (n, 49) of `case_facts`.

    Returns:
        `tag, share, share_low, share_high, chance` (NaN where there is none).
    """
    draws, lines = patient_draws(patients, resamples), []
    for tag in ERROR_TAGS:
        wrong = [one["wrong"].to_numpy(float) for one in seeds]
        hits = [one[tag].to_numpy(float) for one in seeds]
        drawn = np.stack(
            [draws.sums(h[:, None])[0] / draws.sums(w[:, None])[0] for h, w in zip(hits, wrong, strict=True)]
        )
        observed = [h.sum() / w.sum() for h, w in zip(hits, wrong, strict=True)]
        low, high = percentile_interval(two_level(drawn, observed))
        chance = float(np.mean([by_chance(one, tag, partners, ideal) for one in seeds]))
        lines.append(
            {"tag": tag, "share": float(np.mean(observed)), "share_low": low, "share_high": high, "chance": chance}
        )
    return lines


def by_chance(one: pd.DataFrame, tag: str, partners: np.ndarray, ideal: np.ndarray) -> float:
    """Share of errors with the tag if the wrong answers were permuted among the errors."""
    rows = np.flatnonzero(one["wrong"].to_numpy())
    truth, answer = one["truth"].to_numpy()[rows], one["answer"].to_numpy()[rows]
    dealt = np.bincount(answer, minlength=len(partners)).astype(float)
    weights = np.tile(dealt, (len(rows), 1))
    weights[np.arange(len(rows)), truth] = 0
    if tag == "pair":
        fits = partners[truth]
    elif tag == "excusable":
        fits = ideal[rows] >= ideal[rows, truth][:, None]
    else:
        return float("nan")
    return float(((weights * fits).sum(1) / weights.sum(1)).mean())


def compared(first: Sequence[pd.DataFrame], second: Sequence[pd.DataFrame], patients: Sequence[str],
             resamples: int = 2000) -> list[dict[str, object]]:  # fmt: skip
    """Share of wrong answers of two models among the photographs with each tag that does not depend on a network.

    Args:
        first, second: from `tags`, seed by seed, of the same photographs.

    Returns:
        `tag, photographs, first, second, difference` (first − second) with its interval, `all` photographs first.
    """
    draws, lines = patient_draws(patients, resamples), []
    own = [tag for tag in CASE_TAGS if tag not in ("body_wrong", "attributes_mostly")]
    for tag in ("all", *own):
        kept = np.ones(len(first[0])) if tag == "all" else first[0][tag].to_numpy(float)
        count = np.maximum(draws.sums(kept[:, None])[0], 1)
        wrong = [[one["wrong"].to_numpy(float) * kept for one in model] for model in (first, second)]
        drawn = np.stack([(draws.sums((a - b)[:, None])[0]) / count for a, b in zip(*wrong, strict=True)])
        rates = np.array([[w.sum() / max(kept.sum(), 1) for w in model] for model in wrong])
        low, high = percentile_interval(two_level(drawn, rates[0] - rates[1]))
        line = {"tag": tag, "photographs": int(kept.sum()), "first": float(rates[0].mean())}
        line |= {"second": float(rates[1].mean()), "difference": float((rates[0] - rates[1]).mean())}
        lines.append(line | {"difference_low": low, "difference_high": high})
    return lines
