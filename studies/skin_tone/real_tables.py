"""What real photographs say of skin type, and the typology angle, as tables and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from dermimit.data.skin import FITZPATRICK
from dermimit.evaluate.estimate import Estimate, estimate, minus
from dermimit.evaluate.subgroups import NOT_RECORDED
from studies.skin_tone.tables import Line


def recorded(table: Sequence[Line]) -> pd.DataFrame:
    """`skin_tone_real.recorded_table`."""
    return pd.DataFrame(
        {"disease": line["disease"], "photographs": line["photographs"]}
        | {"with a type, % (95 %)": Estimate(line["share"], line["low"], line["high"]).percent()}
        | {f"type {kind}": n for kind, n in line["types"].items()}
        for line in table
    )


def real_errors(table: Sequence[Line], labels: Mapping[str, str], by: str) -> pd.DataFrame:
    """`skin_tone_real.error_table`, by "type" or "angle"."""
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            "group": line["group"] if line["group"] == NOT_RECORDED or by == "angle" else f"type {line['group']}",
            "photographs (patients)": f"{line['photographs']} ({line['patients']})",
            "accuracy, % (95 %)": estimate(line, "accuracy").percent(),
            "expected of its diseases": f"{100 * line['expected']:.1f}",
            "beyond, points (95 %)": estimate(line, "beyond").points(),
        }
        for line in table
        if line["by"] == by and line["row"] in labels
    )


def real_text(table: Sequence[Line], labels: Mapping[str, str]) -> str:
    """Where accuracy is shown to differ from what the diseases lead one to expect."""
    lines = [line for line in table if line["row"] in labels]
    shown = [line for line in lines if line["beyond_low"] > 0 or line["beyond_high"] < 0]
    kinds = ["" if x["by"] == "angle" or x["group"] == NOT_RECORDED else "type " for x in shown]
    texts = [
        f"{labels[x['row']]}, {kind}{x['group']} ({estimate(x, 'beyond').points()})"
        for x, kind in zip(shown, kinds, strict=True)
    ]
    if not texts:
        return f"In none of {len(lines)} lines does the interval of *beyond* leave zero out."
    return f"Of {len(lines)} lines, not corrected for their number, *beyond* leaves zero out in: {'; '.join(texts)}."


def agreement(records: Mapping[str, Line]) -> pd.DataFrame:
    """`typology.agreement` of several sets of photographs."""
    return pd.DataFrame(
        {
            "photographs of": name,
            "number": found["photographs"],
            "Spearman (95 %)": "{spearman:.2f} ({spearman_low:.2f} to {spearman_high:.2f})".format(**found).replace(
                "-", "−"
            ),
            "weighted kappa": f"{found['kappa']:.2f}",
            "same class, %": f"{100 * found['exact']:.0f}",
            "same or next, %": f"{100 * found['near']:.0f}",
            "alike within a patient": _alike(found),
        }
        for name, found in records.items()
    )


def _alike(found: Line) -> str:
    if found.get("alike") is None:
        return "–"
    return minus("{alike:.2f} ({alike_low:.2f} to {alike_high:.2f})".format(**found))


def angle_text(record: Line) -> str:
    """Whether the angle goes with the recorded type, and how far it is a property of the patient."""
    real, drawn = record["pad_ufes_20"], record["synderm"]
    agrees = "follows the recorded type" if real["spearman_low"] > 0 else "**is not shown to follow the recorded type**"
    dark = sum(record["all"][4:])
    return (
        f"On the real photographs the angle {agrees} (on drawn ones its correlation is {drawn['spearman']:.2f}). "
        f"Angles of one patient, {real['alike_photographs']} photographs of {real['alike_patients']} patients with "
        f"several, differ with a standard deviation of {real['within']:.0f}°, wider than a class. By it, {dark} of "
        f"{record['measured']} photographs would show brown or dark skin, types V and VI."
    )


def confusion(found: Line, classes: Sequence[str]) -> pd.DataFrame:
    """Recorded type against class of the angle, in counts."""
    table = pd.DataFrame(
        found["table"], columns=[f"{c} ({kind})" for c, kind in zip(classes, FITZPATRICK, strict=True)]
    )
    table.insert(0, "recorded type", list(FITZPATRICK))
    return table[table.drop(columns="recorded type").sum(axis=1) > 0]
