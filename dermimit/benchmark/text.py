"""A report on a file of answers as plain text, for a terminal."""

from collections.abc import Mapping
from typing import Any

from dermimit.benchmark.scoring import LEAST
from dermimit.evaluate.estimate import Estimate, estimate
from dermimit.evaluate.out_of_fold import patients_text

LABELS = {
    "macro_f1": "macro-F1", "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "auroc": "AUROC",
    "top3_accuracy": "top-3 accuracy", "top5_accuracy": "top-5 accuracy", "ece": "calibration error",
    "log_loss": "log loss", "map": "mean average precision",
}  # fmt: skip
TASKS = {"body_part": "body part", "attributes": "attributes"}
WIDTH = 24


def as_text(found: Mapping[str, Any]) -> str:
    """The report of `scoring.report`."""
    lines = [f"{found['benchmark']}, version {found['version']}, SHA-256 {found['sha256'][:12]}: "
             f"{found['photographs']:,} photographs, {patients_text(found)}",
             "disease (95 % intervals over patients)"]  # fmt: skip
    lines += [_line(label, estimate(found, name).plain()) for name, label in LABELS.items() if name in found]
    lines.append(_line("majority class", f"{found['majority']:.3f} (macro-F1)"))
    if found["guessing"]:
        lines.append("  balanced accuracy is not above a guess at random")
    lines.append("sensitivity")
    lines += [_line(name, Estimate(*values).plain(2)) for name, values in found["recall"].items()]
    for name, line in found.get("folds", {}).items():
        lines.append(
            f"tested on {name}: macro-F1 {estimate(line, 'macro_f1').plain()}, {line['photographs']:,} photographs"
        )
    for task in TASKS:
        lines += _task(task, found[task]) if task in found else []
    lines.append("accuracy by skin type")
    for name, line in found["skin_types"].items():
        told = estimate(line, "accuracy").plain(2) if "accuracy" in line else f"fewer than {LEAST}: no score"
        many = "photograph" if line["photographs"] == 1 else "photographs"
        lines.append(_line(name, f"{told}, {line['photographs']:,} {many}"))
    return "\n".join(lines)


def _task(task: str, scores: Mapping[str, Any]) -> list[str]:
    """Body part or attributes."""
    share = f"; {scores['known']:.1%} of all labels are known" if "known" in scores else ""
    lines = [f"{TASKS[task]} ({scores['photographs']:,} photographs with a label{share})"]
    chance = {"map": "chance_map", "accuracy": "majority"}
    for name in ("map", "macro_f1", "balanced_accuracy", "accuracy", "auroc"):
        if name in scores:
            beside = f"; chance {scores[chance[name]]:.3f}" if chance.get(name) in scores else ""
            lines.append(_line(LABELS[name], estimate(scores, name).plain() + beside))
    for name, line in scores.get("each", {}).items():
        told = "too few: no score"
        if "average_precision" in line:
            told = f"average precision {estimate(line, 'average_precision').plain(2)}"
        lines.append(_line(f"  {name}", f"{told}; present in {line['present']} of {line['known']}"))
    return lines


def differences_as_text(other: str, found: Mapping[str, Estimate]) -> str:
    """What a file scores more than another."""
    lines = [f"minus {other}"]
    for name, one in found.items():
        lines.append(f"  {label_of(name):<34} {one.signed()}: {one.verdict()}")
    lines.append(
        "  macro-F1 of the disease is the score to judge by; intervals are not corrected for the number of scores"
    )
    lines.append("  of these two files; another training of the same model would give another")
    return "\n".join(lines)


def label_of(name: str) -> str:
    """A score of `scoring.difference` in words."""
    task, _, score = name.rpartition("/")
    return f"{TASKS[task]}: {LABELS[score]}" if task else LABELS[score]


def _line(label: str, text: str) -> str:
    return f"  {label:<{WIDTH}} {text}"
