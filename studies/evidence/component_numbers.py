"""The numbers and sentences of the page on components, to be glued."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import Estimate
from dermimit.report.words import and_list
from studies.evidence.learning import FIRST, LARGER, ROWS, SECOND
from studies.shared.counts import in_words
from studies.shared.effects import finding
from studies.shared.verdict_words import SUPPORTED

SUBJECTS = {
    ("D_B", "D"): ("body_part", "Learning the body part"),
    ("D_A", "D"): ("attributes", "Learning attributes"),
    ("D_B_A", "D_B"): ("attributes_after", "Learning attributes on top of the body part"),
    ("D_random", "D"): ("tokens_alone", "Adding random patch tokens to the disease-only model"),
    ("full_random", "D_B_A_CIM"): ("tokens", "Adding random patch tokens to the full model"),
    ("D_LSM", "D_random"): ("choosing_alone", "Choosing the patches by attention, with the disease only"),
    ("full", "full_random"): ("choosing", "Choosing the patches by attention, with three tasks"),
    ("full", "D_B_A_LSM"): ("cross", "Cross-attention instead of concatenation"),
}
Numbers = dict[str, float | str]


def of_components(
    scores: pd.DataFrame,
    differences: pd.DataFrame,
    whole: pd.Series,
    curves: pd.DataFrame,
    references: pd.DataFrame,
) -> Numbers:
    """All that the page quotes: percent and percentage points, and a sentence for each difference.

    Args:
        scores, differences, whole: from `components`.
        curves, references: from `learning`.
    """
    value = 100 * scores.set_index("row")["value"]
    numbers: Numbers = {"disease_only": value["D"], "full": value["full"], "concatenated": value["D_B_A_LSM"]}
    numbers |= {f"whole{end}": 100 * whole[name] for end, name in ENDS.items()}
    numbers["seeds"] = int(differences["seeds"].min())
    for line in differences.to_dict("records"):
        name, subject = SUBJECTS[line["row"], line["reference"]]
        effect = Estimate(line["difference"], line["low"], line["high"])
        numbers[f"{name}_found"] = finding(subject, effect, line["verdict"], first=name == "body_part")
    learned = of_learning(curves, references)
    return numbers | {"gains": gains(differences), "full_share": 100 * value["full"] / learned["optimum"]} | learned


ENDS = {"": "difference", "_low": "low", "_high": "high"}


def gains(differences: pd.DataFrame) -> str:
    """Which single steps are gains after correction, the largest first; a sentence with its end.

    Args:
        differences: from `components.differences`.
    """
    held = differences[differences["verdict"] == SUPPORTED].sort_values("difference", ascending=False)
    names = [f"{name[0].lower()}{name[1:]}".replace(", ", " with the ") for name in held["label"]]
    count = in_words(len(differences))
    if not names:
        return f"None of {count} single steps is a gain after correction."
    verb = "is a gain" if len(names) == 1 else "are gains"
    return f"{in_words(len(names)).capitalize()} of {count} single steps {verb} after correction: {and_list(names)}."


def of_learning(curves: pd.DataFrame, references: pd.DataFrame) -> Numbers:
    """Where trainings stopped, in percent and in percent of the optimum of their dataset."""
    first = curves[curves["version"] == FIRST]
    ablation, longer = (_last(first, ROWS["full"], training) for training in ("ablation", "longer"))
    larger = curves[(curves["version"] == SECOND) & (curves["model"] == LARGER)].sort_values("images_seen").iloc[-1]
    bounds = 100 * references["optimum"]
    numbers: Numbers = {"optimum": bounds[FIRST], "optimum_second": bounds[SECOND]}
    numbers["guess"] = 100 * references.loc[FIRST, "guess"]
    for name, point in (("stopped", ablation), ("longer", longer), ("larger", larger)):
        numbers |= {name: 100 * point["value"], f"{name}_seen": f"{int(point['images_seen']):,}"}
    numbers["stopped_share"] = 100 * numbers["stopped"] / bounds[FIRST]
    numbers["longer_share"] = 100 * numbers["longer"] / bounds[FIRST]
    return numbers | {"larger_share": 100 * numbers["larger"] / bounds[SECOND]}


def _last(curves: pd.DataFrame, model: str, training: str) -> pd.Series:
    own = curves[(curves["model"] == model) & (curves["training"] == training)]
    return own.sort_values("images_seen").iloc[-1]
