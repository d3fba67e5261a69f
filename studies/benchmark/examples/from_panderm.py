r"""Answers from what PanDerm's linear probe (classification/linear_eval.py) writes, one file for each fold.

The probe takes a table `image,label,split`; label i is the i-th of --classes here. It writes `filename`, `true_label`,
`predicted_label` and `probability_class_0`, `probability_class_1` and so on; with two classes, `probability` of the
second alone.

    python from_panderm.py fold_0.csv fold_1.csv fold_2.csv fold_3.csv fold_4.csv \
        --classes ACK BCC MEL NEV SCC SEK --out answers.csv
"""

import argparse
from pathlib import Path

import pandas as pd


def answers(path: Path, classes: list[str]) -> pd.DataFrame:
    """One file of the probe: `image`, and a column of probabilities for each class."""
    table = pd.read_csv(path)
    if "probability" in table:
        table = table.assign(probability_class_0=1 - table["probability"], probability_class_1=table["probability"])
    columns = [c for c in table if c.startswith("probability_class_")]
    if sorted(columns) != sorted(f"probability_class_{i}" for i in range(len(classes))):
        raise SystemExit(f"{path}: probabilities of {len(columns)} classes, and {len(classes)} classes are given")
    table = table.rename(columns={f"probability_class_{i}": name for i, name in enumerate(classes)})
    return table.rename(columns={"filename": "image"})[["image", *classes]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--classes", nargs="+", required=True, help="in the order of the labels")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    pd.concat([answers(path, given.classes) for path in given.files]).to_csv(given.out, index=False)
