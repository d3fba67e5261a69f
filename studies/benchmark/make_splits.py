"""Make the split table of PAD-UFES-20 from its official table: five folds by patient, balanced by diagnosis.

Patients whose photographs are nearly the same, as far as photographs are available, are kept in one fold. The available
photographs are a benchmark of their own, with folds made in the same way: column fold_subset. Writes
dermimit/benchmark/splits/pad_ufes_20.csv and, with photographs, pad_ufes_20_looks.csv: a perceptual hash of each, by
which a copy is verified. Prints their hashes, which belong into benchmarks.yaml.

Run: python -m studies.benchmark.make_splits TABLE --photographs FOLDER
"""

import hashlib
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro

from dermimit.benchmark.benchmarks import COLUMNS
from dermimit.data import pad_ufes_20
from dermimit.data.duplicates import Look, find_doubles, look_at_all
from dermimit.data.folds import folds
from studies.shared.paths import ROOT

OUT = ROOT / "dermimit/benchmark/splits/pad_ufes_20.csv"


def main(table: Annotated[Path, tyro.conf.Positional], photographs: Path | None = None, out: Path = OUT) -> None:
    """Write the table.

    Args:
        table: the official metadata.csv with all 2,298 photographs.
        photographs: folder of PAD-UFES-20, or of a part of it, to look for near-duplicates in.
        out: file to write.
    """
    official = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame = pd.DataFrame({
        "image": official["img_id"].str.removesuffix(".png"), "patient_id": official["patient_id"],
        "lesion_id": official["lesion_id"], "disease": official["diagnostic"], "body_part": official["region"],
        "fitzpatrick": official["fitspatrick"].str.removesuffix(".0"),
        "attributes": joined_names(official, "TRUE"), "attributes_unknown": joined_names(official, "UNK", ""),
    })  # fmt: skip
    found = pad_ufes_20.OFFICIAL
    assert len(frame) == found["images"] and frame["patient_id"].nunique() == found["patients"]
    manifest = pad_ufes_20.load(photographs)[0] if photographs else None
    looks = (
        dict(zip(manifest["image"], look_at_all(photographs, list(manifest["image"])), strict=True))
        if photographs
        else {}
    )
    together = joined(frame, manifest, looks) if photographs else frame["patient_id"]
    frame["fold"] = folds(frame.assign(patient_id=together))
    frame = frame[COLUMNS]
    if photographs:
        here = frame["image"].isin({Path(image).stem for image in manifest["image"]})
        frame.loc[here, "fold_subset"] = folds(frame[here].assign(patient_id=together[here])).to_numpy()
        frame = frame.astype({"fold_subset": "Int64"})
        hashes = pd.DataFrame(
            {"image": [Path(i).stem for i in looks], "phash": [f"{v.phash:016x}" for v in looks.values()]}
        )
        write(hashes.sort_values("image"), out.with_name(f"{out.stem}_looks.csv"))
    write(frame, out)


def write(frame: pd.DataFrame, out: Path) -> None:
    """Write a table, and print its hash."""
    frame.to_csv(out, index=False, lineterminator="\n")
    print(f"{out.name}: {hashlib.sha256(out.read_bytes()).hexdigest()}")


def joined_names(official: pd.DataFrame, *answers: str) -> list[str]:
    """The symptoms that have one of these answers, for each photograph, separated by "; "."""
    given = official[list(pad_ufes_20.SYMPTOMS)].apply(lambda column: column.str.upper().isin(answers))
    return ["; ".join(given.columns[row]) for row in given.to_numpy()]


def joined(frame: pd.DataFrame, manifest: pd.DataFrame, looks: dict[str, Look]) -> pd.Series:
    """The patient of each photograph, where patients with photographs that are nearly the same count as one."""
    exact, near = find_doubles(looks, manifest)
    one = {patient: patient for patient in frame["patient_id"]}
    for group in [*exact, *near]:
        if len(group.patients) > 1:
            print(f"kept together: {group}")
        first = one[group.patients[0]]
        for patient in group.patients[1:]:
            one = {name: first if root == one[patient] else root for name, root in one.items()}
    return frame["patient_id"].map(one)


if __name__ == "__main__":
    tyro.cli(main)
