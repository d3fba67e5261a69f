"""Where the lesions lie: drawn from the body part's scene, the attributes and the lesion parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from dermimit.data.synderm.knowledge import Elements

LARGE = ("plaque", "patch", "ulcer", "nodule", "wheal", "bulla")
SPREAD = {"plaque": 0.75, "patch": 0.75, "ulcer": 0.1, "nodule": 0.6, "wheal": 1.0, "bulla": 0.9}
NUMBER = {"few": 0.5, "several": 1.0, "many": 1.7}  # times the usual count of a primary lesion
SIZE = {"small": 0.75, "medium": 1.0, "large": 1.3}  # times its usual radius
LARGEST = 0.32  # radius of a lesion in fractions of the picture's side
REACH = {"scattered": 1.2, "grouped": 0.62, "linear": 1.25}  # times the usual radius of the field


@dataclass(frozen=True)
class Element:
    """One lesion: an ellipse of mean radius r about (x, y), in fractions of the picture's side; `aspect` is b / a."""

    kind: str
    x: float
    y: float
    r: float
    aspect: float
    cos: float
    sin: float


@dataclass(frozen=True)
class Layout:
    """All lesions of a picture: a field of radius `reach` about (x, y), its elements, and spare random numbers.

    `activity` 0..1 is how inflamed the lesions are; it is 1 except in later visits.
    """

    x: float
    y: float
    reach: float
    span: float
    elements: tuple[Element, ...]
    shift: tuple[float, ...]
    activity: float = 1.0


@dataclass(frozen=True)
class Manner:
    """The lesion parameters of a case, and how far its course has changed them: factors on radius, count and field."""

    number: str
    size: str
    arrangement: str
    grown: float = 1.0
    more: float = 1.0
    activity: float = 1.0


def draw_layout(
    present: frozenset[str],
    centre: tuple[float, float],
    span: float,
    sizes: Mapping[str, Elements],
    manner: Manner,
    stream: Callable[[int], np.random.Generator],
) -> Layout:
    """Draw the lesion elements of the present primary lesions.

    Args:
        present: attributes of the case.
        centre: middle of the lesion field, fractions of the picture.
        span: scale of all sizes for this body part and framing, about 0.7..1.4.
        sizes: counts and radii by primary lesion.
        manner: number, size and arrangement, and the stage of the course.
        stream: source of randomness by number: 0 for the field, 1.. for each kind of element, so that adding one kind
            leaves the others where they are.

    Returns:
        the layout; elements are in the order of `sizes`, large ones first.
    """
    rng = stream(0)
    reach = span * float(rng.uniform(0.24, 0.32))
    line, shift = float(rng.random()), tuple(rng.random(24).tolist())
    elements: list[Element] = []
    kinds = list(sizes)
    for kind in sorted((k for k in kinds if k in present), key=lambda k: k not in LARGE):
        rng = stream(1 + kinds.index(kind))
        low, high = sizes[kind].count
        count = float(rng.uniform(low, high + 1)) * NUMBER[manner.number]
        for _ in range(max(1, int(min(count, 26) * manner.more))):
            r = span * float(rng.uniform(*sizes[kind].radius)) * SIZE[manner.size] * manner.grown
            r = min(r * _enlarge(kind, present), LARGEST)
            x, y = _place(kind, centre, reach, r, elements, "annular" in present, manner, line, rng)
            sine = float(rng.random()) * 2 - 1
            aspect = 1 + (0.45 if kind in ("plaque", "patch", "wheal") else 0.15) * float(rng.random())
            elements.append(Element(kind, x, y, r, aspect, (1 - sine * sine) ** 0.5, sine))
    return Layout(*centre, reach, span, tuple(elements), shift, manner.activity)


def _enlarge(kind: str, present: frozenset[str]) -> float:
    """Elements that carry a mark of their own are drawn larger, so that the mark shows."""
    if kind in ("papule", "vesicle") and "umbilication" in present:
        return 1.3
    if kind == "papule" and "warty" in present:
        return 1.35
    return 1.0


def _place(
    kind: str,
    centre: tuple[float, float],
    reach: float,
    r: float,
    others: list[Element],
    ring: bool,
    manner: Manner,
    line: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The best of four random places: farthest from its like and from large lesions; on a ring or a line when asked."""
    large = kind in LARGE
    draws = rng.random((4, 3)).tolist()
    same = [e for e in others if e.kind == kind]
    spread = reach * REACH[manner.arrangement] * manner.more**0.5 * (1.0 if not large else SPREAD[kind])
    if large and not same:
        spread *= 0.2
    if not large:  # beside a large lesion rather than on it, so that both can be seen
        same = same + [e for e in others if e.kind in LARGE]
        spread = max([spread, *(1.3 * e.r for e in others if e.kind in LARGE)])
    circles = [(e.x, e.y, e.r) for e in same]
    best, best_gap = centre, -np.inf
    for a, b, c in draws:
        dx, dy = _direction(a)
        d = spread * b**0.5
        if ring and not large:
            d = reach * (0.78 + 0.14 * c)
        elif manner.arrangement == "linear":
            along, across = _direction(line), 0.18 * (2 * c - 1)
            dx, dy = (2 * b - 1) * along[0] - across * along[1], (2 * b - 1) * along[1] + across * along[0]
            d = spread
        x, y = centre[0] + d * dx, centre[1] + d * dy
        gaps = [sqrt((x - u) * (x - u) + (y - v) * (y - v)) - s - r for u, v, s in circles]
        gap = min(gaps) if gaps else 0.0
        if gap > best_gap:
            best, best_gap = (x, y), gap
    return min(max(best[0], 0.05), 0.95), min(max(best[1], 0.05), 0.95)


def _direction(turn: float) -> tuple[float, float]:
    """A unit vector for turn in 0..1, by the rational parametrisation of the circle (no sine needed)."""
    sign = 1 if turn < 0.5 else -1
    t = (turn * 2 % 1.0) * 2 - 1
    return sign * (1 - t * t) / (1 + t * t), sign * 2 * t / (1 + t * t)
