"""Publish how much trainings of the protocol change when newer code repeats them, each beside the run of the table.

Repeat one with `python -m studies.protocol.train_one NAME --work FOLDER`.

Run: python -m studies.protocol.measure_repeated NAME... --work FOLDER
"""

from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro

from dermimit.records import read_json, write_json
from studies.protocol.records import SCORES
from studies.shared.paths import PUBLISHED, ROOT

ORIGIN = ("commit", "dirty", "code_fingerprint", "data_fingerprint", "started", "seconds", "processor")


def main(
    names: Annotated[tuple[str, ...], tyro.conf.Positional], work: Path, out: Path = ROOT / PUBLISHED / "protocol"
) -> None:
    """Write repeated.json.

    Args:
        names: of runs that are published and repeated.
        work: folder of the repeated runs.
        out: folder of the protocol's records.

    Raises:
        ValueError: a run is not published, or was repeated on other data.
    """
    published = pd.read_parquet(out / "runs.parquet").set_index("name")
    runs = []
    for name in names:
        if name not in published.index:
            raise ValueError(f"{name}: no such run is published; publish it first")
        first, folder = published.loc[name], work / "runs" / name
        origin = {key: value for key, value in read_json(folder / "provenance.json").items() if key in ORIGIN}
        if origin["data_fingerprint"] != first["data_fingerprint"]:
            raise ValueError(f"{folder}: trained on other data than the published run; draw the data of its seed")
        test = read_json(folder / "metrics.json")["test"]
        scores = {
            score: {"published": float(first[score]), "repeated": test[SCORES[score]]}
            for score in ("macro_f1", "accuracy")
        }
        runs.append({"name": name, "seed": int(first["seed"])} | scores | {"provenance": origin})
    write_json(out / "repeated.json", {"runs": runs})


if __name__ == "__main__":
    tyro.cli(main)
