"""What the SynDerm chapter shows: cases picked or made for a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from dermimit.data.synderm import (
    CAUSES,
    COURSES,
    LABEL_SPACE,
    NO_CONFOUNDERS,
    REST,
    SKIN_TYPES,
    Case,
    Knobs,
    Labels,
    SynDerm,
    knowledge,
    make_case,
    read_regime,
    skin_colour,
    typology_angle,
)
from dermimit.explain.style import PALETTE, pretty

REGIME = "plain"  # of the cases of this chapter, where it names no other
CALM = {"noise": 0.004, "blur": 0.003, "exposure": 1.1}


def first(data: SynDerm, fits: Callable[[Labels], bool]) -> int:
    """Index of the first case whose labels fit.

    Raises:
        ValueError: no case of the dataset fits.
    """
    for index in range(len(data)):
        if fits(data.labels(index)):
            return index
    raise ValueError(f"no case among {len(data)} fits; draw more")


def one_of_each(data: SynDerm, field: str, names: Sequence[str]) -> list[Case]:
    """The first case of each name of a label, such as each disease."""
    return [data[first(data, lambda labels, name=name: getattr(labels, field) == name)] for name in names]


def sheet(regime: str, seed: int, size: int, n: int = 12) -> tuple[list[np.ndarray], list[str]]:
    """The first cases of a regime, and what each is: disease and body part."""
    data = SynDerm(n, seed=seed, image_size=size, regime=regime)
    cases = [data[i] for i in range(n)]
    return [c.image for c in cases], [f"{pretty(c.disease)}\n{pretty(c.body_part)}" for c in cases]


def attribute_pairs(seed: int, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each attribute two pictures of the same skin: without it and with it."""
    facts, pairs = knowledge(), []
    for j, name in enumerate(facts.attributes):
        host = () if name in facts.elements else ("papule",) if name in ("umbilication", "annular") else ("patch",)
        skin, part = (2, 5, 3, 4, 1, 6)[j % 6], ("thigh", "back", "forearm", "abdomen")[j % 4]
        two = [_plain(attributes, part, skin, 1.4, seed, j, size) for attributes in (host, (*host, name))]
        pairs.append((two[0].image, two[1].image))
    return pairs


def scene(part: str, skin: int, zoom: float, seed: int, size: int) -> np.ndarray:
    """A body part with a few papules."""
    return _plain(("papule",), part, skin, zoom, seed, skin, size).image


def _plain(attributes: Sequence[str], part: str, skin: int, zoom: float, seed: int, index: int, size: int) -> Case:
    present = tuple(a for a in LABEL_SPACE.attributes if a in attributes)
    labels = Labels(LABEL_SPACE.diseases[0], part, present, skin)
    return make_case(seed, index, size, labels, NO_CONFOUNDERS, knobs=Knobs(zoom, CALM), regime=read_regime(REGIME))


def typology_angles(seed: int, n: int = 200) -> pd.DataFrame:
    """Individual typology angle of healthy skin for each skin type: mean and range over n persons, in degrees."""
    rows = []
    for skin in SKIN_TYPES:
        people = [_plain((), "back", skin, 1.0, seed, i, 16).parameters["nuisance"] for i in range(n)]
        melanin = np.array([[p["melanin"] for p in people]], np.float32)
        angle = typology_angle(np.moveaxis(skin_colour(melanin, np.full_like(melanin, REST)), 0, -1))
        rows.append({"skin type": skin, "mean ITA (degrees)": angle.mean(), "least": angle.min(), "most": angle.max()})
    return pd.DataFrame(rows)


def courses(seed: int, size: int) -> list[tuple[str, float, Case]]:
    """Four visits of one case of each kind of course that changes: (disease, day, case)."""
    data, facts = SynDerm(4000, seed=seed, image_size=size, confounders=False, regime=REGIME), knowledge()
    course = dict(zip(facts.diseases, facts.courses, strict=True))
    series = []
    for kind in (k for k in COURSES if k != "stable"):
        index = first(data, lambda labels, kind=kind: course[labels.disease].kind == kind)
        disease = data.labels(index).disease
        days = [round(part * course[disease].days, 1) for part in (0, 0.35, 0.7, 1.0)]
        series += [(disease, day, case) for day, case in zip(days, data.visits(index, days), strict=True)]
    return series


def changes(data: SynDerm, index: int) -> dict[str, np.ndarray]:
    """A case and the same with a single factor changed."""
    plain = {"confounders": False}
    return {
        "the case": data.counterfactual(index, **plain).image,
        "scale": data.counterfactual(index, add=("scale",), **plain).image,
        "skin type VI": data.counterfactual(index, fitzpatrick=6, **plain).image,
        "ink": data.counterfactual(index, confounders={"ink": 1.0}).image,
        "dressing": data.counterfactual(index, confounders={"dressing": 1.0}).image,
        "on the face": data.counterfactual(index, body_part="face", **plain).image,
    }


def truth_maps(case: Case) -> dict[str, np.ndarray]:
    """A picture and its maps as pictures: lesions by number, one attribute, causes by colour."""
    scale = case.attribute_map[LABEL_SPACE.attributes.index("scale")]
    return {
        "image": case.image,
        "lesions": coloured(case.lesion_map),
        "scale": coloured(scale.astype(np.uint8)),
        "causes": coloured(case.cause),
    }


def key_to_causes() -> dict[str, tuple[int, int, int]]:
    """The colour of each cause of a pixel in `truth_maps`."""
    colours = coloured(np.arange(len(CAUSES))[None])[0]
    return {name: tuple(colour) for name, colour in zip(CAUSES, colours.tolist(), strict=True)}


def coloured(numbers: np.ndarray) -> np.ndarray:
    """(H, W) whole numbers to (H, W, 3) colours; 0 is black, more than the palette holds begin again."""
    table = np.array([(0, 0, 0), *PALETTE, (150, 150, 150)], dtype=np.uint8)
    return table[np.where(numbers > 0, 1 + (numbers.astype(int) - 1) % (len(table) - 1), 0)]
