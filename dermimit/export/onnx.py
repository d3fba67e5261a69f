"""A trained run as an ONNX file for browsers and other programs, checked against the model it came from."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dermimit.export.facts import Graph, describe
from dermimit.export.graph import Explorable, check_explorable
from dermimit.export.parity import Parity, channels, parity
from dermimit.export.plain import PlainGraph
from dermimit.export.signature import session
from dermimit.extras import extra
from dermimit.files import check_output
from dermimit.records import read_json, write_atomically, write_json
from dermimit.train.run import Run

OPSET = 18
PARITY = 1e-4  # largest difference of a probability between ONNX and torch


@dataclass(frozen=True)
class Exported:
    """An ONNX file, what is known about it (also in the file beside it, .json), and its distance from torch.

    Attributes:
        path: the file.
        facts: see `dermimit.export.facts.describe`.
        parity: largest difference of a probability.
        compared: by task, and over how many images.
        graph: what the file was made from, in torch.
    """

    path: Path
    facts: dict[str, Any]
    parity: float
    compared: Parity
    graph: Graph


def graph_of(run: Run, plain: bool = False) -> Graph:
    """The run as a graph: with knobs where its model has them all, else plain.

    Args:
        run: a finished run.
        plain: without knobs in any case.
    """
    if plain or why_plain(run):
        several = [task for task in run.label_space.num_classes if run.label_space.multi_label(task)]
        return PlainGraph(run.model, several).eval()
    return Explorable(run.model).eval()


def why_plain(run: Run) -> str:
    """Why a run's graph has no knobs; empty where it has."""
    try:
        check_explorable(run.model)
    except ValueError as error:
        return str(error).removeprefix("export: ")
    if run.config.supervise != "both":
        return (f"the run has supervise={run.config.supervise!r}, so its answers before the interaction mean nothing; "
                "train with supervise='both'")  # fmt: skip
    if run.label_space.multi_label("body_part"):
        return "a photograph may show several body parts; the knobs are for one"
    return ""


def export_run(run: Run, path: Path, photos: Tensor | None = None, plain: bool = False) -> Exported:
    """Write `path`, and beside it a .json that names classes, preparation, inputs and outputs.

    Args:
        run: a finished run, of any model.
        path: the file to write, usually *.onnx.
        photos: (n, channels, S, S) normalised photographs on which the file is compared with the run's model, beside
            noise; None for noise alone.
        plain: a graph without knobs, where the run would have them.

    Raises:
        ValueError: `path` cannot be the file, or the file does not say what the model says; nothing is left behind.
    """
    check_path(path)
    graph = graph_of(run, plain)
    program = in_onnx(graph)
    found = parity(session(program.SerializeToString()), run.model, graph, photos)
    if not found.worst <= PARITY:
        apart = ", ".join(f"{task} {value:.2g}" for task, value in found.differences.items())
        raise ValueError(f"{path}: differs from the model by {found.worst:.2g}, above {PARITY:g} ({apart}); "
                         "not written")  # fmt: skip
    compared = {"differences": found.differences, "photographs": found.photographs, "noise": found.noise}
    facts = describe(run, graph) | {"compared": compared | {"ties": found.ties}}
    write_both(program, path, facts)
    return Exported(path, facts, found.worst, found, graph)


def write_both(program: Any, path: Path, facts: dict[str, Any]) -> None:
    """The file, with the facts also inside, and the .json: both, or as it was before."""
    import onnx

    onnx.helper.set_model_props(program, {"dermimit": json.dumps(facts, ensure_ascii=False)})
    path.parent.mkdir(parents=True, exist_ok=True)

    beside = path.with_suffix(".json")
    before = beside.read_bytes() if beside.exists() else None
    try:
        write_json(beside, facts)
        write_atomically(path, lambda draft: draft.write_bytes(program.SerializeToString()))
    except OSError:
        if before is None:
            beside.unlink(missing_ok=True)
        else:
            beside.write_bytes(before)
        raise


def check_path(path: Path) -> None:
    """Raises ValueError where a path is no FILE.onnx, or its .json would lie over a file that no export has written."""
    check_output(path, suffix=".onnx")
    beside = path.with_suffix(".json")
    if beside.exists() and not _is_of_an_export(beside):
        raise ValueError(f"{beside} is there and no export has written it: name another file, since the facts of "
                         f"{path.name} would replace it")  # fmt: skip


def _is_of_an_export(path: Path) -> bool:
    """Whether a file has the facts of an exported model."""
    try:
        facts = read_json(path)
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"graph", "inputs", "outputs", "preparation"} <= facts.keys()


def in_onnx(graph: Graph) -> Any:
    """The graph as a model of the library onnx; the batch size stays free."""
    with extra("explore"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401, which torch writes the graph with
    batch = torch.export.Dim("batch")
    shapes = {name: {0: batch} if name in graph.per_photo else None for name in graph.input_names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names of axes and about torch's own internals
        program = torch.onnx.export(
            graph,
            graph.usual(torch.zeros(2, channels(graph), *graph.model.image_size)),
            dynamo=True,
            opset_version=OPSET,
            input_names=[*graph.input_names],
            output_names=[*graph.output_names],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # with dynamo there is one
    return program.model_proto
