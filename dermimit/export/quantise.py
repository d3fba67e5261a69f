"""Weights of an exported model in eight bits, and what that costs in accuracy."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermimit.data import PhotoDataset
from dermimit.data.splits import select
from dermimit.data.transforms import eval_transform, least_side
from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.export.graph import Explorable
from dermimit.export.onnx import answer, session
from dermimit.extras import extra
from dermimit.model.config import TASKS
from dermimit.records import read_json, write_json
from dermimit.train.assemble import load_photos
from dermimit.train.config import TrainConfig
from dermimit.train.run import Run

TOLERANCE = 0.01  # of disease macro-F1 that eight bits may cost


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
def answers_of(file: Path | None, explorable: Explorable, photos: Tensor, batch: int = 32) -> dict[str, np.ndarray]:
    """Task -> (n, C) probabilities that a file, or torch where there is none, gives for photographs, as trained."""
    onnx_session = None if file is None else session(file)
    parts = []
    for images in photos.split(batch):
        inputs = explorable.usual(images)
        found = explorable(*inputs) if onnx_session is None else answer(onnx_session, inputs)
        parts.append({task: np.asarray(found[task]) for task in TASKS})
    return {task: np.concatenate([part[task] for part in parts]) for task in TASKS}


def report(
    files: Mapping[str, Path],
    explorable: Explorable,
    photos: Tensor,
    targets: Mapping[str, np.ndarray],
    batch: int = 32,
) -> pd.DataFrame:
    """How torch and each file answer the same photographs.

    Args:
        files: name -> ONNX file.
        explorable: the graph in torch.
        photos: (n, 3, S, S), normalised.
        targets: task -> (n, C), NaN where unknown.

    Returns:
        a row for torch and one for each file: disease macro_f1, accuracy, top3_accuracy; body_part_accuracy;
        attribute_map; largest `difference` of a probability from torch; share `same_answer` of photographs with
        torch's first disease; `megabytes`; `ms` a photograph here.
    """
    rows, reference = {}, None
    for name in ("torch", *files):
        start = time.perf_counter()
        answers = answers_of(files.get(name), explorable, photos, batch)
        seconds = time.perf_counter() - start
        reference = reference or answers
        rows[name] = scores(answers, targets) | {
            "difference": max(float(np.abs(answers[t] - reference[t]).max()) for t in TASKS),
            "same_answer": float((answers["disease"].argmax(1) == reference["disease"].argmax(1)).mean()),
            "megabytes": files[name].stat().st_size / 1e6 if name in files else _megabytes(explorable),
            "ms": 1000 * seconds / len(photos),
        }
    return pd.DataFrame(rows).T


def quantise_if_as_good(
    path: Path,
    explorable: Explorable,
    photos: Tensor,
    targets: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> tuple[pd.DataFrame, bool]:
    """Put eight-bit weights in the place of `path`, unless they lose more disease macro-F1 than `tolerance`.

    Returns:
        the `report` with rows torch, fp32 and int8, and whether eight bits were kept.
    """
    draft = quantise(path, path.with_name(f".{path.name}.int8"))
    try:
        table = report({"fp32": path, "int8": draft}, explorable, photos, targets)
        kept = bool(table.loc["torch", "macro_f1"] - table.loc["int8", "macro_f1"] <= tolerance)
        if kept:
            draft.replace(path)
            facts_path = path.with_suffix(".json")
            write_json(facts_path, read_json(facts_path) | {"weights": "eight bits", "report": table.T.to_dict()})
    finally:
        draft.unlink(missing_ok=True)
    return table, kept


def scores(answers: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Disease macro_f1, accuracy and top3_accuracy, body_part_accuracy and attribute_map of answers by task."""
    disease = class_metrics(targets["disease"], answers["disease"].astype(np.float64))
    return {name: disease[name] for name in ("macro_f1", "accuracy", "top3_accuracy")} | {
        "body_part_accuracy": class_metrics(targets["body_part"], answers["body_part"].astype(np.float64))["accuracy"],
        "attribute_map": attribute_metrics(targets["attributes"], answers["attributes"].astype(np.float64))["map"],
    }


def photos_of(run: Run, root: Path | None, split: str, limit: int) -> tuple[Tensor, dict[str, np.ndarray]]:
    """The first `limit` photographs of a split, normalised, and their targets.

    Args:
        run: says which dataset, and how it is read.
        root: the dataset's folder; the one that the run was trained on if None.
        split: train, val or test.
        limit: number of photographs at most, 2 and up.

    Raises:
        ValueError: `limit` is too small; errors of the dataset's own name what is missing.
    """
    if limit < 2:
        raise ValueError(f"limit={limit}: at least 2 photographs are needed")
    photos = load_photos(without_corruption(run, root))
    size = run.config.image_size
    rows = select(photos.frame, split).head(limit)
    dataset = PhotoDataset(rows, photos.label_space, photos.root, eval_transform(size), least=least_side(size))
    images = torch.stack([dataset[i]["image"] for i in range(len(dataset))])
    return images, {task: target.numpy() for task, target in dataset.targets.items()}


def without_corruption(run: Run, root: Path | None) -> TrainConfig:
    """The run's configuration with the dataset as it is: nothing left out or made wrong; in `root` if given."""
    config = run.config if root is None else replace(run.config, data_root=root)
    return replace(config, train_share=1.0, attribute_noise=0.0, attribute_missing=0.0)


def _megabytes(explorable: Explorable) -> float:
    return sum(p.numel() * p.element_size() for p in explorable.model.parameters()) / 1e6
