"""The records of the chapter on failures as tables and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.error_types import (
    TAG_LABELS,
)
from dermimit.evaluate.estimate import (
    Estimate,
    estimate,
    p_text,
)
from studies.failures.by_condition import (
    YES,
)
from studies.failures.error_dependence import GAPS

Line = Mapping[str, Any]
STRONG = 0.15  # change of a probability, planted minus control, from which a shortcut is called more than weak


def cases(table: Sequence[Line], meanings: Mapping[str, str]) -> pd.DataFrame:
    """`failures.case_table` of one model."""
    return pd.DataFrame(
        {
            "tag": meanings[line["tag"]],
            "photographs": round(line["photographs"]),
            "among errors, %": estimate(line, "among_wrong").percent(),
            "among right answers, %": estimate(line, "among_right").percent(),
            "risk ratio (95 %)": estimate(line, "ratio").ratio(),
        }
        for line in table
    )


def enriched(table: Sequence[Line]) -> str:
    """Which tags go with errors, by their intervals."""
    kinds = {"likelier": [], "less likely": [], "neither": []}
    for line in table:
        kind = "likelier" if line["ratio_low"] > 1 else "less likely" if line["ratio_high"] < 1 else "neither"
        kinds[kind].append(f"*{TAG_LABELS[line['tag']].removeprefix('· ')}*")
    texts = [f"errors are {kind} with {', '.join(tags)}" for kind, tags in kinds.items() if tags and kind != "neither"]
    if kinds["neither"]:
        texts.append(f"for {', '.join(kinds['neither'])} the interval holds 1, so that no dependence is shown")
    text = "; ".join(texts) + "."
    return text[0].upper() + text[1:]


def errors(
    tables: Mapping[str, Sequence[Line]], meanings: Mapping[str, str], labels: Mapping[str, str]
) -> pd.DataFrame:
    """`failures.error_table` of several models, one beside the other."""
    first = next(iter(tables))
    found = pd.DataFrame({"tag": [meanings[line["tag"]] for line in tables[first]]})
    for row, table in tables.items():
        found[f"{labels[row]}: share of errors, %"] = [estimate(line, "share").percent() for line in table]
        chances = [line["chance"] for line in table]
        found[f"{labels[row]}: by chance, %"] = ["–" if c is None or np.isnan(c) else f"{100 * c:.1f}" for c in chances]
    return found


def compared(table: Sequence[Line]) -> pd.DataFrame:
    """`failures.compared`, of the full model with D."""
    return pd.DataFrame(
        {
            "photographs": "all" if line["tag"] == "all" else TAG_LABELS[line["tag"]],
            "number": line["photographs"],
            "full wrong, %": f"{100 * line['first']:.1f}",
            "D wrong, %": f"{100 * line['second']:.1f}",
            "difference, points (95 %)": estimate(line, "difference").points(),
        }
        for line in table
    )


def groups(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.group_table`: a line a group, a column a model, of the models that have a label."""
    lines = [
        {
            "the disease is right, %, given": line["group"],
            "model": labels[line["row"]],
            "text": estimate(line).percent(),
        }
        for line in table
        if line["row"] in labels
    ]
    frame = pd.DataFrame(lines)
    order = list(dict.fromkeys(frame["the disease is right, %, given"])), list(dict.fromkeys(frame["model"]))
    wide = frame.pivot(index="the disease is right, %, given", columns="model", values="text")
    return wide.loc[order[0], order[1]].reset_index().rename_axis(columns=None)


def gaps(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.gap_table` in points."""
    return pd.DataFrame(
        {
            "gap": line["gap"].replace("_", " "),
            "model": labels[line["row"]],
            "own, points (95 %)": estimate(line).points(),
            "borrowed": estimate(line, "borrowed").points(),
            "beyond": estimate(line, "beyond").points(),
            "p": p_text(line["p"]),
        }
        for line in sorted(table, key=lambda line: list(GAPS).index(line["gap"]))
    )


def gap_differences(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.gap_differences` in points."""
    return pd.DataFrame(
        {
            "gap": line["gap"].replace("_", " "),
            "model": labels[line["row"]],
            "difference, points (95 %)": estimate(line).points(),
            "p": p_text(line["p"]),
        }
        for line in sorted(table, key=lambda line: list(GAPS).index(line["gap"]))
    )


def travels(taxonomy: Line) -> str:
    """What the gaps allow one to say of the cross-interaction."""
    full = {line["gap"]: line for line in taxonomy["gaps"] if line["row"] == "full"}
    texts = []
    for gap, name in (("body_part", "body part"), ("attributes", "attributes")):
        beyond = "more" if full[gap]["beyond_low"] > 0 else "not shown to be more"
        texts.append(
            f"for the {name} {estimate(full[gap], 'beyond').points()} points, {beyond} than the cases' difficulty"
        )
    held = sum(line["beyond_low"] <= 0 <= line["beyond_high"] for line in taxonomy["gaps"])
    text = f"What goes beyond the borrowed gap in the full model: {'; '.join(texts)}. "
    text += f"In {held} of the {len(taxonomy['gaps'])} lines of the first table its interval holds zero. "
    wider = [line for line in taxonomy["gap_differences"] if line["gap"] == "body_part" and line["low"] > 0]
    if wider and full["body_part"]["beyond_low"] <= 0:
        text += (
            f"{len(wider)} joined models have a wider gap on the body part than the unjoined one, but their borrowed "
            "gaps are wider too: they fail on body parts where the disease is hard, whoever is asked."
        )
    return text


def flips(table: Sequence[Line]) -> pd.DataFrame:
    """`counterfactuals.flips` of one model."""
    return pd.DataFrame(
        {
            "change": line["change"],
            "flipped, %": estimate(line, "flipped").percent(),
            "beyond a retake, points": estimate(line, "over_retake").points(),
            "lost / gained, %": f"{100 * line['lost']:.1f} / {100 * line['gained']:.1f}",
            "net, points": estimate(line, "net").points(),
            "probability of the truth, points": estimate(line, "true").points(),
        }
        for line in table
    )


def beyond_retake(table: Sequence[Line]) -> str:
    """Which changes flip more answers than a retake, and which fewer."""
    kinds: dict[str, list[str]] = {"more": [], "fewer": [], "as many": []}
    for line in table[2:]:
        kind = "more" if line["over_retake_low"] > 0 else "fewer" if line["over_retake_high"] < 0 else "as many"
        kinds[kind].append(line["change"])
    texts = [f"{kind} for {', '.join(names)}" for kind, names in kinds.items() if names]
    worse = [f"{line['change']} ({estimate(line, 'net').points()} points)" for line in table if line["net_high"] < 0]
    text = "Full model, against a retake, by the intervals (*as many*: no difference is shown): " + "; ".join(texts)
    return text + (f". More answers lost than gained: {', '.join(worse)}." if worse else ". No change loses more.")


def learnt(records: Mapping[str, Line]) -> pd.DataFrame:
    """`planted.learnt` of the networks with each plant: thing -> record."""
    return pd.DataFrame(
        {
            "plant": thing,
            "network": line["network"],
            "cases": f"{line['cases']} {line['photographs']}",
            "melanoma, % without it": f"{100 * line['without']:.1f}",
            "with it": f"{100 * line['with']:.1f}",
            "change, points (95 %)": estimate(line, "change").points(),
            "answered melanoma, %": f"{100 * line['said_without']:.1f} → {100 * line['said_with']:.1f}",
        }
        for thing, record in records.items()
        for line in record["learnt"]
    )


def learnt_note(records: Mapping[str, Line]) -> str:
    """Whether a thing moves the planted network's melanomas more than the control's, from either start."""
    texts = []
    for thing, record in records.items():
        for start, lines in (("", record["learnt"]), (", from random weights", record["scratch"])):
            found = {line["network"]: line for line in lines if line["photographs"] == "melanoma"}
            if found:
                texts.append(f"*{thing}{start}*: {_learnt_text(found['planted'], found['control'])}")
    return "On melanomas, planted against control. " + " ".join(texts)


def _learnt_text(planted: Line, control: Line) -> str:
    """The change in both networks, and what it allows one to say."""
    gap = planted["change"] - control["change"]
    text = f"{estimate(planted, 'change').points()} against {estimate(control, 'change').points()} points, "
    if planted["change_low"] <= control["change_high"]:
        return text + "**no shortcut is shown**."
    return text + ("learnt." if gap >= STRONG else "learnt, but **weakly**.")


def reveals(records: Mapping[str, Line]) -> pd.DataFrame:
    """`planted.revealed` for each plant: thing -> record."""
    return pd.DataFrame(
        {
            "plant": thing,
            "method": line["method"].replace("_", " "),
            "planted": estimate(line, "planted").ratio(),
            "control": estimate(line, "control").ratio(),
            "difference (95 %)": estimate(line, "difference").ratio(),
            "reveals it?": line["reveals"],
        }
        for thing, record in records.items()
        for line in record["methods"]
    )


def revealing(records: Mapping[str, Line]) -> str:
    """The methods that reveal each plant, and those that move without revealing it."""
    return "\n".join(f"- *{thing}*: {_revealing(record['methods'])}" for thing, record in records.items())


def _revealing(table: Sequence[Line]) -> str:
    seen = [line["method"].replace("_", " ") for line in table if line["reveals"] == YES]
    unseen = [line for line in table if line["reveals"] != YES]
    moved = [line["method"].replace("_", " ") for line in unseen if line["difference_low"] > 0]
    text = f"**{len(seen)} of {len(table)}** maps reveal the shortcut" + (f": {', '.join(seen)}." if seen else ".")
    if moved:
        text += f" Drawn towards it by the plant, but not shown to favour it: {', '.join(moved)}."
    return text


def detector(table: Sequence[Line]) -> pd.DataFrame:
    """`ink_study.detector_table`."""
    known = [line["low"] is not None and not np.isnan(line["low"]) for line in table]
    return pd.DataFrame(
        {
            "on drawn close-ups": line["what"],
            "of": line["photographs"],
            "share, % (95 %)": Estimate(line["share"], line["low"], line["high"]).percent()
            if k
            else f"{100 * line['share']:.1f}",
        }
        for line, k in zip(table, known, strict=True)
    )


def ink_counts(table: Sequence[Line]) -> pd.DataFrame:
    """`ink_study.ink_counts`."""
    return pd.DataFrame(
        {
            "disease": line["disease"],
            "photographs": line["photographs"],
            "with ink": line["inked"],
            "share, % (95 %)": Estimate(line["share"], line["low"], line["high"]).percent(),
        }
        for line in table
    )


def real_errors(models: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`ink_study.error_rates` of several models."""
    return pd.DataFrame(
        {
            "model": labels[model["row"]],
            "wrong with ink, %": estimate(model["errors"], "with").percent(),
            "wrong without ink, %": estimate(model["errors"], "without").percent(),
            "difference, points (95 %)": estimate(model["errors"], "difference").points(),
        }
        for model in models
    )


def real_flips(models: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`ink_study.flip_rates` of several models."""
    return pd.DataFrame(
        {
            "model": labels[model["row"]],
            "photographs with ink": model["flips"]["photographs"],
            "flipped by painting ink over, %": estimate(model["flips"], "ink").percent(),
            "by painting elsewhere, %": estimate(model["flips"], "elsewhere").percent(),
            "difference, points (95 %)": estimate(model["flips"], "difference").points(),
            "lost / gained, %": f"{100 * model['flips']['lost']:.1f} / {100 * model['flips']['gained']:.1f}",
        }
        for model in models
    )


def real_verdict(models: Sequence[Line], labels: Mapping[str, str]) -> str:
    """What the paint says, in a sentence a model."""
    texts = []
    for model in models:
        low, high = model["flips"]["difference_low"], model["flips"]["difference_high"]
        kind = "more" if low > 0 else "less" if high < 0 else "not shown to be moved more (the interval holds zero)"
        texts.append(f"*{labels[model['row']]}*: {kind}")
    return "Are answers moved more by taking the ink away than by paint in another place? " + "; ".join(texts) + "."


def gallery(cases: Sequence[Line]) -> pd.DataFrame:
    """The worst errors in words: what was said, how sure, the truth, and the ideal observer's view."""
    lines = []
    for case in cases:
        said, sure = case["differential"][0]
        found = set(case["attributes"]) & set(case["said_attributes"])
        line = {
            "said": said,
            "sure, %": f"{100 * sure:.0f}",
            "true": case["disease"],
            "rank of the truth": case["rank"],
        }
        line["body part"] = "right" if case["body_part"] == case["said_body_part"] else "wrong"
        line["attributes found"] = f"{len(found)} of {len(case['attributes'])}"
        lines.append(line | {f"ideal: {k}, %": f"{100 * case['ideal'][k]:.0f}" for k in ("true", "said")})
    return pd.DataFrame(lines)


def gallery_note(cases: Sequence[Line]) -> str:
    """How many of the worst errors have a right body part, and how many the ideal observer would make too."""
    body = sum(case["body_part"] == case["said_body_part"] for case in cases)
    excused = sum(case["ideal"]["said"] >= case["ideal"]["true"] for case in cases)
    return (
        f"Of these {len(cases)}, {body} have the right body part, and in {excused} the ideal observer would "
        "find the answer no less likely than the truth."
    )
