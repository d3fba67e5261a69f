"""What several tests ask of the published runs, judged once in a process; a table is a copy."""

from functools import cache
from pathlib import Path

import pandas as pd

from studies.evidence.verdicts import judge
from studies.overview.read import read_claims
from studies.shared.evidence import with_controls

ROOT = Path(__file__).parents[2]
claims = cache(lambda: read_claims(ROOT))
_table = cache(lambda: judge(with_controls(ROOT)))


def first_edition() -> pd.DataFrame:
    """The claims of the first edition with their verdicts."""
    return _table().copy()
