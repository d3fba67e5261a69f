"""`dermimit probe`."""

from typing import Annotated

import tyro

from dermimit.probe.config import ProbeConfig


def probe(config: Annotated[ProbeConfig, tyro.conf.arg(name="")]) -> None:
    """Score the features of a frozen backbone: nearest neighbours, logistic regression and attentive pooling.

    Folds are by patient, or lesion, and stratified by disease; the scored photographs are of unseen patients. Writes
    config.json, answers.parquet, metrics.json and provenance.json, all of them or none.
    """
    from dermimit.probe import probe
    from dermimit.probe.record import read_metrics
    from dermimit.probe.table import table

    out = probe(config)
    print(f"{table(read_metrics(out))}\n{out}")
