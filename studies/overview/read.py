"""The claims with their findings, read from the records of all chapters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.evidence import backbone_tables, gradient_conflict, verdicts
from studies.localisation import backbone_tables as map_tables
from studies.localisation.summary import paired_methods
from studies.localisation.tables import read_localisation
from studies.overview import collect
from studies.overview.claims import Claim
from studies.protocol.pretrained import read_verdicts
from studies.rare_diseases import by_frequency
from studies.rare_diseases.tables import read_rare
from studies.shared.evidence import read_evidence, with_controls
from studies.shared.paths import EXPERIMENTS, PUBLISHED


def read_claims(root: Path) -> list[Claim]:
    """All claims with what the published records say of them.

    Args:
        root: the project's folder.
    """
    controlled, watched = with_controls(root), read_evidence(root, "gradients")
    contrasts = pd.DataFrame(read_json(root / PUBLISHED / "protocol/verdicts.json")["contrasts"])
    contrasts = pd.concat([contrasts, read_verdicts(root)])
    rows = read_experiments(root / EXPERIMENTS / "real/pad_ufes_20_backbones.csv")
    cosines = gradient_conflict.seed_cosines(watched.records[watched.records["row"].isin(watched.own)])
    agreed = gradient_conflict.agreement_by_seed(cosines)
    return collect.claims(
        verdicts.judge(controlled),
        verdicts.judge(controlled, verdicts.SUMS),
        contrasts,
        backbone_tables.judged(backbone_tables.read_backbones(root), rows),
        {"synthetic": _synthetic(root), "real": _real(root)},
        _rare(root, controlled.label_space.diseases),
        (gradient_conflict.agreement_gain(agreed), len(agreed)),
        additive(root),
    )


def additive(root: Path) -> float:
    """Macro-F1 in per cent of the best classifier that only adds evidence, on images whose findings interact."""
    table = {line["regime"]: line for line in read_json(root / PUBLISHED / "synderm_checks/ceilings.json")["table"]}
    return 100 * float(table["interaction=1"]["additive"]["best"]["macro_f1"])


def larger(root: Path) -> float:
    """Macro-F1 in per cent that a larger network reached on images whose findings interact."""
    curve = read_json(root / PUBLISHED / "synderm_checks/reached_interaction=1.json")["curve"]
    return 100 * float(curve[-1]["macro_f1"])


def read_levels(root: Path) -> dict[str, float]:
    """Macro-F1 on synthetic images, in per cent: `alone` (disease only), `full`, and `best`, the Bayes-optimal one."""
    records = with_controls(root).records
    means = records.groupby("row")["test/disease/macro_f1"].mean()
    best = read_json(root / PUBLISHED / "synderm/ceiling.json")["macro_f1"]
    return {"alone": 100 * means["D"], "full": 100 * means["full"], "best": 100 * best}


def _synthetic(root: Path) -> list[dict]:
    """Lesion score minus centre of the image, on synthetic images."""
    methods = read_localisation(root).methods
    assert methods is not None
    return paired_methods(methods, "lsm_score", "centre_prior", scores=["auroc"]).to_dict("records")


def _real(root: Path) -> list[dict]:
    """The same on real photographs, of the network that was fine-tuned on them with lesion selection."""
    record = map_tables.read_backbones(root) or {"pairs": []}
    wanted = ("tuned_D_LSM", "lsm_score", "centre_prior")
    return [p for p in record["pairs"] if (p["model"], p["map"], p["reference_map"]) == wanted]


def _rare(root: Path, diseases: tuple[str, ...]) -> dict[str, float]:
    """How the gain from further tasks changes with the number of training images."""
    answers, record, _ = read_rare(root)
    full, alone = (by_frequency.answers_of(answers, row) for row in ("full", "D_LSM"))
    counts = np.array([record["counts"][name] for name in diseases])
    return dict(by_frequency.gain_by_count(answers["truth"].to_numpy(np.int64), full, alone, counts))
