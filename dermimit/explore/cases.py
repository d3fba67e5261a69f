"""Synthetic cases for the explorer, chosen by their labels and not by anybody's prediction."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from dermimit.data.synderm import Labels, SynDerm, posterior

SEED = 1_000_003  # of no split of a dataset that `dermimit data synderm` would write, so no model has trained on them
LOOKED_AT = 2000  # cases among which to choose
SKIN_TYPES = (1, 2, 3, 4, 5, 6)
START = 2  # place of the case that is shown first: eczema of the forearm, which the shipped model classifies correctly
FEW = (
    2,
    4,
    9,
    11,
    3,
    0,
)  # places of those in a small explorer: four that it classifies correctly, two that it does not
LARGE = 256  # side of the picture for the eye, in pixels


def curated(
    n: int = 24,
    counterfactual: int = 8,
    image_size: int = 64,
    seed: int = SEED,
    large: int = LARGE,
    regime: str | None = None,
) -> list[dict[str, Any]]:
    """Cases of n different diseases over the body parts and skin types as evenly as they come, in their order.

    Args:
        n: cases, 1 to 49.
        counterfactual: of the first so many, also the pictures with the other five skin types, all else equal; of the
            others the darkest one alone, or the lightest where the case is the darkest.
        image_size: side of the pictures that the model sees, in pixels.
        seed: of the synthetic dataset.
        large: side of the same pictures for the eye; 0: none.
        regime: of the dataset, as `SynDerm` takes it.

    Returns:
        for each case `index`, `truth` (disease, body_part, attributes, fitzpatrick), `photos`: skin type -> PNG as a
        data address, `large`: the same as WebP, `lesion`: its pixels in sight, see `packed`, and `bayes`: the three
        most probable diseases for who knows all that the picture can show, with their probabilities.
    """
    dataset, drawn_large = (
        SynDerm(LOOKED_AT, seed, side, regime=regime) for side in (image_size, max(large, image_size))
    )
    cases = []
    for rank, index in enumerate(chosen(dataset, n)):
        labels, case = dataset.labels(index), dataset[index]
        types = SKIN_TYPES if rank < counterfactual else sorted({labels.fitzpatrick, far_type(labels.fitzpatrick)})
        photos = {str(t): png_address(dataset.counterfactual(index, fitzpatrick=t).image) for t in types}
        truth = {"disease": labels.disease, "body_part": labels.body_part, "attributes": list(labels.attributes)}
        found = {"index": index, "truth": truth | {"fitzpatrick": labels.fitzpatrick}, "photos": photos}
        if large:
            pictures = {t: drawn_large.counterfactual(index, fitzpatrick=t).image for t in types}
            found["large"] = {str(t): webp_address(pixels) for t, pixels in pictures.items()}
        cases.append(found | {"lesion": packed(case.mask), "bayes": best_guess(labels, dataset, regime)})
    return cases


def case_file(cases: Sequence[Mapping[str, Any]] | None = None, image_size: int = 64) -> dict[str, Any]:
    """What the explorer reads: `cases`, the place of the first one (`start`) and those of a small explorer (`few`).

    Args:
        cases: as `curated` gives them, to be shown from the first; its own choice if None.
        image_size: side of the pictures that the model sees in its own choice, in pixels.
    """
    if cases is None:
        return {"cases": curated(image_size=image_size), "start": START, "few": FEW}
    return {"cases": list(cases), "start": 0, "few": [*range(min(len(FEW), len(cases)))]}


def starting_picture() -> bytes:
    """The case that is shown first, for the eye, as a WebP file."""
    dataset = SynDerm(LOOKED_AT, SEED, LARGE)
    address = webp_address(dataset[chosen(dataset, START + 1)[START]].image)
    return base64.b64decode(address.split(",")[1])


def far_type(fitzpatrick: int) -> int:
    """The skin type that a case is shown with beside its own: VI, or I for one of type VI."""
    return SKIN_TYPES[-1] if fitzpatrick != SKIN_TYPES[-1] else SKIN_TYPES[0]


def best_guess(labels: Labels, dataset: SynDerm, regime: str | None = None, top: int = 3) -> list[list[Any]]:
    """[disease, probability] of the Bayes-optimal classifier, the most probable first."""
    lesions = (labels.number, labels.size, labels.arrangement)
    found = posterior(labels.body_part, labels.attributes, lesions, dataset.prior, regime)
    best = sorted(found.items(), key=lambda item: -item[1])[:top]
    return [[name, round(p, 4)] for name, p in best]


def packed(mask: np.ndarray) -> str:
    """A bool mask (H, W) as base64, row by row, eight pixels a byte, the first in the highest bit."""
    return base64.b64encode(np.packbits(mask.ravel()).tobytes()).decode()


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


def png_address(pixels: np.ndarray) -> str:
    """uint8 (H, W, 3) as a PNG within an address, which a page opened from disk may read pixel by pixel."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def webp_address(pixels: np.ndarray, quality: int = 85) -> str:
    """uint8 (H, W, 3) as a WebP within an address, for the eye alone: it is stored with loss."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def picture(address: str) -> np.ndarray:
    """The PNG, JPEG or WebP in such an address as uint8 (H, W, 3)."""
    content = base64.b64decode(address.split(",")[1])
    return np.array(Image.open(io.BytesIO(content), formats=["PNG", "JPEG", "WEBP"]).convert("RGB"))
