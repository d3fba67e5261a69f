"""Export the run behind the book's explorer: file in eight bits, its accuracy with intervals, the run's record.

Run: python -m studies.model_card.measure_explorer_model RUN results/published/explorer   (some minutes on one core)
"""

from pathlib import Path

import tyro

from dermimit.export.accuracy import accuracy
from dermimit.export.graph import Explorable
from dermimit.export.onnx import export_run
from dermimit.export.photos import patients_of, photos_of
from dermimit.export.quantise import TOLERANCE, quantise
from dermimit.records import publish, read_json, write_json
from dermimit.train import load_run

SPLIT = "test"


def main(folder: tyro.conf.Positional[Path], out: tyro.conf.Positional[Path]) -> None:
    """Write model.onnx, model.json, accuracy.json and the record of the run in `folder` into `out`."""
    run = load_run(folder)
    photos, targets = photos_of(run, None, SPLIT, limit=10**9)
    exported = export_run(run, out / "model.onnx", photos[:64])
    quantise(exported.path, exported.path.with_name(".model.int8")).replace(exported.path)
    explorable = Explorable(run.model).eval()
    found = accuracy(exported.path, explorable, photos, targets, patients_of(run, None, SPLIT))
    if found["macro_f1_difference"][0] < -TOLERANCE:
        raise SystemExit(f"eight bits lose {-found['macro_f1_difference'][0]:.3f} of disease macro-F1: train longer")
    facts = exported.path.with_suffix(".json")
    write_json(facts, read_json(facts) | {"weights": "eight bits"})
    write_json(out / "accuracy.json", found | {"split": SPLIT, "parity_before_eight_bits": exported.parity})
    publish(folder, out / folder.name, "answers")


if __name__ == "__main__":
    tyro.cli(main)
