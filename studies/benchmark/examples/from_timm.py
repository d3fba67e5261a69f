r"""Answers from what timm's inference.py writes, one file for each fold.

timm (1.0.x) orders classes as the sorted names of the folders that the model was trained on. For each fold K run

    python inference.py --data-dir photographs_K/ --model resnet50 --num-classes 6 --checkpoint fold_K.pth \
        --topk 0 --results-separate-col --results-file fold_K.csv

then

    python from_timm.py fold_0.csv fold_1.csv fold_2.csv fold_3.csv fold_4.csv \
        --classes ACK BCC MEL NEV SCC SEK --out answers.csv

Files written with --topk 6 --include-index, without --results-separate-col, or as Parquet are read too.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd


def answers(path: Path, classes: list[str]) -> pd.DataFrame:
    """One file of inference.py: `image`, and a column of probabilities for each class."""
    table = pd.read_parquet(path).reset_index() if path.suffix == ".parquet" else pd.read_csv(path)
    p, index = values(table, "prob"), values(table, "index")
    if p is None:
        raise SystemExit(f"{path}: no column prob or prob_0: run inference.py with --output-type prob")
    if p.shape[1] != len(classes):
        raise SystemExit(
            f"{path}: {p.shape[1]} probabilities of a photograph for {len(classes)} classes: run inference.py with "
            "--topk 0"
        )
    if index is not None:
        ordered = np.empty_like(p)
        np.put_along_axis(ordered, index.astype(int), p, axis=1)
        p = ordered
    elif len(p) > 1 and (np.diff(p, axis=1) <= 0).all():
        raise SystemExit(
            f"{path}: probabilities fall in every row, so their classes are lost: run inference.py with --topk 0, or "
            "with --include-index"
        )
    return pd.concat([table["filename"].rename("image"), pd.DataFrame(p, columns=classes)], axis=1)


def values(table: pd.DataFrame, name: str) -> np.ndarray | None:
    """(photographs, k) numbers of one column of lists, or of columns name_0, name_1 and so on."""
    if name in table:
        return np.stack([listed(value) for value in table[name]])
    columns = sorted((c for c in table if re.fullmatch(rf"{name}_\d+", c)), key=lambda c: int(c.rpartition("_")[2]))
    return table[columns].to_numpy(float) if columns else None


def listed(value: object) -> np.ndarray:
    """A list, or its text in a CSV file: `[0.1 0.9]`."""
    return np.array(value.strip("[]").split() if isinstance(value, str) else value, dtype=float)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--classes", nargs="+", required=True, help="in the order of the model's outputs")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    pd.concat([answers(path, given.classes) for path in given.files]).to_csv(given.out, index=False)
