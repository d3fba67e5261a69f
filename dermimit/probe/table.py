"""The scores of a probe as text for a terminal."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import Estimate, estimate
from dermimit.evaluate.out_of_fold import patients_text

SCORES = {"macro-F1": "macro_f1", "balanced accuracy": "balanced_accuracy", "accuracy": "accuracy", "AUROC": "auroc"}

INTERVALS = {
    1: " for other patients, not for other splits",
    2: " (wide: two splits say little about how splits differ; three or more narrow them)",
}
"""What an interval of few splits is to be read with."""


def table(metrics: Mapping[str, Any]) -> str:
    """Scores with their 95 % intervals, and the recall of each disease, a line for each method and features.

    Args:
        metrics: the content of metrics.json.
    """
    rows = metrics["rows"]
    scores = {name: [estimate(row, key).plain() for row in rows] for name, key in SCORES.items()}
    recalls = {
        name: [Estimate(*row["recall"][name]).plain(2) for row in rows] for name in metrics["classes"]
    }  # fmt: skip
    labels = pd.Index([row["row"] for row in rows])
    first = rows[0]
    splits = len(first["splits"])
    head = (f"{first['photographs']} photographs, {patients_text(first)}, {metrics['folds']} folds, "
            f"mean of {splits} split{'s' * (splits > 1)}; 95 % intervals{INTERVALS.get(splits, '')}")  # fmt: skip
    return "\n".join(
        [head, pd.DataFrame(scores, labels).to_string(), "recall", pd.DataFrame(recalls, labels).to_string()]
    )
