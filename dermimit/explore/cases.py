"""Drawn cases for the explorer, chosen by their labels and not by anybody's answer."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from dermimit.data.synderm import Case, SynDerm

SEED = 1_000_003  # of no split of a dataset that `dermimit data synderm` would write, so no model has trained on them
LOOKED_AT = 2000  # cases among which to choose
SKIN_TYPES = (1, 2, 3, 4, 5, 6)


def curated(n: int = 24, counterfactual: int = 8, image_size: int = 64, seed: int = SEED) -> list[dict[str, Any]]:
    """Cases of n different diseases over the body parts and skin types as evenly as they come, in their order.

    Args:
        n: cases, 1 to 49.
        counterfactual: of the first so many, also the photographs with the other five skin types, all else equal.
        image_size: side of the photographs in pixels.
        seed: of the drawn dataset.

    Returns:
        for each case `index`, `truth` (disease, body_part, attributes, fitzpatrick) and `photos`: skin type -> PNG as a
        data address.
    """
    dataset = SynDerm(LOOKED_AT, seed, image_size)
    cases = []
    for rank, index in enumerate(chosen(dataset, n)):
        labels = dataset.labels(index)
        types = SKIN_TYPES if rank < counterfactual else (labels.fitzpatrick,)
        photos = {str(t): data_address(dataset.counterfactual(index, fitzpatrick=t)) for t in types}
        truth = {"disease": labels.disease, "body_part": labels.body_part, "attributes": list(labels.attributes)}
        cases.append({"index": index, "truth": truth | {"fitzpatrick": labels.fitzpatrick}, "photos": photos})
    return cases


def chosen(dataset: SynDerm, n: int) -> list[int]:
    """Indices of n cases: each time the first one of a new disease whose body part and skin type occur least so far."""
    labels = [dataset.labels(i) for i in range(len(dataset))]
    found: list[int] = []
    for _ in range(n):
        seen = [labels[i] for i in found]
        fresh = [i for i, x in enumerate(labels) if x.disease not in {s.disease for s in seen}]
        if not fresh:
            raise ValueError(f"n={n}: among {len(labels)} cases there are only {len(found)} diseases; ask for fewer")

        def crowding(i: int, seen: list = seen) -> tuple[int, int, int]:
            of_part = sum(s.body_part == labels[i].body_part for s in seen)
            of_type = sum(s.fitzpatrick == labels[i].fitzpatrick for s in seen)
            return of_part + of_type, max(of_part, of_type), i

        found.append(min(fresh, key=crowding))
    return found


def data_address(case: Case) -> str:
    """The photograph of a case as `png_address`."""
    return png_address(case.image)


def png_address(pixels: np.ndarray) -> str:
    """uint8 (H, W, 3) as a PNG within an address, which a page opened from disk may read pixel by pixel."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def picture(address: str) -> np.ndarray:
    """The PNG in such an address as uint8 (H, W, 3)."""
    content = base64.b64decode(address.split(",")[1])
    return np.array(Image.open(io.BytesIO(content), formats=["PNG"]).convert("RGB"))
