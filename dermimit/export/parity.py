"""How far the answers of a file are from those of the model that it was made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dermimit.export.facts import Graph
from dermimit.export.plain import PlainGraph

NOISE = 16  # images of noise where there are fewer photographs
EQUAL = 1e-4  # scores are equal to rounding where they differ by less, relative to the image's best


@dataclass(frozen=True)
class Parity:
    """Task -> largest difference of a probability; over how many photographs, images of noise, and ties.

    A tie is an image for which file and model choose different patches although all its scores are equal to rounding:
    either choice is right, and its probabilities are not compared.
    """

    differences: dict[str, float]
    photographs: int
    noise: int
    ties: int

    @property
    def worst(self) -> float:
        """The largest difference over the tasks; NaN where an answer is, infinite where nothing was compared."""
        return (
            float(np.max([*self.differences.values()])) if self.ties < self.photographs + self.noise else float("inf")
        )


@torch.inference_mode()
def parity(onnx_session: Any, model: nn.Module, graph: Graph, photos: Tensor | None) -> Parity:
    """Compare a file with the run's model, on photographs and on as much noise.

    Args:
        onnx_session: the file in ONNX Runtime.
        model: the run's.
        graph: what the file was made from; names inputs and outputs.
        photos: (n, channels, S, S), normalised; None for noise alone.
    """
    shape = (max(NOISE, 0 if photos is None else len(photos)), channels(graph), *graph.model.image_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    worst, ties = dict.fromkeys(graph.tasks, 0.0), 0
    for images in (noise,) if photos is None else (photos, noise):
        logits, out = model(images)
        found = answer(onnx_session, graph, images)
        alike = same_patches(graph, found, out)
        ties += int((~alike).sum())
        for task, name, wanted in compared(graph, logits, out):
            apart = np.abs(found[name] - wanted.numpy()).max(axis=1)[alike]
            worst[task] = float(np.max([worst[task], *apart]))  # NaN stays NaN
    return Parity(worst, 0 if photos is None else len(photos), len(noise), ties)


def compared(graph: Graph, logits: dict[str, Tensor], out: dict[str, Tensor]) -> Iterator[tuple[str, str, Tensor]]:
    """Task, output of the file, and the model's own probabilities, (B, C)."""
    for task in graph.tasks:
        for name, z in ((task, logits[task]), (f"{task}_before", out[f"{task}/logits_before"])):
            if name in graph.output_names:
                yield task, name, z.sigmoid() if task in graph.several else z.softmax(dim=1)


def same_patches(graph: Graph, found: dict[str, np.ndarray], out: dict[str, Tensor]) -> np.ndarray:
    """For each image whether its probabilities are to be compared: all but those with a tie, see `Parity`."""
    n = len(next(iter(found.values())))
    alike, near = np.ones(n, bool), np.ones(n, bool)
    for task in graph.tasks:
        if f"{task}_scores" not in found:
            continue
        scores, own = out[f"{task}/scores"].numpy(), out[f"{task}/selected"].numpy()
        near &= np.abs(found[f"{task}_scores"] - scores).max(axis=1) <= EQUAL * np.abs(scores).max(axis=1)
        chosen = found.get(f"{task}_selected", found[f"{task}_ranked"])[:, : own.shape[1]]
        alike &= (np.sort(chosen) == np.sort(own)).all(axis=1)
        if (zoomed := f"{task}_selected_zoomed") in found:
            alike &= (np.sort(found[zoomed]) == np.sort(out[f"{task}/selected_zoomed"].numpy())).all(axis=1)
    if "box" in found:
        alike &= np.abs(found["box"] - out["box"].numpy()).max(axis=1) < 1e-6
    return alike | ~near


def answer(onnx_session: Any, graph: Graph, images: Tensor) -> dict[str, np.ndarray]:
    """Outputs of the file by name, in plain use."""
    feeds = dict(zip(graph.input_names, map(np.asarray, graph.usual(images)), strict=True))
    return dict(zip(graph.output_names, onnx_session.run([*graph.output_names], feeds), strict=True))


def channels(graph: Graph) -> int:
    """Of the input `image`."""
    return graph.channels if isinstance(graph, PlainGraph) else graph.model.in_chans
