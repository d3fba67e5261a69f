"""The use of an exported file without this package, in 24 lines: onnxruntime, Pillow and numpy."""

from functools import partial
from importlib import resources
from pathlib import Path

from dermimit.records import write_atomically
from dermimit.train.run import Run


def example() -> str:
    """A script: `python FILE.py FILE.onnx PHOTO` prints the three most probable classes of each task.

    It reads FILE.json beside FILE.onnx. Pillow resizes a little differently from torchvision: probabilities of ordinary
    photographs, also with transparency or a colour profile, are within about 0.02 of `dermimit predict`. More than 8
    bits a pixel are refused where Pillow keeps them.
    """
    return resources.files(__package__).joinpath("example.txt").read_text(encoding="utf-8")


def write_example(path: Path) -> None:
    """Write the script, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, partial(Path.write_text, data=example(), encoding="utf-8"))


def check_example(run: Run, path: Path, onnx: Path) -> None:
    """Raises ValueError where the script would not do: for a run that needs more than a photograph, or no file of its
    own."""
    if run.model.config.selection == "given":
        raise ValueError(f"--example: {run.path} selects patches by a lesion map, and the example has a photograph "
                         "alone; leave --example out: the .json says where the map goes")  # fmt: skip
    if path.is_dir() or path.resolve() in (onnx.resolve(), onnx.with_suffix(".json").resolve()):
        raise ValueError(f"--example {path}: name a file of its own, FILE.py")
