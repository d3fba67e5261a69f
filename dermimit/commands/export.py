"""`dermimit export`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


def export(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    onnx: Path,
    quantise: bool = False,
    data_root: Path | None = None,
    split: Literal["train", "val", "test"] = "test",
    limit: int = 500,
    tolerance: float = 0.01,
) -> None:
    """Write a trained run as an ONNX file, with a .json that names its classes, and check it against the model.

    Args:
        run: folder of a finished run with fusion cim and lesion selection.
        onnx: file to write.
        quantise: also store the weights in eight bits, in the same file; kept only if it is as good.
        data_root: folder of the run's dataset; without it the one that it was trained on.
        split: photographs on which the file is compared with the model.
        limit: number of photographs at most.
        tolerance: disease macro-F1 that eight bits may cost.
    """
    from dermimit.export.graph import Explorable
    from dermimit.export.onnx import export_run
    from dermimit.export.quantise import photos_of, quantise_if_as_good
    from dermimit.train.run import load_run

    loaded = load_run(run)
    photos, targets = photos_of(loaded, data_root, split, limit)
    exported = export_run(loaded, onnx, photos[:64])
    print(f"{onnx}: differs from the model by at most {exported.parity:.1g}")
    if quantise:
        explorable = Explorable(loaded.model).eval()
        table, kept = quantise_if_as_good(onnx, explorable, photos, targets, tolerance)
        print(f"{table.round(4).to_string()}\n{'eight bits kept' if kept else 'eight bits are worse: not kept'}")
