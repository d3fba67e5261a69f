"""Where the lesions lie: drawn from the body part's scene and the attributes, never from the disease."""

from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.knowledge import Elements

LARGE = ("plaque", "patch", "ulcer", "nodule", "wheal", "bulla")
SPREAD = {"plaque": 0.75, "patch": 0.75, "ulcer": 0.1, "nodule": 0.6, "wheal": 1.0, "bulla": 0.9}


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
    """All lesions of a picture: a field of radius `reach` about (x, y), its elements, and spare random numbers."""

    x: float
    y: float
    reach: float
    span: float
    elements: tuple[Element, ...]
    shift: tuple[float, ...]


def draw_layout(
    present: frozenset[str],
    centre: tuple[float, float],
    span: float,
    sizes: dict[str, Elements],
    rng: np.random.Generator,
) -> Layout:
    """Draw the lesion elements of the present primary lesions.

    Args:
        present: attributes of the case.
        centre: middle of the lesion field, fractions of the picture.
        span: scale of all sizes for this body part and framing, about 0.7..1.2.
        sizes: counts and radii by primary lesion.
        rng: the case's source of randomness.

    Returns:
        the layout; elements are in the order of `sizes`, large ones first.
    """
    reach = span * float(rng.uniform(0.24, 0.34))
    elements: list[Element] = []
    primary = [k for k in sizes if k in present]
    for kind in sorted(primary, key=lambda k: k not in LARGE):
        low, high = sizes[kind].count
        for _ in range(int(rng.integers(low, high + 1))):
            r = span * float(rng.uniform(*sizes[kind].radius)) * _enlarge(kind, present)
            x, y = _place(kind, centre, reach, r, elements, "annular" in present, rng)
            angle = float(rng.random()) * 2 - 1
            sine = angle
            aspect = 1 + (0.45 if kind in ("plaque", "patch", "wheal") else 0.15) * float(rng.random())
            elements.append(Element(kind, x, y, r, aspect, (1 - sine * sine) ** 0.5, sine))
    return Layout(*centre, reach, span, tuple(elements), tuple(rng.random(24).tolist()))


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
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The best of four random places: farthest from the elements of the same kind; on a ring when `ring`."""
    large = kind in LARGE
    draws = rng.random((4, 3)).tolist()
    same = [e for e in others if e.kind == kind]
    spread = SPREAD[kind] * reach * (0.2 if not same else 1.0) if large else reach
    best, best_gap = centre, -np.inf
    for a, b, c in draws:
        dx, dy = _direction(a)
        d = spread * b**0.5 if large or not ring else reach * (0.78 + 0.14 * c)
        x, y = centre[0] + d * dx, centre[1] + d * dy
        gap = min(((x - e.x) ** 2 + (y - e.y) ** 2) ** 0.5 - e.r - r for e in same) if same else 0.0
        if gap > best_gap:
            best, best_gap = (x, y), gap
    return min(max(best[0], 0.06), 0.94), min(max(best[1], 0.06), 0.94)


def _direction(turn: float) -> tuple[float, float]:
    """A unit vector for turn in 0..1, by the rational parametrisation of the circle (no sine needed)."""
    sign = 1 if turn < 0.5 else -1
    t = (turn * 2 % 1.0) * 2 - 1
    return sign * (1 - t * t) / (1 + t * t), sign * 2 * t / (1 + t * t)
