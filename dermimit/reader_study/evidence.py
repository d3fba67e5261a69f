"""The model's view of a case, computed when the study is prepared: probabilities, and where lesion selection looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from dermimit.data import PhotoSet
from dermimit.evaluate.seen import FOLDERS, splits_of_run
from dermimit.explain.attention_maps import lsm_score
from dermimit.explain.map_tools import to_unit
from dermimit.predict import predict_photo
from dermimit.prediction import Prediction
from dermimit.train.run import Run

STRENGTH = 0.6  # of the colours over the photograph, where the map is highest
DIMMED = 0.35  # brightness of what the model did not see


def check_run(run: Run, photo_set: PhotoSet, images: list[str]) -> None:
    """Refuse a model that has other classes, or that may have learnt the photographs by heart.

    Args:
        images: the photographs to be shown, as the manifest names them.

    Raises:
        ValueError: with the first photograph or class at fault, and the remedy.
    """
    for kind in ("diseases", "body_parts", "attributes"):
        ours, theirs = getattr(photo_set.label_space, kind), getattr(run.label_space, kind)
        if ours != theirs:
            odd = sorted(set(ours) ^ set(theirs))[:3]
            raise ValueError(f"{run.path}: its {kind} are not the dataset's ({', '.join(odd) or 'another order'}): "
                             "take a run that was trained on these classes")  # fmt: skip
    then = splits_of_run(run, photo_set.name, photo_set.frame, photo_set.root)
    if then is None and photo_set.name == run.config.dataset and photo_set.name not in FOLDERS:
        raise ValueError(f"{run.path}: the run was trained on {photo_set.name} too, and its record does not tell which "
                         "of these photographs it saw: take other photographs or another run")  # fmt: skip
    if known := [] if then is None else sorted(image for image in images if then.get(image) in ("train", "val")):
        raise ValueError(f"{run.path}: {known[0]} and {len(known) - 1} more are not in the run's test split, so the "
                         "model may have been trained on them: take cases of the test split")  # fmt: skip


def evidence_of(run: Run, path: Path) -> tuple[dict[str, Any], np.ndarray | None]:
    """What a run says of a photograph.

    Returns:
        task -> [[name, probability], …], most probable first; and the map over the photograph, uint8 (S, S, 3) of the
        central square that the model saw, or None for a model that selects no patches.
    """
    prediction = predict_photo(run, path)
    said = {task: [[name, round(float(p), 4)] for name, p in s.items()] for task, s in prediction.answers.items()}
    return said, selection_map(run, prediction)


def selection_map(run: Run, prediction: Prediction) -> Float[np.ndarray, "size size"] | None:
    """The lesion selection's scores for the disease over what the model saw, scaled to [0, 1]."""
    if "disease" not in prediction.selected or not len(prediction.selected["disease"]):
        return None
    image = run.preprocessing.normalise(torch.from_numpy(prediction.photo).permute(2, 0, 1).contiguous())[None]
    found = lsm_score(run.model, image, "disease", torch.zeros(1, dtype=torch.long), batch_size=1)
    return to_unit(found.relevance)[0].numpy()


def overlay(photo: Image.Image, values: Float[np.ndarray, "size size"]) -> Image.Image:
    """The photograph with the map over its central square; the rest, which the model did not see, is dimmed."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    large = Image.fromarray(values.astype(np.float32)).resize((side, side), Image.Resampling.NEAREST)
    pixels = np.asarray(photo, dtype=np.float32)
    result = DIMMED * pixels
    inside = (slice(top, top + side), slice(left, left + side))
    result[inside] = blend(pixels[inside], np.asarray(large))
    return Image.fromarray(result.round().astype(np.uint8))


def blend(pixels: np.ndarray, values: Float[np.ndarray, "height width"]) -> np.ndarray:
    """Colours of the map over pixels in [0, 255], the stronger the higher the value."""
    colours = 255 * mpl.colormaps["viridis"](values)[..., :3]
    share = (STRENGTH * (0.25 + 0.75 * values))[..., None]
    return (1 - share) * pixels + share * colours
