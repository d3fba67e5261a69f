"""The test cases of the published runs on synthetic images: the photographs once more, and what is known of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dermimit.data.synderm import SynDerm, pixels_fingerprint, posterior, split_seed
from dermimit.evaluate.error_types import CONFOUNDERS
from dermimit.records import write_parquet

TESTS, SIZE = 2000, 64  # photographs, pixels
SEED = split_seed(0, "test")


def tests(n: int = TESTS) -> SynDerm:
    """The published test cases."""
    return SynDerm(n, SEED, SIZE)


def case_facts(cases: SynDerm) -> pd.DataFrame:
    """What is known of drawn cases without any network, a row a case in order.

    Returns:
        columns `area` (share of the picture that is lesion in sight), `CONFOUNDERS` (bool), `blur` (of the camera, as a
        share of the picture's side), `fitzpatrick`, and
        `ideal`: (49,) probabilities of the diseases given body part, attributes and lesion parameters, which is all
        that a picture can depend on (`ceiling.posterior`).
    """
    rows = []
    for index in tqdm(range(len(cases)), desc="facts", disable=None):
        case = cases[index]
        found, labels = case.parameters["nuisance"], case.labels
        lesions = (labels.number, labels.size, labels.arrangement)
        ideal = posterior(labels.body_part, labels.attributes, lesions, cases.prior)
        row = {"area": float(case.mask.mean()), **{name: bool(found[name]) for name in CONFOUNDERS}}
        row["blur"] = float(found["blur"])
        rows.append(row | {"fitzpatrick": labels.fitzpatrick, "ideal": np.array(list(ideal.values()))})
    return pd.DataFrame(rows)


def facts_of(work: Path) -> pd.DataFrame:
    """Facts of the test cases, drawn once."""
    path = work / f"case-facts-{pixels_fingerprint()[:12]}.parquet"
    if not path.exists():
        write_parquet(path, case_facts(tests()))
    return pd.read_parquet(path)
