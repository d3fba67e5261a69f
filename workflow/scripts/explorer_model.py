"""Export the run behind the book's explorer: file in eight bits, its accuracy with intervals, the run's record.

Run: python workflow/scripts/explorer_model.py RUN results/published/explorer   (about five minutes on one core)
"""

import sys
from pathlib import Path

from dermimit.export import export_run
from dermimit.export_accuracy import accuracy, patients_of
from dermimit.export_model import Explorable
from dermimit.export_quantise import photos_of, quantise_if_as_good
from dermimit.records import publish, write_json
from dermimit.train import load_run

SPLIT = "test"


def main(folder: Path, out: Path) -> None:
    """Write model.onnx, model.json, accuracy.json and the record of the run in `folder` into `out`."""
    run = load_run(folder)
    photos, targets = photos_of(run, None, SPLIT, limit=10**9)
    exported = export_run(run, out / "model.onnx", photos[:64])
    explorable = Explorable(run.model).eval()
    table, kept = quantise_if_as_good(exported.path, explorable, photos, targets)
    print(table.round(4).to_string())
    if not kept:
        raise SystemExit("eight bits lose too much disease macro-F1: train longer, or ship the file of 32 bits")
    found = accuracy(exported.path, explorable, photos, targets, patients_of(run, None, SPLIT))
    write_json(out / "accuracy.json", found | {"split": SPLIT, "parity_before_eight_bits": exported.parity})
    publish(folder, out / folder.name, "answers")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
