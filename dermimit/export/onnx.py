"""A trained run as an ONNX file for browsers and other programs, checked against the model it came from."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dermimit.export.graph import Explorable, probability
from dermimit.extras import extra
from dermimit.model.config import SELECTING_TASKS, TASKS
from dermimit.records import write_atomically, write_json
from dermimit.train.run import Run

INPUTS = ("image", "k", "lsm_on", "cim_on", "override_attributes", "override_body_part")
PER_PHOTO = ("image", "override_attributes", "override_body_part")
OUTPUTS = (
    *(name for task in TASKS for name in (f"{task}_before", task)),
    *(f"{task}_{what}" for task in SELECTING_TASKS for what in ("scores", "ranked")),
)
OPSET = 18
PARITY = 1e-4  # largest difference of a probability between ONNX and torch


@dataclass(frozen=True)
class Exported:
    """An ONNX file, what is known about it (also in the file beside it, .json), and its distance from torch."""

    path: Path
    facts: dict[str, Any]
    parity: float


def export_run(run: Run, path: Path, photos: Tensor) -> Exported:
    """Write `path`, and beside it a .json that names classes, inputs and outputs.

    Args:
        run: a finished run, see `Explorable` for which models will do.
        path: the file to write, usually *.onnx.
        photos: (n, 3, S, S) normalised photographs on which the file is compared with the run's model, n at least 2.

    Raises:
        ValueError: another kind of model, or classifiers before the interaction that were not trained; or the file does
            not say what the model says, and nothing is left behind.
    """
    if run.config.supervise != "both":
        raise ValueError(f"export: the run has supervise={run.config.supervise!r}, so its answers before the "
                         "interaction mean nothing; train with supervise='both'")  # fmt: skip
    explorable = Explorable(run.model).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = describe(run, explorable)
    parities: list[float] = []

    def write(draft: Path) -> None:
        write_onnx(explorable, draft)
        _add_metadata(draft, facts)
        parities.append(parity(session(draft), run.model, explorable, photos))
        if not parities[0] <= PARITY:
            raise ValueError(f"{path}: differs from the model by {parities[0]:.2g}, above {PARITY:g}; not written")

    write_atomically(path, write)
    write_json(path.with_suffix(".json"), facts)
    return Exported(path, facts, parities[0])


def write_onnx(explorable: Explorable, path: Path) -> None:
    """Translate the graph; the batch size stays free."""
    with extra("explore"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401, which torch writes the graph with
    size = explorable.model.image_size
    batch = torch.export.Dim("batch")
    shapes = {name: {0: batch} if name in PER_PHOTO else None for name in INPUTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names of axes and about torch's own internals
        torch.onnx.export(
            explorable,
            explorable.usual(torch.zeros(2, 3, *size)),
            path,
            dynamo=True,
            opset_version=OPSET,
            input_names=[*INPUTS],
            output_names=[*OUTPUTS],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )


def describe(run: Run, explorable: Explorable) -> dict[str, Any]:
    """What a program must know to use the file."""
    return {
        "name": run.path.resolve().name,
        "model": run.config.model,
        "dataset": run.label_space.name,
        "image_size": list(explorable.model.image_size),
        "grid": list(explorable.model.grid_size),
        "k": explorable.k,
        "num_patches": explorable.num_patches,
        "classes": {task: list(run.label_space.classes(task)) for task in TASKS},
        "normalisation": "pixel / 127.5 - 1, RGB, (batch, 3, height, width), after the central square",
        "inputs": list(INPUTS),
        "outputs": list(OUTPUTS),
        "notice": "Research tool, not a medical device.",
    }


def _add_metadata(path: Path, facts: Mapping[str, Any]) -> None:
    import onnx

    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {"dermimit": json.dumps(facts, ensure_ascii=False)})
    onnx.save(proto, path)


def session(path: Path) -> Any:
    """The file in ONNX Runtime, on one thread of the CPU."""
    with extra("explore"):
        import onnxruntime as runtime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answer(onnx_session: Any, inputs: tuple[Tensor, ...]) -> dict[str, np.ndarray]:
    """Outputs of the file by name, for the inputs in the order of `INPUTS`."""
    feeds = dict(zip(INPUTS, (np.asarray(value) for value in inputs), strict=True))
    return dict(zip(OUTPUTS, onnx_session.run([*OUTPUTS], feeds), strict=True))


@torch.inference_mode()
def parity(onnx_session: Any, model: torch.nn.Module, explorable: Explorable, photos: Tensor) -> float:
    """Largest difference of a probability between file and model, for these photographs and as much noise."""
    worst = 0.0
    for images in (photos, torch.randn(photos.shape, generator=torch.Generator().manual_seed(0))):
        logits, out = model(images)
        found = answer(onnx_session, explorable.usual(images))
        for task in TASKS:
            for name, z in ((task, logits[task]), (f"{task}_before", out[f"{task}/logits_before"])):
                difference = np.abs(found[name] - probability(z, task).numpy()).max()
                worst = max(worst, float(difference))
    return worst
