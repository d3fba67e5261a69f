"""The canvas of version 4: outlines irregular at all scales, and lesions of which no two are alike."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas, Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout

STEPS = (0.7549, 0.5698, 0.3247, 0.8192)  # irrational, so that the numbers of one lesion differ


class NaturalCanvas(Canvas):
    """A canvas whose outlines waver by several octaves, coarse on large lesions and fine on small ones."""

    def __init__(self, size: int, shift: tuple[float, ...], margin: int = 0) -> None:
        super().__init__(size, shift, margin)
        self.ragged = self.noise("mottle", 2.6, 2)

    def _wavering(self) -> Array:
        return np.float32(0.6) * self.noise("mottle", 0.7, 0)

    def radius(self, e: Element, window: Window, rough: float = 0.22) -> Array:
        """Distance from the element's centre in units of its radius; 1 on an outline that is irregular at all scales."""
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


def variety(layout: Layout, e: Element) -> tuple[float, float, float, float]:
    """Four numbers in 0..1 of one lesion, from where it lies: height, tone, edge, gloss."""
    a, b, c, d = ((s + 61.7 * e.x + 89.3 * step * e.y) % 1 for s, step in zip(layout.shift[20:24], STEPS, strict=True))
    return a, b, c, d
