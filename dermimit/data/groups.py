"""Which photographs belong together: those of one patient, else those of one lesion."""

import warnings

import pandas as pd

from dermimit.data.columns import SPLITS

PATIENT, LESION = "patient_id", "lesion_id"


def groups_of(frame: pd.DataFrame, column: str, unit: str, named: str = "group {}", alone: str = "row {}") -> pd.Series:
    """A group name for each row: its value in a column; for patients, where it is missing, its lesion; else its own.

    A lesion whose other photographs are of one known patient is that patient's.

    Args:
        frame: a manifest; columns that it lacks are missing.
        column: whose values are the groups; lesions serve where it is `patient_id`.
        unit: what the groups are dealt to, for the warning about rows of their own: "splits".
        named, alone: how the names are made of a value and of a row's label.

    Returns:
        Text, with the frame's index.
    """
    values = frame[column] if column in frame else pd.Series(None, index=frame.index, dtype=object)
    names = values.map(lambda value: None if pd.isna(value) else named.format(value)).astype(object)
    if column == PATIENT and LESION in frame and values.isna().any():
        names = names.where(names.notna(), _by_lesion(frame.assign(**{PATIENT: values}), names))
        names = _joined(frame.assign(**{PATIENT: values}), names)
    missing, lonely = values.isna(), names.isna()
    if lonely.any():
        kept = int(missing.sum() - lonely.sum())
        lesions = f", {kept} of them kept together by {LESION}; each other" if kept else ": each"
        warnings.warn(
            f"{missing.sum()} of {len(frame)} photographs have no {column}{lesions} counts as a patient of its own, so "
            f"that those of one patient may fall in two {unit} and scores be too good; give column {column} in a table "
            "(manifest.csv) if you can",
            stacklevel=3,
        )
    own = pd.Series([alone.format(i) for i in frame.index], frame.index, dtype=object)
    return names.where(~lonely, own)


def _by_lesion(frame: pd.DataFrame, names: pd.Series) -> pd.Series:
    """For each row the group of its lesion: the one known patient with it, else the lesion; None without lesion."""
    lesions = frame[LESION]
    owners = names.groupby(lesions).agg(lambda known: known.dropna().unique())
    one = {} if _numbered_by_patient(frame) else {lesion: n[0] for lesion, n in owners.items() if len(n) == 1}
    return lesions.map(lambda v: None if pd.isna(v) else one.get(v, f"lesion {v}")).astype(object)


def _joined(frame: pd.DataFrame, names: pd.Series) -> pd.Series:
    """The groups with those made one that share a lesion of which a photograph names no patient: it may be of each."""
    if _numbered_by_patient(frame):
        return names
    open_lesions = frame.loc[frame[PATIENT].isna(), LESION].dropna().unique()
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while name in first:
            name = first[name]
        return name

    for _, group in names[frame[LESION].isin(open_lesions)].groupby(frame[LESION]):
        one, *others = dict.fromkeys(map(root, group))
        first |= dict.fromkeys(others, one)
    return names.map(lambda name: name if name is None else root(name)).astype(object) if first else names


def _numbered_by_patient(frame: pd.DataFrame) -> bool:
    """Whether lesions are counted anew for each patient, so that one number means many lesions."""
    known = frame[frame[PATIENT].notna() & frame[LESION].notna()]
    return len(known) > 0 and float((known.groupby(LESION)[PATIENT].nunique() > 1).mean()) > 0.5


def divided(frame: pd.DataFrame, column: str) -> dict[str, list[str]]:
    """The groups of a column with rows in more than one split, with their splits in order."""
    known = frame[frame[column].notna() & frame["split"].notna()]
    splits = known.groupby(column)["split"].unique()
    return {name: sorted(found, key=SPLITS.index) for name, found in splits.items() if len(found) > 1}


def divided_lesions(frame: pd.DataFrame, patients_differ: bool = True) -> dict[str, list[str]]:
    """The lesions with photographs in more than one split that no division of a patient explains.

    Args:
        frame: a manifest with splits.
        patients_differ: also those whose photographs name different patients, not only those of which a photograph
            names none. Where lesions are counted anew for each patient, only photographs without patient count.
    """
    if LESION not in frame:
        return {}
    if _numbered_by_patient(frame):
        return divided(frame[frame[PATIENT].isna()], LESION)
    lesions = {}
    for lesion, splits in divided(frame, LESION).items():
        patients = frame.loc[frame[LESION] == lesion, PATIENT]
        if patients.isna().any() or (patients_differ and patients.nunique() > 1):
            lesions[lesion] = splits
    return lesions


def units_of(groups: int, rows: int, column: str) -> str:
    """What is dealt out, for errors: "9 photographs", or "2 groups of photographs by patient_id"."""
    return f"{rows} photographs" if groups == rows else f"{rows} photographs in {groups} group(s) by {column}"
