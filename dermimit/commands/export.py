"""`dermimit export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from dermimit.export.onnx import Exported
    from dermimit.export.photos import Found
    from dermimit.train import Run


def export(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    onnx: Path,
    plain: bool = False,
    quantise: bool = False,
    example: Path | None = None,
    data_root: Path | None = None,
    split: Literal["train", "val", "test"] = "test",
    limit: int = 500,
    tolerance: float = 0.01,
) -> None:
    """Write a trained run as an ONNX file, with a .json that says how to use it, and check it against the model.

    Args:
        run: folder of a finished run, or the name of a published model (`dermimit models`).
        onnx: file to write.
        plain: make the photograph the only input. Without this option, a run with lesion selection and fusion cim has
            further inputs that the explorer needs: number of patches, switches, and concepts set by hand.
        quantise: store the weights in eight bits, if the file then scores as well.
        example: also write a Python script that uses the file without this package: onnxruntime, Pillow and numpy.
        data_root: folder of the run's dataset; by default the one that it was trained on. If that is gone, the file is
            compared with the model on noise only.
        split: photographs on which the file is compared with the model.
        limit: largest number of photographs.
        tolerance: loss of disease macro-F1 that eight bits may cause, 0 to 1; in a run without diseases, of another
            task's score.
    """
    from dermimit.export.example import check_example, write_example
    from dermimit.export.onnx import check_path, export_run, why_plain
    from dermimit.export.photos import photos_there
    from dermimit.train.run import load_run
    from dermimit.zoo.resolve import resolve

    check_path(onnx)
    if not 0 <= tolerance <= 1:
        raise ValueError(f"tolerance {tolerance}: give a share of 0 to 1")
    loaded = load_run(resolve(run))
    if example is not None:
        check_example(loaded, example, onnx)
    found = photos_there(loaded, data_root, split, limit)
    if quantise:
        check_labels(loaded, found)
    exported = export_run(loaded, onnx, None if found.images is None else found.images[:64], plain)
    if not plain and (why := why_plain(loaded)):
        print(f"{onnx}: a plain graph, without the inputs of the explorer: {why}")
    print(comparison(exported, found.note))
    if quantise:
        in_eight_bits(exported, found, tolerance)
    if example is not None:
        write_example(example)
        print(f"use it without dermimit: python {example} {onnx} PHOTO")


def check_labels(run: "Run", found: "Found") -> None:
    """Raises ValueError where there is nothing to judge eight bits by."""
    if found.images is None:
        raise ValueError(f"--quantise: eight bits are judged on labelled photographs, and {found.note}")
    if found.label_space != run.label_space:
        raise ValueError("--quantise: eight bits are judged on labelled photographs, and the dataset has other classes "
                         "now than the run; leave --quantise out")  # fmt: skip


def comparison(exported: "Exported", note: str) -> str:
    """How far the file is from the model, by task, and what they were compared on."""
    seen = exported.compared
    by_task = ", ".join(f"{task} {value:.1g}" for task, value in seen.differences.items())
    on = f"{seen.photographs} photographs and {seen.noise} images of noise" if seen.photographs else "noise alone"
    lines = [f"{exported.path}: differs from the model by at most {exported.parity:.1g} ({by_task}), on {on}"]
    if seen.ties:
        lines.append(f"for {seen.ties} of them file and model choose different patches with equal scores")
    return "\n".join([*lines, f"note: {note}"] if note else lines)


def in_eight_bits(exported: "Exported", found: "Found", tolerance: float) -> None:
    """Store the weights in eight bits if they are as good, and print the scores; an error leaves no file behind."""
    from dermimit.export.quantise import quantise_if_as_good

    assert found.images is not None  # `check_labels` has looked
    try:
        table, kept = quantise_if_as_good(exported.path, exported.graph, found.images, found.targets, tolerance)
    except BaseException:
        for path in (exported.path, exported.path.with_suffix(".json")):
            path.unlink(missing_ok=True)
        raise
    print(f"{table.round(4).to_string()}\n{'eight bits kept' if kept else 'eight bits are worse: not kept'}")
