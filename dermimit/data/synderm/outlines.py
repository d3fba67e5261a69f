"""The canvas of version 4: outlines irregular at all scales, and lesions of which no two are alike."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas, Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.textures import sample_warped

Variety = tuple[float, float, float, float]
STEPS = (0.7549, 0.5698, 0.3247, 0.8192)  # irrational, so that the numbers of one lesion differ


class NaturalCanvas(Canvas):
    """A canvas whose outlines waver by several octaves, coarse on large lesions and fine on small ones."""

    def __init__(self, size: int, shift: tuple[float, ...], margin: int = 0) -> None:
        super().__init__(size, shift, margin)
        self.ragged = self.noise("mottle", 2.6, 2)

    def _wavering(self) -> Array:
        return np.float32(0.6) * self.noise("mottle", 0.7, 0)

    def radius(self, e: Element, window: Window, rough: float = 0.22) -> Array:
        """Distance from the element's centre in units of its radius; 1 on an irregular outline."""
        dy = self.axis[window[0]][:, None] - np.float32(e.y)
        dx = self.axis[window[1]][None, :] - np.float32(e.x)
        a, b = 1 / (e.r * e.aspect**0.5), e.aspect**0.5 / e.r
        u = np.float32(e.cos * a) * dx + np.float32(e.sin * a) * dy
        v = np.float32(e.cos * b) * dy - np.float32(e.sin * b) * dx
        u *= u
        v *= v
        u += v
        np.sqrt(u, out=u)
        if rough:
            large = min(e.r * 8, 1.0)
            u += np.float32(rough * (0.35 + 0.85 * large)) * self.warp[window]
            u += np.float32(rough * (0.95 - 0.45 * large)) * self.ragged[window]
        return u


def variety(layout: Layout, e: Element) -> Variety:
    """Four numbers in 0..1 of one lesion, from where it lies: height, tone, edge, gloss."""
    a, b, c, d = ((s + 61.7 * e.x + 89.3 * step * e.y) % 1 for s, step in zip(layout.shift[20:24], STEPS, strict=True))
    return a, b, c, d


def raised(canvas: NaturalCanvas, window: Window, height: Array) -> None:
    """Lift the relief of a window to at least the given height."""
    here = canvas.height[window]
    np.maximum(here, height, out=here)


def dome(rho: Array, r: float, steep: float, flat: float) -> Array:
    """A dome of height steep r; `flat` from 0 (a hill with a soft foot) to 1 (half an ellipsoid)."""
    t = np.clip(1 - rho * rho, 0, 1)
    return np.float32(steep * r) * (t * np.float32(1 - flat) + np.sqrt(t) * np.float32(flat))


def turned(canvas: NaturalCanvas, tile: str, scale: float, layout: Layout, k: int, bend: float = 0.0) -> Array:
    """A tile over the picture, turned and shifted by the case, and bent by `bend` (fractions of the side)."""
    s = 2 * layout.shift[k] - 1
    cos, sin = np.float32((1 - s * s) / (1 + s * s)), np.float32(2 * s / (1 + s * s))
    u = cos * canvas.axis[None, :] + (sin * canvas.axis[:, None] + np.float32(layout.shift[k + 1]))
    v = cos * canvas.axis[:, None] - (sin * canvas.axis[None, :] - np.float32(layout.shift[k + 2]))
    if bend:
        u += np.float32(bend) * canvas.warp
        v += np.float32(bend) * canvas.ragged
    return sample_warped(tile, v, u, scale, scale)
