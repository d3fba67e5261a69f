"""What stands in the explorer's place without JavaScript, on paper and for a screen reader: a figure and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.skin import fitzpatrick_label
from dermimit.evaluate.estimate import Estimate
from dermimit.explain.figures import draw_selection
from dermimit.explain.style import RED, TASK_COLOURS, pretty
from dermimit.explore.cases import picture
from dermimit.explore.onnx_model import OnnxModel
from dermimit.prediction import DISCLAIMER, Prediction

Cases = Sequence[Mapping[str, Any]]
GUESSED = ("disease/macro_f1", "disease/accuracy", "disease/top3_accuracy", "body_part/accuracy", "attributes/map")


def own_photo(case: Mapping[str, Any]) -> np.ndarray:
    """The case's photograph with the skin type that it was first drawn with."""
    return picture(case["photos"][str(case["truth"]["fitzpatrick"])])


def answers_figure(model: OnnxModel, cases: Cases, columns: int = 2, top: int = 3) -> Figure:
    """Draw each case with its selected patches, and beside it its most probable diseases; the true one is starred.

    Args:
        model: answers with the usual controls.
        cases: as `curated` gives them.
        columns: cases beside each other.
        top: bars a case.
    """
    rows = -(-len(cases) // columns)
    size = (4.4 * columns, 1.65 * rows + 0.4)
    ratios = {"width_ratios": [1, 1.25] * columns}
    figure, axes = plt.subplots(
        rows, 2 * columns, figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios
    )
    for axis in axes.flat[2 * len(cases) :]:
        axis.axis("off")
    for number, case in enumerate(cases):
        photo_axis, bar_axis = axes.flat[2 * number : 2 * number + 2]
        prediction = model(own_photo(case))
        draw_selection(photo_axis, prediction.photo, prediction.selected["disease"], prediction.grid)
        photo_axis.set_title(f"case {number + 1}", fontsize=10)
        _bars(bar_axis, prediction.answers["disease"].head(top)[::-1], case["truth"]["disease"])
    for axis in axes[-1, 1::2]:
        axis.set_xlabel("probability")
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure


def _bars(axis: Axes, best: pd.Series, truth: str) -> None:
    bars = axis.barh(range(len(best)), best, color=TASK_COLOURS["disease"], height=0.35)
    for place, (name, p) in enumerate(best.items()):
        mark = " ★" if name == truth else ""
        bars[place].set_hatch("//" if mark else "")
        axis.text(0, place + 0.24, f"{pretty(name)}{mark}, {100 * p:.0f} %", fontsize=9)
    axis.set(xlim=(0, 1), ylim=(-0.4, len(best) - 0.2), yticks=[], xticks=[0, 0.5, 1])
    axis.spines["left"].set_visible(False)


def listed(series: pd.Series, top: int) -> str:
    """The most probable classes as text, such as `acne vulgaris 41 %, rosacea 12 %`, never broken before a %."""
    return ", ".join(f"{pretty(name)} {100 * p:.0f}\u00a0%" for name, p in series.head(top).items())


def answers_table(model: OnnxModel, cases: Cases, top: int = 3) -> pd.DataFrame:
    """Truth and answer of each case: `case, drawn as, differential, body part, attributes, place of the truth`."""
    lines = []
    for number, case in enumerate(cases, start=1):
        truth, prediction = case["truth"], model(own_photo(case))
        skin = f"skin type {fitzpatrick_label(truth['fitzpatrick'])}"
        drawn = f"{pretty(truth['disease'])}; {pretty(truth['body_part'])}, {skin}"
        answers = prediction.answers
        lines.append(
            {
                "case": number,
                "drawn as": drawn,
                "differential": listed(answers["disease"], top),
                "body part": listed(answers["body_part"], 1),
                "attributes from one half": listed(answers["attributes"][answers["attributes"] >= 0.5], 9) or "none",
                "place of the truth": 1 + list(answers["disease"].index).index(truth["disease"]),
            }
        )
    return pd.DataFrame(lines)


def accuracy_table(found: Mapping[str, Any], guess: Mapping[str, float]) -> pd.DataFrame:
    """Scores of the trained model and of the shipped file, with intervals, as text: `model` and one column a score.

    Args:
        found: as `dermimit.export.accuracy.accuracy` gives it.
        guess: what a uniform guess scores on the same photographs, from `references.reference_scores`.
    """
    names = {
        "macro_f1": "disease macro-F1",
        "accuracy": "disease accuracy",
        "top3_accuracy": "disease top-3",
        "body_part_accuracy": "body-part accuracy",
        "attribute_map": "attribute mAP",
    }
    models = {"trained, in torch": found["torch"], "shipped, in eight bits": found["file"]}
    lines = [
        {"model": model} | {title: _with_interval(scores[name]) for name, title in names.items()}
        for model, scores in models.items()
    ]
    keys = dict(zip(names.values(), GUESSED, strict=True))
    return pd.DataFrame(
        [*lines, {"model": "uniform guess"} | {title: f"{guess[key]:.3f}" for title, key in keys.items()}]
    )


def accuracy_text(found: Mapping[str, Any], samples: int) -> str:
    """What the table means, and what eight bits cost; `samples` photographs were seen in training."""
    apart, changed = found["differences"], Estimate(*found["macro_f1_difference"]).signed()
    return (
        f"{found['photographs']:,} test photographs, 95 % intervals by patient. Trained on {samples:,} photographs, "
        f"repeats included. Eight bits change disease macro-F1 by {changed}. "
        f"They change a disease probability of a photograph by at most {apart['median']:.3f} in the median, by "
        f"{apart['99 %']:.2f} at the 99th percentile and by {apart['largest']:.2f} in the worst case. "
        f"Before that step, file and torch differ by at most "
        f"{found['parity_before_eight_bits']:.0e}."
    )


def speed_text(found: Mapping[str, Any]) -> str:
    """One sentence on the measured times until an answer."""
    first, later = found["first_answer_ms"], found["later_answers_ms"]
    return (
        f"In {found['browser']}, one thread of {found['machine']}, opened from disk, under a load of "
        f"{found['load']:.0f} on {found['cores']} cores: the first answer {first['median'] / 1000:.1f} s after the "
        f"page was asked for (median of {first['count']} visits, {_range(first, 1000)} s), a later one "
        f"{later['median']:.0f} ms after a control was moved (median of {later['count']}, {_range(later, 1)} ms)."
    )


def _range(values: Mapping[str, float], unit: int) -> str:
    digits = 0 if unit == 1 else 1
    return f"{values['smallest'] / unit:.{digits}f} to {values['largest'] / unit:.{digits}f}"


def _with_interval(score: float | Sequence[float]) -> str:
    return f"{score:.3f}" if isinstance(score, float) else "{:.3f} ({:.3f} to {:.3f})".format(*score)


def controls_table(model: OnnxModel, case: Mapping[str, Any], top: int = 3) -> pd.DataFrame:
    """One case under each control: columns `control, setting, differential, true disease`.

    The body part and the attribute set by hand are the ones that the model holds least likely.
    """
    photo, truth, facts = own_photo(case), case["truth"]["disease"], model.facts
    usual = model(photo)
    part, sign = (usual.answers[task].index[-1] for task in ("body_part", "attributes"))
    settings = [
        ("none", "as trained", usual),
        ("patches K", "1", model(photo, k=1)),
        ("patches K", str(facts["num_patches"]), model(photo, k=facts["num_patches"])),
        ("lesion selection (LSM)", "off", model(photo, lsm=False)),
        ("cross-interaction (CIM)", "off", model(photo, cim=False)),
        ("body part", f"{pretty(part)}, told", model(photo, body_part={part: 1.0})),
        ("attribute", f"{pretty(sign)} present, told", model(photo, attributes={sign: 1.0})),
        ("covering", "the patch of the highest score", model(covered(photo, usual))),
    ]
    others = sorted(set(case["photos"]) - {str(case["truth"]["fitzpatrick"])})
    settings += [("skin type", fitzpatrick_label(int(t)), model(picture(case["photos"][t]))) for t in others]
    return pd.DataFrame(
        {
            "control": control,
            "setting": setting,
            "differential": listed(found.answers["disease"], top),
            "true disease": f"{100 * found.answers['disease'][truth]:.1f}\u00a0%",
        }
        for control, setting, found in settings
    )


def covered(photo: np.ndarray, prediction: Prediction) -> np.ndarray:
    """The photograph with the patch of the highest score in the photograph's mean colour."""
    height, width = photo.shape[0] // prediction.grid[0], photo.shape[1] // prediction.grid[1]
    row, column = divmod(int(prediction.selected["disease"][0]), prediction.grid[1])
    out = photo.copy()
    place = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
    out[place] = photo.reshape(-1, 3).mean(axis=0).round()
    return out
