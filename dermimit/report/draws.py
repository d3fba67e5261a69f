"""How resamples of a page's photographs are drawn, and what is known of where photographs come from."""

import pandas as pd

from dermimit.evaluate.resampling import Draws, patient_draws
from dermimit.report.markup import count

RESAMPLES = 1000


def draws_of(rows: pd.DataFrame) -> Draws:
    """Resamples by patient, a photograph without one by itself."""
    return patient_draws(rows["patient_id"], RESAMPLES)


def units_of(rows: pd.DataFrame) -> str:
    """How the intervals of these photographs are drawn, in words."""
    photographs, known = len(rows), rows["patient_id"].notna()
    patients = rows.loc[known, "patient_id"].nunique()
    if not known.any():
        return "by photograph, since patients are not known: photographs of one patient would make them too narrow"
    if known.all():
        return f"by patient ({count(patients, 'patient')}, {count(photographs, 'photograph')})"
    rest = count(int((~known).sum()), "photograph")
    return f"by patient where known ({count(patients, 'patient')}; {rest} without one stand alone)"
