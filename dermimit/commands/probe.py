"""`dermimit probe`."""

from typing import Annotated

import tyro

from dermimit.probe.config import ProbeConfig


def probe(config: Annotated[ProbeConfig, tyro.conf.arg(name="")]) -> None:
    """Say what a frozen backbone already tells: nearest neighbours, logistic regression and attentive pooling.

    Folds are by patient, or lesion, and balanced by disease; scores are of photographs of unseen patients. Writes
    config.json, answers.parquet, metrics.json and provenance.json, whole or not at all.
    """
    from dermimit.probe import probe
    from dermimit.probe.record import read_metrics
    from dermimit.probe.table import table

    out = probe(config)
    print(f"{table(read_metrics(out))}\n{out}")
