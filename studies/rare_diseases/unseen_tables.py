"""What models say of diseases that they have never seen, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import Estimate, estimate


def unseen_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """A line for each run and score: AUROC, false alarms, and "none of these" at the promised rate; text."""
    lines = []
    for run in record["unseen"]:
        for kind, score in run["scores"].items():
            refused = run["none_of_these"][kind]
            line = {
                "model": f"{labels['rare_diseases:' + run['row']]}, seed {run['seed']}",
                "score": kind.replace("_", " "),
            }
            for name, key in (("AUROC (95 %)", "auroc"), ("false alarms at 95 % found", "fpr95")):
                line[name] = estimate(score, key).plain(2)
            line |= {
                "“none of these”, known": f"{refused['known']:.0%}",
                "“none of these”, new": f"{refused['new']:.0%}",
            }
            lines.append(line)
    return pd.DataFrame(lines)


def unseen_attributes_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Attributes on photographs of the unseen diseases, by runs that have not and that have seen these; text."""
    lines = []
    for run in record["unseen"]:
        for kind, name in (("without", "not seen in training"), ("with", "seen in training")):
            if score := run.get("attributes", {}).get(kind):
                text = Estimate(score["auroc"], score["low"], score["high"]).plain()
                line = {"the five diseases were": name, "seed": run["seed"], "mean AUROC of attributes (95 %)": text}
                lines.append(line | {"attributes": score["attributes"], "photographs": score["photographs"]})
    return pd.DataFrame(lines)


def unseen_shots_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """Recall of the unseen diseases by prototypes of a few examples, among all 49; text."""
    lines = []
    for run in record["unseen"]:
        line: dict[str, Any] = {"model": labels["rare_diseases:" + run["row"]], "seed": run["seed"]}
        line |= {
            f"{x['shots']} example{'s' * (x['shots'] > 1)}": f"{x['recall']:.2f} ± {x['sd']:.2f}"
            for x in run["few_shot"]
        }
        lines.append(line)
    return pd.DataFrame(lines)
