"""Photographs for the page: cut as the model cuts them, without what the camera wrote, with what the answer used."""

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dermimit.data.problems import ManifestError
from dermimit.data.reading import PhotoError
from dermimit.data.rules import path_problem
from dermimit.report.record import Record

SIDE = 224  # pixels
MAPS = ("gradient_attention", "layer_grad_cam", "occlusion")
"""Methods of `dermimit.explain` that are tried in turn where no patches were selected."""


@dataclass(frozen=True)
class Picture:
    """A photograph as the model sees it, and the same with what the answer used; None without a model to ask."""

    photo: str
    overlay: str | None


class Pictures:
    """Makes pictures of photographs of a folder; the model is loaded once, when first needed.

    Args:
        record: of the run.
        root: folder of the photographs.
        task: whose answers are explained.
    """

    def __init__(self, record: Record, root: Path, task: str) -> None:
        self.record, self.root, self.task = record, root, task
        self.how = ""
        self._run: Any = None

    def of(self, image: str, selected: object, answer: int) -> Picture | str:
        """The picture of a photograph, or why there is none.

        Args:
            image: path below the folder.
            selected: the patches selected for the answer, or None.
            answer: class that was answered.
        """
        from dermimit.data.photos import read_photo
        from dermimit.data.transforms import CentralView, least_side

        if problem := path_problem(image, self.root):
            return problem
        try:
            photo = read_photo(self.root / image, least_side(max(SIDE, self.record.config["image_size"])))
        except (PhotoError, ManifestError) as error:
            return str(error).replace(str(self.root), self.root.name)
        view = CentralView(SIDE)(photo).permute(1, 2, 0).numpy()
        return Picture(data_uri(view), self._overlay(view, photo, selected, answer))

    def _overlay(self, view: np.ndarray, photo: Any, selected: object, answer: int) -> str | None:
        if selected is not None and self.task == "disease":
            patches = np.asarray(selected, int)
            self.how = f"the {len(patches)} selected patches, the rest darkened"
            return data_uri(spotlight(view, patches, self._grid()))
        if not self.record.has_weights:
            return None
        return self._map(view, photo, answer)

    def _grid(self) -> tuple[int, int]:
        if self.record.has_weights:
            down, across = self._loaded().model.grid_size
            return int(down), int(across)
        from dermimit.model.plan import no_numbers
        from dermimit.train.assemble import build_model
        from dermimit.train.config import TrainConfig

        if self._run is None:
            config = TrainConfig.from_dict(self.record.config | {"out": self.record.path}).without_pretraining()
            with no_numbers():  # its grid is all that is asked for
                self._run = build_model(config, self.record.label_space)
        down, across = self._run.grid_size
        return int(down), int(across)

    def _loaded(self) -> Any:
        if self._run is None:
            from dermimit.train.run import load_run

            self._run = load_run(self.record.path)
        return self._run

    def _map(self, view: np.ndarray, photo: Any, answer: int) -> str | None:
        import torch

        from dermimit.data.transforms import eval_transform
        from dermimit.explain.attributions import attribution, methods_for

        run = self._loaded()
        able = methods_for(run, self.task)
        method = next((name for name in MAPS if name in able), None)
        if method is None:
            return None
        image = eval_transform(run.preprocessing)(photo)[None]
        found = attribution(run, image, self.task, torch.tensor([answer]), method, progress=False)
        self.how = f"where the answer comes from by {method.replace('_', ' ')}, brighter is more"
        return data_uri(heated(view, found.map[0].numpy()))


def spotlight(view: np.ndarray, patches: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A photograph darkened but for the chosen patches, which are framed.

    Args:
        view: uint8 (H, W, 3).
        patches: row-major indices.
        grid: patches down and across.
    """
    high, wide = view.shape[0] / grid[0], view.shape[1] / grid[1]
    light, boxes = np.full(view.shape[:2], 0.35), []
    for row, column in (divmod(int(index), grid[1]) for index in patches):
        top, left, bottom, right = (
            math.floor(v) for v in (row * high, column * wide, (row + 1) * high, (column + 1) * wide)
        )
        light[top:bottom, left:right] = 1
        boxes.append((left, top, right - 1, bottom - 1))
    picture = Image.fromarray((view * light[..., None]).astype(np.uint8))
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, outline=(255, 255, 255))
    return np.asarray(picture)


def heated(view: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A photograph in grey under a map of values in [0, 1], from black over orange to light yellow."""
    scaled = np.asarray(
        Image.fromarray((255 * values).astype(np.uint8)).resize(view.shape[1::-1], Image.Resampling.BILINEAR)
    )
    t = scaled[..., None] / 255
    colour = np.concatenate([np.clip(2.2 * t, 0, 1), np.clip(2 * t - 0.5, 0, 1), np.clip(3 * t - 2, 0, 1)], axis=-1)
    grey = view.mean(axis=-1, keepdims=True)
    return (0.45 * grey + 0.55 * 255 * colour).astype(np.uint8)


def data_uri(pixels: np.ndarray) -> str:
    """Pixels as a JPEG within an address; nothing but pixels is in it."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def selected_of(frame: Any, place: int) -> object:
    """The patches stored for a photograph; None without lesion selection."""
    return frame["selected"].iloc[place] if "selected" in frame else None
