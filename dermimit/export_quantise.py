"""Weights of an exported model in eight bits, and what that costs in accuracy."""

import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.export import answer, needed, session
from dermimit.export_model import Explorable
from dermimit.model.config import TASKS

TOLERANCE = 0.01  # of disease macro-F1 that eight bits may cost


def quantise(path: Path, out: Path) -> Path:
    """Dynamic quantisation: matrices in unsigned eight bits, activations measured as they come; convolutions stay."""
    quantization = needed("onnxruntime.quantization")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.quantize_dynamic(
            str(path),
            str(out),
            weight_type=quantization.QuantType.QUInt8,
            op_types_to_quantize=["MatMul", "Gemm"],
            extra_options={"DefaultTensorType": needed("onnx").TensorProto.FLOAT},
        )
    return out


@torch.inference_mode()
def report(
    files: Mapping[str, Path], explorable: Explorable, photos: Tensor, targets: Mapping[str, np.ndarray], batch: int = 32
) -> pd.DataFrame:
    """How torch and each file answer the same photographs.

    Args:
        files: name -> ONNX file.
        explorable: the graph in torch.
        photos: (n, 3, S, S), normalised.
        targets: task -> (n, C), NaN where unknown.

    Returns:
        a row for torch and one for each file: disease macro_f1, accuracy, top3_accuracy; body_part_accuracy;
        attribute_map; largest `difference` of a probability from torch; share `same_answer` of photographs with the same
        first disease as torch; `megabytes`; `ms` a photograph here.
    """
    sessions = {"torch": None} | {name: session(path) for name, path in files.items()}
    rows, reference = {}, None
    for name, onnx_session in sessions.items():
        start, parts = time.perf_counter(), []
        for images in photos.split(batch):
            inputs = explorable.usual(images)
            found = explorable(*inputs) if onnx_session is None else answer(onnx_session, inputs)
            parts.append({task: np.asarray(found[task]) for task in TASKS})
        seconds = time.perf_counter() - start
        answers = {task: np.concatenate([part[task] for part in parts]) for task in TASKS}
        reference = reference or answers
        rows[name] = _scores(answers, targets) | {
            "difference": max(float(np.abs(answers[t] - reference[t]).max()) for t in TASKS),
            "same_answer": float((answers["disease"].argmax(1) == reference["disease"].argmax(1)).mean()),
            "megabytes": files[name].stat().st_size / 1e6 if name in files else _megabytes(explorable),
            "ms": 1000 * seconds / len(photos),
        }
    return pd.DataFrame(rows).T


def keep_if_as_good(table: pd.DataFrame, name: str, path: Path, tolerance: float = TOLERANCE) -> bool:
    """Delete `path` and say no where row `name` loses more disease macro-F1 against torch than `tolerance`."""
    loss = table.loc["torch", "macro_f1"] - table.loc[name, "macro_f1"]
    if loss <= tolerance:
        return True
    path.unlink()
    return False


def _scores(answers: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    disease = class_metrics(targets["disease"], answers["disease"].astype(np.float64))
    return {name: disease[name] for name in ("macro_f1", "accuracy", "top3_accuracy")} | {
        "body_part_accuracy": class_metrics(targets["body_part"], answers["body_part"].astype(np.float64))["accuracy"],
        "attribute_map": attribute_metrics(targets["attributes"], answers["attributes"].astype(np.float64))["map"],
    }


def _megabytes(explorable: Explorable) -> float:
    return sum(p.numel() * p.element_size() for p in explorable.model.parameters()) / 1e6
