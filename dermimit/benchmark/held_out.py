"""Folds of Fitzpatrick17k that hold a whole source, or a whole range of skin types, out of training."""

from pathlib import Path

import pandas as pd

from dermimit.data import fitzpatrick17k
from dermimit.data.problems import describe, raise_problems
from dermimit.data.tables import read_table

SOURCES = {"dermaamin": "DermaAmin", "atlasdermatologico": "Atlas Dermatologico"}
"""Word in the address of a photograph -> the atlas that it comes from."""
SKIN_TYPES = {1: "types I and II", 2: "types I and II", 3: "types III and IV", 4: "types III and IV",
              5: "types V and VI", 6: "types V and VI"}  # fmt: skip
ADDRESS = "url_alphanum"  # unlike `url`, it is given for every photograph


def held_out(root: Path, frame: pd.DataFrame, by: str) -> tuple[pd.DataFrame, tuple[str, ...], dict[str, int]]:
    """The rows of a manifest that such folds can test, with their fold.

    A photograph is left out where its part is not known; where it has a near-duplicate in another part; or where no
    other part has its disease, so that no training could have seen one.

    Args:
        root: folder of the dataset.
        frame: manifest with a disease in every row.
        by: "source" or "skin type".

    Returns:
        the rows that are kept, with column `fold`; name of each fold; reason -> photographs left out.
    """
    part = _sources(root, frame) if by == "source" else frame["fitzpatrick"].map(SKIN_TYPES)
    names = tuple(dict.fromkeys((SOURCES if by == "source" else SKIN_TYPES).values()))
    left = {f"of unknown {by}": int(part.isna().sum())}
    frame = frame.assign(part=part)[part.notna()]
    groups = frame["patient_id"].dropna()
    parts_of = frame.loc[groups.index].groupby("patient_id")["part"].transform("nunique").reindex(frame.index)
    left["with a near-duplicate in another fold"] = int((parts_of > 1).sum())
    frame = frame[~(parts_of > 1)]
    alone = frame.groupby("disease")["part"].transform("nunique") < 2
    left["of a disease that no other fold has"] = int(alone.sum())
    frame = frame[~alone]
    return frame.assign(fold=frame["part"].map(names.index)).drop(columns="part"), names, left


def _sources(root: Path, frame: pd.DataFrame) -> pd.Series:
    """The atlas of each photograph, from the addresses in the table."""
    path = root / fitzpatrick17k.TABLE
    table = read_table(path, ("md5hash", ADDRESS), fitzpatrick17k.INFO["title"])
    known = {word: table[ADDRESS].str.contains(word, na=False) for word in SOURCES}
    found = pd.Series(pd.NA, table.index, dtype=object)
    for word, here in known.items():
        found[here] = SOURCES[word]
    stems = frame["image"].map(lambda name: Path(name).stem)
    unknown = table.index[found.isna() & table["md5hash"].isin(stems)]
    remedy = f"the address names neither {' nor '.join(SOURCES)}; use the official table"
    raise_problems(str(path), [describe(i, ADDRESS, table.at[i, ADDRESS], remedy) for i in unknown])
    return stems.map(dict(zip(table["md5hash"], found, strict=True)))
