"""How well the patches that a run selected cover the lesion."""

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from dermimit.data import PhotoSet


def on_lesion(predictions: pd.DataFrame, photos: PhotoSet, grid: tuple[int, int]) -> pd.DataFrame:
    """How well the patches selected for the disease cover the lesion, for each test photograph that shows one.

    Args:
        predictions: of a run, with `selected`.
        photos: its dataset, with masks.
        grid: patches down and across.

    Returns:
        columns `image, patient_id, precision` (lesion's share of the selected area), `recall` (share of the lesion's
        area that is selected) and `chance` (lesion's share of the photograph), each in [0, 1].
    """
    test = predictions[predictions["split"] == "test"].set_index("image")["selected"]
    data = photos.photos("test", in_memory=True, with_mask=True)
    lines = []
    for i, (name, patient) in enumerate(zip(data.frame["image"], data.frame["patient_id"], strict=True)):
        lesion = (data[i]["mask"] == 1).float()
        if not lesion.any():
            continue
        share = F.adaptive_avg_pool2d(lesion, grid).flatten()
        chosen = share[torch.from_numpy(np.asarray(test[name], np.int64))]
        line = {"precision": chosen.mean(), "recall": chosen.sum() / share.sum(), "chance": share.mean()}
        lines.append({"image": name, "patient_id": patient} | {k: float(v) for k, v in line.items()})
    return pd.DataFrame(lines)
