"""Cross-validated experiments on a real dataset: out-of-fold answers, kept by image and scored by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, recall_score

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import estimate
from dermimit.evaluate.resampling import Draws, balanced_accuracy_draws, patient_draws, percentile_interval, two_level
from dermimit.evaluate.significance import t_test
from dermimit.evaluate.statistics import count_interval

COLUMNS = ["row", "seed", "fold", "image", "patient_id", "disease", "probability"]


def collect(runs: Sequence[Path], row: str = "", seed: int = 0) -> pd.DataFrame:
    """Join the test predictions of the runs of all folds: who said what of which photograph, and no pixel of it.

    Args:
        runs: one finished run for each fold, in the order of the folds.
        row, seed: names to write beside them.

    Returns:
        `COLUMNS`, by image: `image` is the stem of the file, `probability` float16 in the order of the label space.

    Raises:
        ValueError: a photograph was tested in two folds, or two have one stem.
    """
    frames = [pd.read_parquet(run / "predictions.parquet").assign(fold=fold) for fold, run in enumerate(runs)]
    whole = pd.concat([frame[(frame["split"] == "test") & frame["disease"].notna()] for frame in frames])
    if whole["image"].duplicated().any():
        twice = whole.loc[whole["image"].duplicated(), "image"].iloc[0]
        raise ValueError(f"{twice} was tested twice, in {', '.join(map(str, runs))}: are these folds of one dataset?")
    stems = whole["image"].map(lambda name: Path(name).stem)
    if stems.duplicated().any():
        both = " and ".join(whole.loc[stems == stems[stems.duplicated().to_numpy()].iloc[0], "image"].head(2))
        raise ValueError(f"{both} have one name without folder and suffix, by which answers are joined: rename one")
    whole = whole.assign(row=row, seed=seed, image=stems)
    whole["probability"] = [np.asarray(p, dtype=np.float16) for p in whole["disease_prob"]]
    return whole.sort_values("image")[COLUMNS].reset_index(drop=True)


def answers_of_folds(frame: pd.DataFrame, diseases: Sequence[str]) -> dict[str, Answers]:
    """The answers of every row and seed of a frame that `collect` made, several of them stacked.

    Args:
        frame: with `COLUMNS`.
        diseases: names in the order of the probabilities.

    Returns:
        row -> its answers, in the order of the frame; images by name.

    Raises:
        ValueError: two seeds of a row answer for different photographs.
    """
    place, rows = {name: i for i, name in enumerate(diseases)}, {}
    for row, of_row in frame.groupby("row", sort=False):
        seeds = {int(seed): part.sort_values("image") for seed, part in of_row.groupby("seed")}
        first = next(iter(seeds.values()))
        for seed, part in seeds.items():
            if list(part["image"]) != list(first["image"]):
                raise ValueError(f"row {row}, seed {seed} answers for other photographs: train it on every fold")
        rows[row] = Answers(
            truth=first["disease"].map(place).to_numpy(np.int64),
            answers=[np.stack(part["probability"].to_list()).argmax(1) for part in seeds.values()],
            patients=first["patient_id"].reset_index(drop=True),
            images=tuple(first["image"]),
            seeds=tuple(seeds),
        )
    return rows


def scored(models: Mapping[str, Answers], diseases: Sequence[str], resamples: int = 2000) -> list[dict[str, Any]]:
    """Score every model on the same photographs, whole patients drawn together, seeds too where there are several.

    Args:
        models: row -> its answers; all for the same photographs.
        diseases: names of the classes.
        resamples: of the patients.

    Returns:
        for each row: `row, seeds, photographs, patients`, and `without_patient`, where there are such photographs, each
        drawn as a patient of its own; `macro_f1`, `balanced_accuracy`, `accuracy` (means over seeds), each with `_low`
        and `_high` (95 %, NaN of one patient); `recall`: disease -> [value, low, high],
        NaN where it has no photograph; `confusion`: true -> predicted -> count, of the first seed; `guessing`: the
        interval of balanced accuracy reaches one in the number of classes, or there is none.

    Raises:
        ValueError: a row was scored on other photographs than the first.
    """
    first = next(iter(models))
    base, lines = models[first], []
    draws = patient_draws(base.patients, resamples)
    for row, these in models.items():
        if these.images != base.images:
            raise ValueError(f"row {row} answers for other photographs than {first}: train all on one dataset")
        places = range(len(diseases))
        recalls = np.stack([_recalls(these.truth, answer, len(diseases), draws) for answer in these.answers])
        own = np.stack(
            [recall_score(these.truth, a, labels=places, average=None, zero_division=np.nan) for a in these.answers]
        )
        right = np.stack([these.truth == answer for answer in these.answers], axis=1)
        balanced = np.stack([balanced_accuracy_draws(these.truth, column, draws) for column in right.T])
        line: dict[str, Any] = {"row": row, "seeds": list(these.seeds), "photographs": len(right)}
        line |= {"patients": these.patients.nunique()}
        line |= {"without_patient": int(lost.sum())} if (lost := these.patients.isna()).any() else {}
        shares = {
            "macro_f1": (these.macro_f1(), these.macro_f1_draws(draws)),
            "balanced_accuracy": (np.nanmean(own, axis=1), balanced),
            "accuracy": (right.mean(axis=0), draws.means(right.astype(float))),
        }
        for name, both in shares.items():
            line[name], line[f"{name}_low"], line[f"{name}_high"] = share(*both, len(draws.weights))
        line["guessing"] = not estimate(line, "balanced_accuracy").above(1 / len(diseases))
        units = [len(np.unique(draws.patient[these.truth == i])) for i in places]
        line["recall"] = {name: share(own[:, i], recalls[:, i], units[i]) for i, name in enumerate(diseases)}
        counts = confusion_matrix(these.truth, these.answers[0], labels=places).tolist()
        line["confusion"] = {true: dict(zip(diseases, counts[i], strict=True)) for i, true in enumerate(diseases)}
        lines.append(line)
    return lines


def patients_text(line: Mapping[str, Any]) -> str:
    """How many patients a line of `scored` is of, and how many photographs have none and are drawn alone."""
    unknown = line.get("without_patient", 0)
    known = f"{line['patients']:,} {'patient' if line['patients'] == 1 else 'patients'}"
    if not unknown:
        return known
    return f"{known if line['patients'] else 'patients unknown'} ({unknown:,} photographs each drawn as one)"


def paired(
    models: Mapping[str, Answers], pairs: Sequence[tuple[str, str]], resamples: int = 2000
) -> list[dict[str, Any]]:
    """Differences in macro-F1 between pairs of rows on the same photographs, whole patients drawn together.

    Args:
        models: row -> its answers.
        pairs: (row, reference); those of which a row is missing are left out.
        resamples: of the patients.

    Returns:
        for each pair `row, reference, seeds` (in common), `difference, difference_low, difference_high` over
        photographs and seeds, `p` of Student's t and its `df` (None for one seed, see `significance.t_test`).

    Raises:
        ValueError: the two were scored on different photographs, or have no seed in common.
    """
    lines, draws = [], {}
    for pair in [pair for pair in pairs if set(pair) <= set(models)]:
        one, other = (models[name] for name in pair)
        if one.images != other.images:
            raise ValueError(f"rows {' and '.join(pair)} answer for different photographs: train all on one dataset")
        shared = sorted(set(one.seeds) & set(other.seeds))
        if not shared:
            raise ValueError(f"rows {' and '.join(pair)} have no seed in common: train the missing ones")
        drawn = patient_draws(one.patients, resamples)
        for name in pair:
            if name not in draws:
                draws[name] = models[name].macro_f1_draws(drawn), models[name].macro_f1()
        (first, value), (second, base) = (
            [part[[models[name].seeds.index(seed) for seed in shared]] for part in draws[name]] for name in pair
        )
        test = t_test(value - base, float((first - second).mean(0).var(ddof=1)), len(drawn.weights))
        line = {"row": pair[0], "reference": pair[1], "seeds": len(shared)}
        line |= _with_interval("difference", value - base, first - second)
        lines.append(line | ({"p": test.p, "df": test.df} if len(shared) > 1 else {"p": None, "df": None}))
    return lines


def _with_interval(name: str, values: np.ndarray, draws: np.ndarray) -> dict[str, float]:
    """A mean over seeds and its interval, from (seeds,) values and (seeds, resamples) draws."""
    low, high = percentile_interval(two_level(draws, values))
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def share(values: np.ndarray, draws: np.ndarray, patients: int) -> list[float]:
    """A share, its mean over seeds, and its interval, which ends at 0 and 1.

    Where all resamples agree they say nothing about other patients. The interval is then Wilson's, as if of so many
    patients all or none were right; of a share between, as of one patient, it is NaN.
    """
    both, mean = two_level(draws, values), float(values.mean())
    known = both[~np.isnan(both)]  # none, of a disease without a photograph
    if len(known) and np.ptp(known) > 1e-9:
        return [mean, *percentile_interval(np.clip(both, 0, 1))]
    ends = count_interval(round(mean * patients), patients) if mean in (0.0, 1.0) else (float("nan"), float("nan"))
    return [mean, *ends]


def _recalls(truth: np.ndarray, answer: np.ndarray, classes: int, draws: Draws) -> np.ndarray:
    """(classes, resamples): share of each disease's photographs that are named, NaN where a draw has none."""
    own = np.eye(classes)[truth]
    hits, counts = draws.means(own * (truth == answer)[:, None]), draws.means(own)
    with np.errstate(invalid="ignore"):
        return hits / counts
