"""The records of the chapter on skin tone as tables and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.skin import FITZPATRICK, SKIN_GROUPS
from dermimit.data.synderm import (
    RETAKE,
)
from dermimit.evaluate.estimate import (
    NOT_RUN,
    estimate,
    minus,
    p_text,
)
from dermimit.explain.style import pretty
from studies.shared.evidence import (
    holm_texts,
)
from studies.skin_tone.by_type import MEANS, SCORES
from studies.skin_tone.mix import GROUPS, MODELS, PLAIN, REMEDIES, SHARES

Line = Mapping[str, Any]
SHORT = ("accuracy", "macro_f1", "attributes", "body_part", "precision")


def types(table: Sequence[Line]) -> pd.DataFrame:
    """`skin_tone.type_table` of one row: a line a score, a column a type, the number of photographs in its head."""
    counts = {line["type"]: line["photographs"] for line in table}
    lines = []
    for score in dict.fromkeys(line["score"] for line in table):
        found = {line["type"]: line for line in table if line["score"] == score}
        line = {"score, %": SCORES[score]}
        for kind in FITZPATRICK:
            head, cell = f"{kind} (n = {counts[kind]})", found[kind]
            line[head] = _ece(cell) if score == "ece" else estimate(cell).percent()
        lines.append(line)
    return pd.DataFrame(lines)


def _ece(line: Line) -> str:
    return f"{100 * line['value']:.1f} [by chance {100 * line['chance']:.1f}]"


def spread(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> pd.DataFrame:
    """`skin_tone.spread_table` of several rows."""
    return pd.DataFrame(
        {
            "model": labels[row],
            "score": SCORES[line["score"]],
            "worst type": minus(f"{line['worst']} ({100 * line['worst_value']:.1f} %)"),
            "best type": minus(f"{line['best']} ({100 * line['best_value']:.1f} %)"),
            "best − worst, points": f"{100 * line['spread']:.1f}",
            "by chance": f"{100 * line['chance']:.1f}",
            "p": p_text(line["p"]),
        }
        for row, table in tables.items()
        for line in table
    )


def gaps(table: Sequence[Line], labels: Mapping[str, str], score: str = "accuracy") -> pd.DataFrame:
    """`skin_tone.gap_table` of one score: light minus dark of every row, and its difference from that of D."""
    lines = [line for line in table if line["score"] == score]
    light, dark = (
        f"{SKIN_GROUPS[k]} (n = {lines[0][n]})" for k, n in ((0, "light_photographs"), (2, "dark_photographs"))
    )
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            light: f"{100 * line['light']:.1f}",
            dark: f"{100 * line['dark']:.1f}",
            "light − dark, points (95 %)": estimate(line).points(),
            "less that of D": estimate(line, "difference").points() if "difference" in line else "–",
            "p (Holm)": p,
        }
        for line, p in zip(lines, holm_texts(lines), strict=True)
    )


def robust(table: Sequence[Line], labels: Mapping[str, str], scores: Sequence[str] = ("accuracy", "macro_f1")) -> str:
    """Whether lesion selection or further tasks change the gap, in a sentence."""
    tested = [line for line in table if line["score"] in scores and "difference" in line]
    shown = [line for line in tested if line["p_holm"] < 0.05]
    wider = [f"{labels[x['row']]} ({SCORES[x['score']]})" for x in shown if x["difference"] > 0]
    narrower = [f"{labels[x['row']]} ({SCORES[x['score']]})" for x in shown if x["difference"] < 0]
    texts = [f"{kind} gap: {', '.join(names)}" for kind, names in (("wider", wider), ("narrower", narrower)) if names]
    if texts:
        return "Against D, after Holm's correction: " + "; ".join(texts) + "."
    ends = [100 * line[key] for line in tested for key in ("difference_low", "difference_high")]
    text = (
        f"None of the {len(tested)} differences from D is shown: neither lesion selection nor further tasks make the "
    )
    text += f"gap wider or narrower. The intervals reach from {min(ends):.1f} to {max(ends):+.1f} points, and a change "
    return minus(text + "of that size would be missed.")


def shown_gaps(table: Sequence[Line], labels: Mapping[str, str]) -> str:
    """Which gaps have an interval that leaves zero out."""
    scores = [line for line in table if line["score"] in MEANS or line["score"] == "macro_f1"]
    shown = [line for line in scores if line["low"] > 0 or line["high"] < 0]
    if not shown:
        return f"Of the {len(scores)} gaps of all rows and scores no interval leaves zero out."
    texts = [f"{labels[x['row']]}, {SCORES[x['score']]} ({estimate(x).points()} points)" for x in shown]
    return (
        f"Of the {len(scores)} gaps of all rows and scores, {len(shown)} with an interval that leaves zero out, where "
        f"chance alone gives about {max(1, round(0.05 * len(scores)))}: {'; '.join(texts)}."
    )


def flips(table: Sequence[Line]) -> pd.DataFrame:
    """`skin_counterfactuals.flip_table` of one row."""
    return pd.DataFrame(
        {
            "type I becomes": "type I photographed again" if line["version"] == RETAKE else f"type {line['version']}",
            "flipped, %": estimate(line, "flipped").percent(),
            "beyond a retake, points": "–" if line["version"] == RETAKE else estimate(line, "over_retake").points(),
            "lost / gained, %": f"{100 * line['lost']:.1f} / {100 * line['gained']:.1f}",
            "net, points": estimate(line, "net").points(),
            "probability of the truth, points": estimate(line, "true").points(),
        }
        for line in table
    )


def flip_text(record: Line, labels: Mapping[str, str]) -> str:
    """What type VI does to the answer of each row, and whether the cost differs from nothing."""
    texts = []
    for row in MODELS:
        line = next(x for x in record[row]["flips"] if x["version"] == FITZPATRICK[-1])
        net = estimate(line, "net")
        kind = "more right answers are lost than gained" if net.high < 0 else "no net loss is shown"
        texts.append(
            f"**{labels[row]}**: type VI in place of I flips {estimate(line, 'flipped').percent()} % of the answers, "
            f"{estimate(line, 'over_retake').points()} points beyond a retake; {kind}, {net.points()} points"
        )
    return "; ".join(texts) + "."


def costs(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`skin_counterfactuals.row_table`."""
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            "flipped, %": estimate(line, "flipped").percent(),
            "right on I and on VI, %": estimate(line, "kept").percent(),
            "right on I and on a retake, %": estimate(line, "kept_retake").percent(),
            "cost of dark skin, points": estimate(line, "cost").points(),
            "less that of D": estimate(line, "less_cost").points() if "less_cost" in line else "–",
            "p (Holm)": p,
        }
        for line, p in zip(table, holm_texts(table, "less_cost_p_holm"), strict=True)
    )


def cost_text(table: Sequence[Line], labels: Mapping[str, str]) -> str:
    """Whether dark skin costs every row something, and any row more or less than D."""
    paid = [line for line in table if line["cost_low"] > 0]
    tested = [line for line in table if "less_cost" in line]
    shown = [
        f"{labels[x['row']]} ({estimate(x, 'less_cost').points()})" for x in tested if x["less_cost_p_holm"] < 0.05
    ]
    raw = [f"{labels[x['row']]} ({estimate(x, 'less_cost').points()})" for x in tested if x["less_cost_p"] < 0.05]
    text = f"Dark skin is shown to cost {len(paid)} of {len(table)} rows something. Against D, "
    if shown:
        return text + f"the cost differs after Holm's correction in {', '.join(shown)}."
    text += "no row is shown to pay more or less after Holm's correction"
    return text + (f"; before it {', '.join(raw)}." if raw else ", nor before it.")


def attributes(table: Sequence[Line]) -> pd.DataFrame:
    """`skin_counterfactuals.attribute_table`, what is lost most first."""
    return pd.DataFrame(
        {
            "attribute": pretty(line["attribute"]),
            "cases": line["cases"],
            "found on I → VI, %": f"{100 * line['found_light']:.0f} → {100 * line['found_dark']:.0f}",
            "probability where it is, points": estimate(line, "change").points(),
            "where it is not": estimate(line, "change_absent").points(),
            "difference": estimate(line, "net").points(),
            "p (Holm)": p,
        }
        for p, line in sorted(zip(holm_texts(table), table, strict=True), key=lambda both: both[1]["net"])
    )


def attribute_text(table: Sequence[Line]) -> str:
    """The attributes that get lost, and those that are seen better, on type VI."""
    shown = sorted((line for line in table if line["p_holm"] < 0.05), key=lambda x: x["net"])
    lost = [f"*{pretty(x['attribute'])}* ({estimate(x, 'net').points()})" for x in shown if x["net"] < 0]
    won = [f"*{pretty(x['attribute'])}* ({estimate(x, 'net').points()})" for x in reversed(shown) if x["net"] > 0]
    texts = [f"harder to tell: {', '.join(lost)}"] if lost else ["no attribute is shown to be harder to tell"]
    texts += [f"easier: {', '.join(won)}"] if won else []
    return (
        f"Of {len(table)} attributes, on type VI against type I after Holm's correction, in points: {'; '.join(texts)}."
    )


def contrasts(tables: Mapping[str, Sequence[Line]]) -> pd.DataFrame:
    """`skin_counterfactuals.contrast_table` of several attributes."""
    return pd.DataFrame(
        {
            "cases with": pretty(name),
            "type": line["type"],
            "number": line["cases"],
            "redder than the skin, a* (95 %)": _plain(line, "redness"),
            "lighter than the skin, L* (95 %)": _plain(line, "lightness"),
            "colour difference, ΔE₀₀ (95 %)": _plain(line, "difference"),
        }
        for name, table in tables.items()
        for line in table
        if line["type"] in (FITZPATRICK[0], FITZPATRICK[-1])
    )


def _plain(line: Line, name: str) -> str:
    ends = (line[name], line[f"{name}_low"], line[f"{name}_high"])
    return minus("{:.1f} ({:.1f} to {:.1f})".format(*ends))


def mixes(table: Sequence[Line], labels: Mapping[str, str], score: str = "macro_f1") -> pd.DataFrame:
    """`skin_mix.mix_table` of the sweep: a line a row and share; rows that have no run say so."""
    lines = []
    for model in MODELS:
        for percent in SHARES:
            found = {x["group"]: x for x in table if x["row"] == f"{model}_dark{percent}" and x["score"] == score}
            lines.append({"model": labels[model], "types V and VI, %": percent} | _groups(found))
    return pd.DataFrame(lines)


def closed(lines: Sequence[Line], labels: Mapping[str, str], score: str = "macro_f1") -> pd.DataFrame:
    """`skin_mix.compared` of the sweep with no dark skin at all: what each share does to the gap."""
    shown, family = [], [x for x in lines if (x["score"], x["group"]) == (score, "gap")]
    for line, p in zip(family, holm_texts(family), strict=True):
        model, percent = line["row"].split("_dark")
        text = {"model": labels[model], "types V and VI, %": percent, "seeds": len(line["seeds"])}
        text["change of light − dark, points (95 %)"] = estimate(line).points()
        shown.append(text | {"p (Holm)": p})
    return pd.DataFrame(shown)


def remedies(table: Sequence[Line], lines: Sequence[Line], score: str = "macro_f1") -> pd.DataFrame:
    """What each remedy scores at 5 % of types V and VI, and by how much it differs from plain training."""
    rows = {PLAIN: "none (plain)"} | {f"{PLAIN}_{name}": label for name, label in REMEDIES.items()}
    shown = []
    for row, label in rows.items():
        found = {x["group"]: x for x in table if x["row"] == row and x["score"] == score}
        against = {x["group"]: x for x in lines if (x["row"], x["reference"], x["score"]) == (row, PLAIN, score)}
        line = {"remedy": label} | _groups(found)
        for group in (GROUPS[1], "gap"):
            name = f"less plain: {group}, points"
            line[name] = "–" if row == PLAIN else estimate(against[group]).points() if against else NOT_RUN
        shown.append(line)
    return pd.DataFrame(shown)


def _groups(found: Mapping[str, Line]) -> dict[str, str]:
    if not found:
        return dict.fromkeys(("seeds", *GROUPS, "light − dark"), NOT_RUN)
    line = {"seeds": str(len(found["all"]["seeds"]))} | {g: estimate(found[g]).percent() for g in GROUPS}
    return line | {"light − dark": estimate(found["gap"]).points()}


def bought(record: Line, labels: Mapping[str, str], score: str = "macro_f1") -> str:
    """What the shares of dark skin buy on dark skin and cost on light skin, in a list."""
    texts = []
    for model in MODELS:
        found = [x for x in record["shares"] if x["row"].startswith(f"{model}_dark") and x["score"] == score]
        for percent in SHARES[1:]:
            these = {x["group"]: x for x in found if x["row"] == f"{model}_dark{percent}"}
            if these:
                dark, light = these[GROUPS[1]], these[GROUPS[0]]
                kind = "gain" if dark["low"] > 0 else "loss" if dark["high"] < 0 else "no change shown"
                start = f"- {labels[model]}, {percent} % in place of none: {estimate(dark).points()} points on V–VI"
                texts.append(f"{start} ({kind}), {estimate(light).points()} on I–IV.")
    return "\n".join(texts) if texts else NOT_RUN


def remedy_text(record: Line, score: str = "macro_f1") -> str:
    """Which remedy is shown to raise dark skin, or to lower light skin, against plain training."""
    texts = []
    for name, label in REMEDIES.items():
        found = [x for x in record["remedies"] if x["row"] == f"{PLAIN}_{name}" and x["reference"] == PLAIN]
        these = {x["group"]: x for x in found if x["score"] == score}
        if not these:
            texts.append(f"*{label}*: {NOT_RUN}")
            continue
        kinds = {
            g: "not shown" if x["p_holm"] >= 0.05 else "higher" if x["value"] > 0 else "**lower**"
            for g, x in these.items()
        }
        texts.append(f"*{label}*: V–VI {kinds[GROUPS[1]]}, I–IV {kinds[GROUPS[0]]}")
    return "Against plain training, after Holm's correction: " + "; ".join(texts) + "."


def _changed_attributes(table: Sequence[Line]) -> dict[str, str]:
    """Names of the attributes that are told less well and better on type VI, by corrected p, largest change first."""
    shown = sorted((line for line in table if line["p_holm"] < 0.05), key=lambda x: x["net"])
    less, better = [x for x in shown if x["net"] < 0], [x for x in reversed(shown) if x["net"] > 0]
    told = {"told_less": less, "told_better": better}
    return {name: ", ".join(pretty(x["attribute"]) for x in lines) or "none" for name, lines in told.items()}


def takeaways(by_type: Line, pairs: Line, mix: Line) -> dict[str, float | str]:
    """The numbers and words of the page's first lines, in points, to be glued; of the full model."""
    darkest = next(line for line in pairs["full"]["flips"] if line["version"] == "VI")
    gap = next(line for line in by_type["gaps"] if (line["row"], line["score"]) == ("full", "accuracy"))
    shares = {x["group"]: x for x in mix["shares"] if (x["row"], x["score"]) == ("full_dark50", "accuracy")}
    found: dict[str, float | str] = {}
    for name, line in {"even_gap": gap, "bought": shares["V–VI"], "paid": shares["I–IV"]}.items():
        found |= {name: 100 * line["value"]} | {f"{name}_{end}": 100 * line[end] for end in ("low", "high")}
    for name, key in {"flips": "over_retake", "net": "net"}.items():
        found |= {f"{name}{end}": 100 * darkest[f"{key}{end}"] for end in ("", "_low", "_high")}
    plain = [
        x for x in mix["remedies"] if x["reference"] == PLAIN and x["row"].startswith(PLAIN) and x["p_holm"] < 0.05
    ]
    shown = {x["row"] + x["group"]: x["value"] for x in plain if x["score"] == "accuracy"}
    found |= _changed_attributes(pairs["attributes"])
    found["helping"] = sum(value > 0 for name, value in shown.items() if name.endswith("V–VI"))
    return found | {"narrowing": sum(value < 0 for name, value in shown.items() if name.endswith("gap"))}
