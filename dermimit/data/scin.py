"""SCIN: photographs that people in the United States gave of their own skin, labelled by up to three dermatologists.

Ward et al., "Creating an Empirical Dermatology Dataset Through Crowdsourcing With Web Search Advertisements", JAMA
Network Open 2024 (arXiv 2402.18545). SCIN Data Use License: sharing with attribution, no re-identification.

Protocol. No official split. A row is a photo, up to three a case; all have the labels of their case, and `patient_id`
is the case, so that a split keeps them together. `disease` is the condition of the greatest weight;
`disease_weights` is the dermatologists' whole differential, over the conditions kept.

Choices of ours. Body parts, textures and symptoms are boxes that people ticked: where no box of a group is ticked, the
group is unknown; where one is, the others are absent. The box "no relevant experience" answers the group of symptoms
with none of them. The skin type is the one that people gave of themselves.
"""

import ast
import math
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.absent import leaves_out, without_absent
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError, describe, raise_problems
from dermimit.data.schema import validate_manifest
from dermimit.data.tables import named, read_table

NAME = "scin"
CASES, LABELS = "scin_cases.csv", "scin_labels.csv"
FOLDER = "dataset"
BODY_PARTS: tuple[str, ...] = ("head_or_neck", "arm", "palm", "back_of_hand", "torso_front", "torso_back")
BODY_PARTS += ("genitalia_or_groin", "buttocks", "leg", "foot_top_or_side", "foot_sole", "other")
TEXTURES = ("raised_or_bumpy", "flat", "rough_or_flaky", "fluid_filled")
SYMPTOMS = ("bothersome_appearance", "bleeding", "increasing_size", "darkening", "itching", "burning", "pain")
NO_SYMPTOM = "condition_symptoms_no_relevant_experience"
PREFIXES = {"body_parts_": BODY_PARTS, "textures_": TEXTURES, "condition_symptoms_": SYMPTOMS}
BOXES = (*(prefix + name for prefix, names in PREFIXES.items() for name in names), NO_SYMPTOM)
SKIN_TYPE, WEIGHTS = "fitzpatrick_skin_type", "weighted_skin_condition_label"
PATHS = ("image_1_path", "image_2_path", "image_3_path")

OFFICIAL = {"images": 10407, "patients": 5033, "body_parts": 12, "attributes": 11}  # patients: cases
INFO: dict[str, Any] = {
    "title": "SCIN, Skin Condition Image Network",
    "citation": "Ward et al., JAMA Network Open 2024 (arXiv 2402.18545)",
    "licence": "SCIN Data Use License: use and sharing with attribution",
    "forbids": "any attempt to re-identify a person",
    "source": "repository google-research-datasets/scin, which leads to the storage bucket dx-scin-public-data",
    "size": "10,407 images of 5,033 cases",
    "layout": "dataset/scin_cases.csv, dataset/scin_labels.csv, dataset/images/<number>.png",
    "classes": "the conditions with enough cases; 3,061 cases have a label",
    "body_parts": "12, several of which may be on one photograph; self-reported",
    "attributes": "11: 4 textures and 7 symptoms; self-reported",
    "skin_types": "Fitzpatrick 1 to 6, self-reported",
    "grouping": "case_id",
    "splits": "none official; at random, photographs of a case together",
    "faults": (
        "labels belong to the case, not the photo; body parts, textures, symptoms and skin type are self-reported",
        "about two fifths of the cases have no label, 48 of them though they were called gradable",
        "15 images occur more than once, 42 times in all",
        "columns are in lower case where its own schema writes capitals; case_id is a long number: read it as text",
        "in the training data of SkinVL: its scores on it are not clean",
    ),
}


def load(root: Path | str, min_cases: int = 20, missing: str = "error") -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of SCIN in `root`, without splits.

    Args:
        root: the folder that holds dataset/, or the two tables themselves.
        min_cases: conditions that are the heaviest of fewer cases are no classes; their cases have no disease label.
        missing: "error", or "leave out" for photos that are not there, with a warning that counts them.

    Raises:
        ManifestError: a column or a value is wrong, a case is given twice, or a photo is absent.
    """
    if min_cases < 1:
        raise ManifestError(f"min_cases {min_cases}: give at least 1")
    leave_out = leaves_out(missing)
    root = Path(root)
    folder = root / FOLDER if (root / FOLDER / CASES).is_file() else root
    cases = _read_by_case(folder / CASES, (SKIN_TYPE, *BOXES, *PATHS))
    labels = _read_by_case(folder / LABELS, (WEIGHTS,))
    if strangers := sorted(set(labels["case_id"]) - set(cases["case_id"])):
        raise ManifestError(
            f"{folder / LABELS}: case {strangers[0]!r} is not in {CASES}; use two tables of one release"
        )
    found = _differentials(labels, folder / LABELS)
    differentials = [found.get(case) for case in cases["case_id"]]
    heaviest = pd.Series([max(d, key=d.__getitem__) if d else None for d in differentials], cases.index, dtype=object)
    counts = heaviest.value_counts()
    kept = sorted(counts.index[counts >= min_cases])
    if not kept:
        raise ManifestError(f"{folder / LABELS}: no condition has {min_cases} cases; give a smaller min_cases")
    space = LabelSpace(NAME, tuple(kept), BODY_PARTS, (*TEXTURES, *SYMPTOMS), several_body_parts=True)
    frame = _answers(cases, folder / CASES).assign(
        disease=heaviest.where(heaviest.isin(kept)),
        disease_weights=[_restrict(d, h, kept) for d, h in zip(differentials, heaviest, strict=True)],
        patient_id=cases["case_id"],
    )
    frame = _one_row_a_photo(frame, cases, root, folder)
    frame = without_absent(frame, root, folder / CASES) if leave_out else frame
    return validate_manifest(frame, space, root, source=str(folder / CASES)).reset_index(drop=True), space


def _read_by_case(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path, ("case_id", *columns), INFO["title"])
    ids = table["case_id"]
    problems = [describe(i, "case_id", None, "name the case or remove the row") for i in ids.index[ids.isna()]]
    twice = ids.index[ids.duplicated() & ids.notna()]
    raise_problems(str(path), problems + [describe(i, "case_id", ids[i], "given twice; keep one row") for i in twice])
    return table


def _differentials(labels: pd.DataFrame, path: Path) -> dict[str, dict[str, float]]:
    """For each case with a label, its conditions and weights; a cell that cannot be read is none, with a warning."""
    found, broken = {}, []
    for index, case, text in labels[["case_id", WEIGHTS]].dropna().itertuples():
        try:
            weights = ast.literal_eval(text)
            good = isinstance(weights, dict) and all(
                isinstance(k, str) and isinstance(w, int | float) and math.isfinite(w) and w >= 0
                for k, w in weights.items()
            )
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            good = False
        if not good:
            broken.append(index)
        elif sum(weights.values()) > 0:
            found[case] = {name: float(weight) for name, weight in weights.items()}
    if broken:
        first = describe(
            broken[0], WEIGHTS, labels.at[broken[0], WEIGHTS], "not a dictionary of conditions and weights"
        )
        warnings.warn(f"{path}: {len(broken)} cases count as unlabelled; {first}", stacklevel=3)
    return found


def _restrict(weights: dict[str, float] | None, heaviest: str | None, kept: list[str]) -> dict[str, float] | None:
    """The weights of the conditions kept, adding up to 1; None where the heaviest is not kept."""
    if not weights or heaviest not in kept:
        return None
    total = sum(w for name, w in weights.items() if name in kept)
    return {name: w / total for name, w in weights.items() if name in kept and w > 0}


def _answers(cases: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Skin type, body parts and attributes of each case."""
    problems = []
    for box in BOXES:
        wrong = cases.index[cases[box].notna() & ~cases[box].isin(["YES", "NO"])]
        problems += [describe(i, box, cases.at[i, box], "give YES or leave it empty") for i in wrong]
    skin = cases[SKIN_TYPE].where(~cases[SKIN_TYPE].str.startswith("NONE", na=False))
    for index in skin.index[skin.notna() & ~skin.isin([f"FST{n}" for n in range(1, 7)])]:
        problems.append(describe(index, SKIN_TYPE, skin[index], "give FST1 to FST6, or NONE_SELECTED"))
    raise_problems(str(path), problems)
    ticked = {
        prefix: cases[[prefix + n for n in names]].rename(columns=lambda c, p=prefix: c.removeprefix(p)) == "YES"
        for prefix, names in PREFIXES.items()
    }
    parts, texture, symptom = ticked.values()
    answered = symptom.any(axis=1) | (cases[NO_SYMPTOM] == "YES")
    unknown = pd.DataFrame({n: ~texture.any(axis=1) for n in TEXTURES} | {n: ~answered for n in SYMPTOMS})
    return pd.DataFrame(
        {
            "body_part": named(parts).map(lambda names: names or None),
            "attributes": named(pd.concat([texture, symptom], axis=1)),
            "attributes_unknown": named(unknown),
            "fitzpatrick": pd.to_numeric(skin.str.removeprefix("FST"), errors="coerce"),
        },
        index=cases.index,
    )


def _one_row_a_photo(frame: pd.DataFrame, cases: pd.DataFrame, root: Path, folder: Path) -> pd.DataFrame:
    """Up to three rows a case; the index says row and column."""
    parts = []
    for column in PATHS:
        names = cases[column].dropna()
        inside = [n if (root / n).is_file() else _below(n, root, folder) for n in names]
        rows = frame.loc[names.index].assign(image=inside)
        parts.append(rows.set_axis([f"{i + 2}, column {column}" for i in names.index]))
    return pd.concat(parts)


def _below(name: str, root: Path, folder: Path) -> str:
    """The path of a photo named from above dataset/, where `root` is that folder itself or below it."""
    short = name.removeprefix(f"{FOLDER}/")
    return (folder / short).relative_to(root).as_posix() if (folder / short).is_file() and ".." not in short else name
