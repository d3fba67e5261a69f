"""The explorer's model in Python: the same file under the same controls, for figures, tables and tests."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.preprocessing import HALF
from dermimit.explore.bundle import check_knobs
from dermimit.export.signature import INPUTS, OUTPUTS, session
from dermimit.prediction import Prediction
from dermimit.records import read_json
from dermimit.tasks import SELECTING_TASKS, TASKS


class OnnxModel:
    """An exported model that answers for one photograph, as the explorer does in a browser.

    Args:
        onnx: what `dermimit export` wrote, with knobs; its .json lies beside it.

    Attributes:
        facts: the .json: classes, image size, grid, k.
    """

    def __init__(self, onnx: Path) -> None:
        self.facts = read_json(onnx.with_suffix(".json"))
        check_knobs(onnx, self.facts)
        self._session = session(onnx)

    def __call__(
        self,
        photo: np.ndarray,
        k: int | None = None,
        lsm: bool = True,
        cim: bool = True,
        body_part: Mapping[str, float] | None = None,
        attributes: Mapping[str, float] | None = None,
        scores: np.ndarray | None = None,
    ) -> Prediction:
        """The answer under the controls.

        Args:
            photo: uint8 (S, S, 3), S as in `facts`.
            k: patches; as trained if None.
            lsm, cim: switches.
            body_part, attributes: class -> probability set by hand; the others are as the model sees them.
            scores: (N,) score of each patch by which the k best are chosen; None: the attention's.

        Raises:
            ValueError: a photograph of another size, or an unknown class.
        """
        height, width = self.facts["image_size"]
        if photo.shape != (height, width, 3) or photo.dtype != np.uint8:
            raise ValueError(f"photo: expected uint8 ({height}, {width}, 3), got {photo.dtype} {photo.shape}")
        k = self.facts["k"] if k is None else k
        mean, std = (np.array(self.facts.get(name, HALF), np.float32) for name in ("mean", "std"))
        image = (photo.astype(np.float32) / (255 * std) - mean / std).transpose(2, 0, 1)[None]
        told = [self._told("attributes", attributes or {}), self._told("body_part", body_part or {})]
        given = np.full(self.facts["num_patches"], np.nan) if scores is None else scores
        values = [image, np.int64(k), np.bool_(lsm), np.bool_(cim), *told, np.asarray(given, np.float32)[None]]
        feeds = {name: np.asarray(value) for name, value in zip(INPUTS, values, strict=True)}
        found = dict(zip(OUTPUTS, self._session.run([*OUTPUTS], feeds), strict=True))
        classes, read = self.facts["classes"], k if lsm else 0
        answers = {task: pd.Series(found[task][0], index=classes[task]) for task in TASKS}
        return Prediction(
            photo=photo,
            answers={task: series.sort_values(ascending=False) for task, series in answers.items()},
            selected={task: found[f"{task}_ranked"][0][:read] for task in SELECTING_TASKS},
            grid=tuple(self.facts["grid"]),
        )

    def _told(self, task: str, values: Mapping[str, float]) -> np.ndarray:
        """Probabilities set by hand, NaN where there is none."""
        classes = self.facts["classes"][task]
        if unknown := sorted(values.keys() - set(classes)):
            raise ValueError(f"{task}: unknown class {unknown[0]!r}; there are: {', '.join(classes)}")
        return np.array([[values.get(name, np.nan) for name in classes]], np.float32)
