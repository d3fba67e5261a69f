"""The fresh test sets of SynDerm-49 as benchmarks: their labels follow from the package, and nothing ships."""

import pandas as pd

from dermimit.data.synderm import LABEL_SPACE, TEST_CASES, TEST_SEED, SynDerm, split_seed


def fresh_table(regime: str) -> pd.DataFrame:
    """The labels of the 20,000 fresh test cases of a regime, in the columns of a benchmark; all in fold 0."""
    cases = SynDerm(TEST_CASES, split_seed(TEST_SEED, "test"), 16, regime=regime)  # labels do not depend on the size
    labels = [cases.labels(index) for index in range(TEST_CASES)]
    names = [f"test-{index:06d}" for index in range(TEST_CASES)]
    return pd.DataFrame({
        "image": names, "patient_id": names, "lesion_id": names, "disease": [one.disease for one in labels],
        "body_part": [one.body_part for one in labels], "fitzpatrick": [one.fitzpatrick for one in labels],
        "attributes": ["; ".join(one.attributes) for one in labels], "attributes_unknown": "", "fold": 0,
    })  # fmt: skip


def classes() -> dict[str, str]:
    """The 49 diseases, by their name."""
    return {name: name for name in LABEL_SPACE.diseases}
