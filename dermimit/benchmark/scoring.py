"""What answers to a benchmark are worth: scores with intervals over patients, by disease and skin type; differences."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dermimit.benchmark.answers_file import Given
from dermimit.benchmark.benchmarks import Benchmark
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.evaluate.out_of_fold import scored
from dermimit.evaluate.resampling import macro_f1_draws, patient_draws, percentile_interval

RESAMPLES = 2000
LEAST = 10  # photographs of a skin type, below which no score of it is given


def truth_of(to: Benchmark) -> np.ndarray:
    """(photographs,) the place of each true disease among the classes."""
    return to.frame["disease"].map({name: i for i, name in enumerate(to.diseases)}).to_numpy(np.int64)


def answers_of(to: Benchmark, probabilities: np.ndarray) -> Answers:
    """The most probable disease of each photograph; the first of several that are as probable."""
    return Answers(
        truth=truth_of(to), answers=[probabilities.argmax(axis=1)], patients=to.frame["patient_id"],
        images=tuple(to.frame["image"]), seeds=(0,),
    )  # fmt: skip


def report(to: Benchmark, given: Given, resamples: int = RESAMPLES) -> dict[str, Any]:
    """All scores of a file of answers.

    Args:
        to: the benchmark.
        given: from `read_answers_file`.
        resamples: of the patients.

    Returns:
        `benchmark, version, sha256`; `macro_f1`, `balanced_accuracy`, `accuracy` with `_low` and `_high` (95 %, whole
        patients drawn), `guessing`; `auroc, top3_accuracy, ece, log_loss`; `recall`: disease -> [value, low, high];
        `confusion`: true -> answered -> count; `skin_types`: type -> photographs, accuracy; `majority`: the macro-F1 of
        always answering the commonest disease; `body_part` and `attributes`, where the file answers for them.
    """
    probabilities = given.disease
    (line,) = scored({"answers": answers_of(to, probabilities)}, to.diseases, resamples)
    truth = truth_of(to)
    more = class_metrics(np.eye(len(to.diseases))[truth], probabilities)
    own = probabilities[np.arange(len(truth)), truth]
    commonest = np.full(len(truth), np.bincount(truth).argmax())
    found: dict[str, Any] = {"benchmark": to.name, "version": to.version, "sha256": to.sha256}
    found |= {name: value for name, value in line.items() if name not in ("row", "seeds")}
    found |= {name: more[name] for name in ("auroc", "top3_accuracy", "ece")}
    found |= {"log_loss": float(-np.log(np.maximum(own, 1e-12)).mean())}
    majority = class_metrics(np.eye(len(to.diseases))[truth], np.eye(len(to.diseases))[commonest])
    found |= {"majority": majority["macro_f1"], "skin_types": by_skin_type(to, probabilities, resamples)}
    if given.body_part is not None:
        found["body_part"] = body_part_scores(to, given.body_part, resamples)
    if given.attributes is not None:
        found["attributes"] = attribute_scores(to, given.attributes)
    return found


def body_part_scores(to: Benchmark, probabilities: np.ndarray, resamples: int = RESAMPLES) -> dict[str, Any]:
    """`photographs` with a known body part, and of these `accuracy` with its interval over patients, and `macro_f1`."""
    known = to.frame["body_part"].notna().to_numpy()
    truth = to.frame.loc[known, "body_part"].map({name: i for i, name in enumerate(to.body_parts)}).to_numpy(np.int64)
    right = (probabilities[known].argmax(axis=1) == truth).astype(float)[:, None]
    low, high = percentile_interval(patient_draws(to.frame.loc[known, "patient_id"], resamples).means(right)[0])
    scores = class_metrics(np.eye(len(to.body_parts))[truth], probabilities[known])
    return {"photographs": int(known.sum()), "accuracy": scores["accuracy"], "accuracy_low": low,
            "accuracy_high": high, "macro_f1": scores["macro_f1"]}  # fmt: skip


def attribute_scores(to: Benchmark, probabilities: np.ndarray) -> dict[str, Any]:
    """`map`, `auroc` and `macro_f1`, means over the attributes, of what is known; `known`: share of labels known."""
    truth = np.array([[float(a in there) for a in to.attributes] for there in to.frame["attributes"]])
    unknown = np.array([[a in gone for a in to.attributes] for gone in to.frame["attributes_unknown"]])
    truth[unknown] = np.nan
    return {"known": float((~unknown).mean()), "chance_map": float(np.nanmean(truth, axis=0).mean()),
            **attribute_metrics(truth, probabilities)}  # fmt: skip


def by_skin_type(to: Benchmark, probabilities: np.ndarray, resamples: int = RESAMPLES) -> dict[str, dict[str, Any]]:
    """Accuracy of each Fitzpatrick type, and of those where none is recorded, with intervals over patients.

    A type with fewer than `LEAST` photographs has its number alone.
    """
    right = (probabilities.argmax(axis=1) == truth_of(to)).astype(float)[:, None]
    types = to.frame["fitzpatrick"].map(lambda t: "not recorded" if pd.isna(t) else f"type {int(t)}")
    lines: dict[str, dict[str, Any]] = {}
    for name in sorted(set(types), key=lambda t: (t == "not recorded", t)):
        chosen = (types == name).to_numpy()
        lines[name] = {"photographs": int(chosen.sum())}
        if chosen.sum() >= LEAST:
            draws = patient_draws(to.frame.loc[chosen, "patient_id"], resamples).means(right[chosen])[0]
            low, high = percentile_interval(draws)
            lines[name] |= {"accuracy": float(right[chosen].mean()), "accuracy_low": low, "accuracy_high": high}
    return lines


def difference(to: Benchmark, one: Given, other: Given, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """What one file of answers scores more than another for the disease, on the same drawn patients.

    Returns:
        `macro_f1` and `accuracy`, with 95 % intervals over patients. They speak of these two files: another training of
        the same model would give others.
    """
    truth, draws = truth_of(to), patient_draws(to.frame["patient_id"], resamples)
    answers = [given.disease.argmax(axis=1) for given in (one, other)]
    f1 = [macro_f1_draws(truth, a, draws) for a in answers]
    right = [(a == truth).astype(float)[:, None] for a in answers]
    values = [answers_of(to, given.disease).macro_f1()[0] for given in (one, other)]
    found = {"macro_f1": (values[0] - values[1], f1[0] - f1[1])}
    found["accuracy"] = (float(right[0].mean() - right[1].mean()), draws.means(right[0] - right[1])[0])
    return {name: Estimate(float(value), *percentile_interval(drawn)) for name, (value, drawn) in found.items()}


def as_text(found: Mapping[str, Any]) -> str:
    """A report as plain text, for a terminal."""
    lines = [f"{found['benchmark']}, version {found['version']}: {found['photographs']:,} photographs, "
             f"{found['patients']:,} patients"]  # fmt: skip
    for name, label in (("macro_f1", "macro-F1"), ("balanced_accuracy", "balanced accuracy"), ("accuracy", "accuracy")):
        text = Estimate(found[name], found[f"{name}_low"], found[f"{name}_high"]).plain()
        lines.append(f"  {label:<18} {text}")
    lines.append(f"  {'AUROC':<18} {found['auroc']:.3f}    top-3 accuracy {found['top3_accuracy']:.3f}    "
                 f"calibration error {found['ece']:.3f}    log loss {found['log_loss']:.3f}")  # fmt: skip
    lines.append(f"  {'majority class':<18} {found['majority']:.3f} (macro-F1)")
    if found["guessing"]:
        lines.append("  balanced accuracy is not above a guess at random")
    lines.append("sensitivity (95 % interval over patients)")
    lines += [f"  {name:<18} {Estimate(*values).plain(2)}" for name, values in found["recall"].items()]
    if body := found.get("body_part"):
        text = Estimate(body["accuracy"], body["accuracy_low"], body["accuracy_high"]).plain()
        lines.append(f"body part: accuracy {text} of {body['photographs']:,} photographs whose body part is known")
    if signs := found.get("attributes"):
        lines.append(f"attributes: mean average precision {signs['map']:.3f} (chance {signs['chance_map']:.3f}), "
                     f"AUROC {signs['auroc']:.3f}; {signs['known']:.1%} of the labels are known")  # fmt: skip
    lines.append("accuracy by skin type")
    for name, line in found["skin_types"].items():
        told = f"fewer than {LEAST}: no score"
        if "accuracy" in line:
            told = Estimate(*(line[k] for k in ("accuracy", "accuracy_low", "accuracy_high"))).plain(2)
        lines.append(f"  {name:<18} {told}, {line['photographs']} photographs")
    return "\n".join(lines)
