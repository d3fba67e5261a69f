"""Weights of an exported model in eight bits, and what that costs in accuracy."""

import time
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.export.facts import Graph
from dermimit.export.onnx import write_both
from dermimit.export.parity import answer, parity
from dermimit.export.signature import session
from dermimit.extras import extra
from dermimit.records import read_json

TOLERANCE = 0.01  # of disease macro-F1, or another task's score, that eight bits may cost


def quantise(path: Path, out: Path) -> Path:
    """Dynamic quantisation: matrices in unsigned eight bits, activations measured as they come; convolutions stay."""
    with extra("explore"):
        from onnx import TensorProto
        from onnxruntime import quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.quantize_dynamic(
            str(path),
            str(out),
            weight_type=quantization.QuantType.QUInt8,
            op_types_to_quantize=["MatMul", "Gemm"],
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    return out


@torch.inference_mode()
def answers_of(file: Path | None, graph: Graph, photos: Tensor, batch: int = 32) -> dict[str, np.ndarray]:
    """Task -> (n, C) probabilities that a file, or torch where there is none, gives for photographs, as trained."""
    onnx_session = None if file is None else session(file)
    parts = []
    for images in photos.split(batch):
        found = graph(*graph.usual(images)) if onnx_session is None else answer(onnx_session, graph, images)
        parts.append({task: np.asarray(found[task]) for task in graph.tasks})
    return {task: np.concatenate([part[task] for part in parts]) for task in graph.tasks}


def report(
    files: Mapping[str, Path],
    graph: Graph,
    photos: Tensor,
    targets: Mapping[str, np.ndarray],
    batch: int = 32,
) -> pd.DataFrame:
    """How torch and each file answer the same photographs.

    Args:
        files: name -> ONNX file.
        graph: the graph in torch.
        photos: (n, channels, S, S), normalised.
        targets: task -> (n, C), NaN where unknown.

    Returns:
        a row for torch and one for each file: the `scores` of the graph's tasks; largest `difference` of a probability
        from torch; share `same_answer` of photographs with torch's first disease, or whatever the first task is without
        it; `megabytes`; `ms` a photograph here.
    """
    rows, reference = {}, None
    first = "disease" if "disease" in graph.tasks else graph.tasks[0]
    for name in ("torch", *files):
        start = time.perf_counter()
        answers = answers_of(files.get(name), graph, photos, batch)
        seconds = time.perf_counter() - start
        reference = reference or answers
        rows[name] = scores(answers, targets, graph.several) | {
            "difference": max(float(np.abs(answers[t] - reference[t]).max()) for t in graph.tasks),
            "same_answer": float((answers[first].argmax(1) == reference[first].argmax(1)).mean()),
            "megabytes": files[name].stat().st_size / 1e6 if name in files else _megabytes(graph),
            "ms": 1000 * seconds / len(photos),
        }
    return pd.DataFrame(rows).T


def quantise_if_as_good(
    path: Path,
    graph: Graph,
    photos: Tensor,
    targets: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> tuple[pd.DataFrame, bool]:
    """Put eight-bit weights in the place of `path`, unless they lose more of a score than `tolerance`.

    The score is the disease's macro-F1; without a disease the accuracy of the body part, or the mAP of the attributes.

    Returns:
        the `report` with rows torch, fp32 and int8, and whether eight bits were kept.

    Raises:
        ValueError: no photograph has a label to judge by.
    """
    import onnx

    draft = quantise(path, path.with_name(f".{path.name}.int8"))
    try:
        table = report({"fp32": path, "int8": draft}, graph, photos, targets)
        lost = table.loc["torch"].iloc[0] - table.loc["int8"].iloc[0]
        if not np.isfinite(lost):
            raise ValueError(f"{path}: none of the {len(photos)} photographs has a label by which eight bits could be "
                             "judged; name another --split, or leave --quantise out")  # fmt: skip
        kept = bool(lost <= tolerance)
        if kept:
            found = parity(session(draft), graph.model, graph, photos)
            facts = read_json(path.with_suffix(".json")) | {"weights": "eight bits", "report": table.T.to_dict()}
            compared = {"differences": found.differences, "photographs": found.photographs, "noise": found.noise}
            write_both(onnx.load(str(draft)), path, facts | {"compared": compared | {"ties": found.ties}})
    finally:
        draft.unlink(missing_ok=True)
    return table, kept


def scores(
    answers: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], several: Collection[str] = ("attributes",)
) -> dict[str, Any]:
    """Disease macro_f1, accuracy and top3_accuracy, body_part_accuracy and attribute_map, of the tasks answered.

    Args:
        answers: task -> (n, C) probabilities.
        targets: task -> (n, C), NaN where unknown.
        several: tasks of which several classes may hold; a body part among them is scored by body_part_map.
    """
    exact = {task: values.astype(np.float64) for task, values in answers.items()}
    found: dict[str, Any] = {}
    if "disease" in exact:
        disease = class_metrics(targets["disease"], exact["disease"])
        found = {name: disease[name] for name in ("macro_f1", "accuracy", "top3_accuracy")}
    if "body_part" in exact and "body_part" in several:
        found["body_part_map"] = attribute_metrics(targets["body_part"], exact["body_part"])["map"]
    elif "body_part" in exact:
        found["body_part_accuracy"] = class_metrics(targets["body_part"], exact["body_part"])["accuracy"]
    if "attributes" in exact:
        found["attribute_map"] = attribute_metrics(targets["attributes"], exact["attributes"])["map"]
    return found


def _megabytes(graph: Graph) -> float:
    return sum(p.numel() * p.element_size() for p in graph.model.parameters()) / 1e6
