"""Small lesions anywhere in the picture: a lesion field is drawn on a canvas of its own and laid into the picture."""

from dataclasses import replace

import numpy as np

from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.lesions import HALO
from dermimit.data.synderm.places import BIG
from dermimit.data.synderm.scene import Scene

AREA = (0.0062, 0.0200)  # of the picture that lesions cover before anything hides a part: 0.5 to 3 % are left in sight
SIDES = (0.08, 0.62)  # least and greatest side of the window that a lesion field takes in the picture
FARTHEST = 0.30  # zoom lies in 1..1 + FARTHEST: an overview
FLARE, CELLS = 1.35, 26  # reach of redness beyond a lesion; cells along the grid on which cover is estimated
EXTENT = {
    "telangiectasia": 0.25,
    "lichenification": 0.21,
    "purpura": 0.22,
    "scar": 0.12,
    "excoriation": 0.16,
    "fissure": 0.10,
    "erosion": 0.09,
    "crust": 0.07,
}  # radius of what lies about the middle, before the scale
TRIES, GRID = 16, (-0.38, 0.0, 0.38)  # places that are tried, and where in the window skin is looked for
MOST = 0.97  # skin in sight that is enough

Numbers = tuple[float, ...]


def drawn_zoom(chance: Numbers) -> float:
    """The zoom of a case, mostly an overview, from its random numbers."""
    return 1 + FARTHEST * chance[0] * chance[0]


def window_side(covered: float, chance: Numbers) -> float:
    """Side of the window, in fractions of the picture, at which lesions that cover a share of it get their area."""
    wanted = AREA[0] + (AREA[1] - AREA[0]) * chance[1] * chance[1]
    return float(min(max((wanted / max(covered, 1e-3)) ** 0.5, SIDES[0]), SIDES[1]))


def covered_share(layout: Layout, present: frozenset[str]) -> float:
    """Roughly the share of a window that lesions cover: discs about them, on a coarse grid, and no canvas drawn.

    Args:
        layout: of the window.
        present: the attributes of the case.
    """
    flare = FLARE if "erythema" in present else 1.0
    discs = [(e.x, e.y, e.r * max(flare, HALO.get(e.kind, 1.0))) for e in layout.elements]
    middle = [layout.span * r for name, r in EXTENT.items() if name in present]
    if not any(e.kind in BIG for e in layout.elements):
        middle.append(0.17 * layout.span)
    if "annular" in present:
        middle.append(0.9 * layout.reach)
    discs.append((layout.x, layout.y, max(middle, default=0.0)))
    x, y, r = np.array(discs).T[:, :, None, None]
    axis = np.linspace(-0.25, 1.25, CELLS)
    covered = ((axis[None, None, :] - x) ** 2 + (axis[None, :, None] - y) ** 2 < r * r).any(axis=0)
    return float(covered.mean() * 1.5**2)


def place(scene: Scene, side: float, chance: Numbers) -> tuple[float, float]:
    """Middle of a window of that side where skin is in sight: the first of some random places, or the best of them.

    Args:
        scene: of the case, at any size, so that the place does not depend on the picture's.
        side: of the window, in fractions of the picture.
        chance: 2 x TRIES random numbers.
    """
    bare = scene.skin * 1.0
    for alpha, _ in scene.cloth:
        bare = bare * (1 - alpha)
    n, best, most = len(bare), (0.5, 0.5), -1.0
    edge = min(0.45 * side + 0.02, 0.5)
    for a, b in zip(chance[::2], chance[1::2], strict=True):
        x, y = edge + (1 - 2 * edge) * a, edge + (1 - 2 * edge) * b
        rows = [min(max(int((y + d * side) * n), 0), n - 1) for d in GRID]
        columns = [min(max(int((x + d * side) * n), 0), n - 1) for d in GRID]
        seen = float(bare[rows][:, columns].mean())
        if seen > most:
            best, most = (x, y), seen
        if most >= MOST:
            break
    return best


def moved(layout: Layout, at: tuple[float, float], side: float) -> Layout:
    """The layout of a window in the coordinates of the picture."""

    def x(value: float) -> float:
        return at[0] + side * (value - 0.5)

    def y(value: float) -> float:
        return at[1] + side * (value - 0.5)

    elements = tuple(replace(e, x=x(e.x), y=y(e.y), r=side * e.r) for e in layout.elements)
    return replace(layout, x=x(layout.x), y=y(layout.y), reach=side * layout.reach, span=side * layout.span,
                   elements=elements)  # fmt: skip


def lay(canvas: Canvas, window: Canvas, at: tuple[float, float]) -> None:
    """Add the fields of a window's canvas to the picture's, whose pixels are as large; what lies outside is lost."""
    n, m, whole = canvas.size, window.size, len(window.axis)
    corner = [round(value * n - m / 2) - window.margin for value in (at[1], at[0])]
    into = tuple(slice(max(c, 0), min(max(c + whole, 0), n)) for c in corner)
    part = tuple(slice(i.start - c, max(i.stop - c, i.start - c)) for i, c in zip(into, corner, strict=True))
    for name in ("melanin", "blood", "gloss", "bleach", "cover"):
        getattr(canvas, name)[into] += getattr(window, name)[part]
    canvas.height[into] += np.float32(m / n) * window.height[part]
    canvas.paint[:, *into] += window.paint[:, *part]
    canvas.lesion[into] = window.lesion[part]
    for name, pixels in window.touched.items():
        canvas.touched[name] = np.zeros(canvas.melanin.shape, dtype=bool)
        canvas.touched[name][into] = pixels[part]


def centre_of_mass(mask: Array) -> tuple[float, float] | None:
    """Middle (x, y) of the lesions in sight, in fractions of the picture; None where there is none."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return float(columns.mean() + 0.5) / len(mask), float(rows.mean() + 0.5) / len(mask)
