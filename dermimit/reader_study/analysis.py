"""What a finished reader study says: the gain by the model's evidence, agreement, calibration, and over-reliance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.resampling import percentile_interval
from dermimit.evaluate.statistics import count_interval
from dermimit.extras import extra
from dermimit.reader_study.design import FIRST, REVISED, WITH, WITHOUT
from dermimit.reader_study.model import crossed_mean

Line = dict[str, Any]
ENDPOINTS = {
    "right": "first disease correct (primary)",
    "top3": "true disease among the first three",
    "body_part_right": "body part correct",
    "attribute_f1": "attributes, F1",
}
RELIANCE = {  # name: (was right, model right, now right)
    "correct reader, wrong model: then wrong": (True, False, False),
    "wrong reader, correct model: then correct": (False, True, True),
    "correct reader, correct model: then wrong": (True, True, False),
    "wrong reader, wrong model: then correct": (False, False, True),
}


def pairs_of(frame: pd.DataFrame, value: str, step: str = REVISED) -> pd.DataFrame:
    """Each reader's two readings of each case side by side.

    Args:
        frame: from `reader_export.tidy`.
        value: column to compare.
        step: "revised", or "first" as a check: these answers were given before anybody knew the arm.

    Returns:
        `reader, case, with, without, difference` and `with_first` (1 where the model came in the first period, else
        −1), for pairs of which both values are known.
    """
    rows = frame[frame["step"] == step].assign(value=lambda f: f[value].astype(float))
    wide = rows.pivot(index=["reader", "case"], columns="arm", values="value").reindex(columns=[WITH, WITHOUT])
    order = rows[rows["arm"] == WITH].set_index(["reader", "case"])["period"].map({1: 1, 2: -1})
    wide = wide.assign(difference=wide[WITH] - wide[WITHOUT], with_first=order).dropna().reset_index()
    return wide.rename_axis(columns=None)


def enough(pairs: pd.DataFrame) -> bool:
    """Whether `crossed_mean` has enough pairs of `pairs_of` to tell readers and cases apart."""
    readers, cases = pairs["reader"].nunique(), pairs["case"].nunique()
    return min(readers, cases) >= 2 and len(pairs) >= readers + cases


def without_period(difference: np.ndarray, with_first: np.ndarray) -> tuple[np.ndarray, float]:
    """The differences less what the second period adds, by least squares; and that amount.

    A case read with the model in the second period gains the second period's advantage π, one read with it in the
    first loses it: difference = μ − π · with_first.
    """
    order = with_first - with_first.mean()
    if not order.any():
        return difference, 0.0
    period = float(-(order @ difference) / (order @ order))
    return difference + period * with_first, period


def gain(frame: pd.DataFrame, value: str = "right", step: str = REVISED) -> Line:
    """The mean gain by the model's evidence, readers and cases random: `CrossedMean`, both means, the period effect.

    A linear probability model: the gain is wanted in points, which is what a clinic weighs; readers and cases may
    differ in how much they gain, since the difference is taken within each pair; and no complete table is needed.
    """
    pairs = pairs_of(frame, value, step)
    difference, period = without_period(pairs["difference"].to_numpy(float), pairs["with_first"].to_numpy(float))
    found = crossed_mean(difference, pairs["reader"], pairs["case"])
    means = {arm: float(pairs[arm].mean()) for arm in (WITH, WITHOUT)}
    return {"endpoint": value, **means, **asdict(found), "period": period}


def gains(frame: pd.DataFrame) -> list[Line]:
    """`gain` for each endpoint that is known often enough, and the check on first answers, which should show none."""
    known = [value for value in ENDPOINTS if enough(pairs_of(frame, value, REVISED))]
    lines = [gain(frame, value) | {"name": ENDPOINTS[value]} for value in known]
    return [*lines, gain(frame, "right", FIRST) | {"name": "check: first answers, before the model was shown"}]


def gains_by(frame: pd.DataFrame, column: str) -> list[Line]:
    """The primary gain within the groups of a column of cases; groups that are too small are left out."""
    lines = []
    for name, rows in frame.groupby(column):
        pairs = pairs_of(rows, "right", REVISED)
        if pairs["case"].nunique() >= 4 and enough(pairs):
            lines.append({"group": name, "cases": pairs["case"].nunique(), **gain(rows)})
    return lines


def odds_ratio(frame: pd.DataFrame) -> Line:
    """The same question on the scale of odds: right ~ aided + second period, normal effects of readers and cases.

    `BinomialBayesMixedGLM` of statsmodels by variational Bayes. A check of the primary analysis and not in its place:
    its intervals are known to be too narrow, and readers do not differ in how much they gain.
    """
    with extra("reader-study"):
        from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    rows = frame[frame["step"] == REVISED]
    aided, second = (rows["arm"] == WITH).astype(int), (rows["period"] == 2).astype(int)
    data = rows[["reader", "case"]].assign(right=rows["right"].astype(int), aided=aided, second=second)
    random = {"reader": "0 + C(reader)", "case": "0 + C(case)"}
    fitted = BinomialBayesMixedGLM.from_formula("right ~ aided + second", random, data).fit_vb()
    place = fitted.model.exog_names.index("aided")
    value, sd = float(fitted.fe_mean[place]), float(fitted.fe_sd[place])
    return {"value": float(np.exp(value)), "low": float(np.exp(value - 1.96 * sd)),
            "high": float(np.exp(value + 1.96 * sd)), "n": len(data)}  # fmt: skip


def agreement(frame: pd.DataFrame, resamples: int = 500) -> list[Line]:
    """Fleiss' kappa of the first disease among readers, before and after, by arm; intervals by resampling cases.

    Only cases that all readers have read count. Kappa is NaN for one reader, no such case, or answers that are all the
    same, and its interval for one case.
    """
    with extra("reader-study"):
        from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    lines = []
    for step, arm in ((FIRST, WITHOUT), (REVISED, WITHOUT), (FIRST, WITH), (REVISED, WITH)):
        rows = frame[(frame["step"] == step) & (frame["arm"] == arm)]
        said = rows.assign(said=pd.factorize(rows["differential"].map(lambda names: names[0]))[0])
        table = said.pivot(index="case", columns="reader", values="said").dropna().to_numpy(int)
        line = {"step": step, "arm": arm, "kappa": np.nan, "low": np.nan, "high": np.nan}
        if len(table) and table.shape[1] > 1:
            counts, rng = aggregate_raters(table)[0], np.random.default_rng(0)
            with np.errstate(invalid="ignore"):  # kappa does not exist where all answers are the same
                drawn = [fleiss_kappa(counts[rng.integers(len(counts), size=len(counts))]) for _ in range(resamples)]
                line["kappa"] = float(fleiss_kappa(counts))
            if len(table) > 1:
                line["low"], line["high"] = percentile_interval(np.array(drawn))
        lines.append(line | {"cases": len(table), "readers": table.shape[1]})
    return lines


def share(rows: pd.DataFrame, hit: str, resamples: int = 2000, seed: int = 0) -> Line:
    """A share with an interval by drawing readers and cases, each with replacement (the pigeonhole bootstrap).

    Where all rows are alike resampling says nothing, and Wilson's interval is given, as if answers were independent.

    Args:
        rows: columns `reader`, `case` and `hit`.

    Source: Owen, Ann. Appl. Stat. 1 (2007).
    """
    values, n = rows[hit].to_numpy(float), len(rows)
    found: Line = {"hits": int(values.sum()), "n": n, "value": float(values.mean()) if n else float("nan")}
    if not n or values.min() == values.max():
        low, high = count_interval(found["hits"], n) if n else (float("nan"), float("nan"))
        return found | {"low": low, "high": high}
    rng, weights = np.random.default_rng(seed), np.ones((n, resamples))
    for column in ("reader", "case"):
        code, names = pd.factorize(rows[column])
        weights *= rng.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples).T[code]
    drawn = weights.sum(0) > 0
    low, high = percentile_interval((values @ weights)[drawn] / weights.sum(0)[drawn])
    return found | {"low": low, "high": high}


def looks(frame: pd.DataFrame) -> pd.DataFrame:
    """Both looks of each reading in one row: `was`, `now`, `model_right` (bool) and whether they follow the model."""
    index = ["reader", "period", "case", "arm", "model_right"]
    wide = frame.pivot(index=index, columns="step", values=["right", "follows"])
    wide = wide.reindex(columns=pd.MultiIndex.from_product([["right", "follows"], [FIRST, REVISED]])).dropna()
    wide.columns = ["_".join(names) for names in wide.columns]
    found = wide.astype(bool).reset_index()
    return found.rename(columns={f"right_{FIRST}": "was", f"right_{REVISED}": "now"})


def reliance(frame: pd.DataFrame) -> list[Line]:
    """How often readers are pulled, by what they and the model had right; without the model as the yardstick.

    The first row is over-reliance: a wrong model pulls a right reader. Without the model "model right" is what it would
    have said: these rows show how often a second look alone changes an answer.
    """
    lines = []
    for name, (was, model, now) in RELIANCE.items():
        for arm in (WITH, WITHOUT):
            seen = looks(frame)
            rows = seen[(seen["arm"] == arm) & (seen["was"] == was) & (seen["model_right"] == model)]
            lines.append({"name": name, "arm": arm, **share(rows.assign(hit=rows["now"] == now), "hit")})
    return lines


def calibration(frame: pd.DataFrame) -> list[Line]:
    """Share of right answers by how sure readers were, for final answers of each arm."""
    rows = frame[frame["step"] == REVISED]
    grouped = rows.groupby(["arm", "confidence"])
    return [{"arm": arm, "confidence": int(sure), **share(few, "right", 500)} for (arm, sure), few in grouped]


def overconfidence(frame: pd.DataFrame) -> list[Line]:
    """Mean of confidence − right for each step and arm (0 is calibrated in the large), and the Brier score."""
    lines = []
    for (arm, step), rows in frame.groupby(["arm", "step"]):
        sure, right = rows["confidence"] / 100, rows["right"].astype(float)
        found = crossed_mean(sure - right, rows["reader"], rows["case"])
        lines.append({"arm": arm, "step": step, **asdict(found), "brier": float(((sure - right) ** 2).mean())})
    return lines


def seconds(frame: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles of the time in sight, in seconds, by arm and step."""
    quartiles = frame.groupby(["arm", "step"])["seconds"].quantile([0.25, 0.5, 0.75]).unstack()
    return quartiles.set_axis(["lower quartile", "median", "upper quartile"], axis=1).reset_index()
