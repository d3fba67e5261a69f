"""The skin surface under construction: pigments, relief, paint and the lesion mask."""

import numpy as np

from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element
from dermimit.data.synderm.textures import ramp, sample

Colour = tuple[float, float, float]
Window = tuple[slice, slice]


class Canvas:
    """Fields over a square picture in coordinates 0..1.

    `melanin`, `blood`, `height` are (H, W); `paint` (H, W, 3) and `cover` (H, W) hold opaque matter on the skin,
    premultiplied; `mask` (H, W) is how far a pixel belongs to a lesion.
    """

    def __init__(self, size: int, shift: tuple[float, ...]) -> None:
        self.size = size
        self.axis = ((np.arange(size) + 0.5) / size).astype(np.float32)
        self.soft = 1.2 / size
        self.melanin = np.zeros((size, size), np.float32)
        self.blood, self.height = self.melanin.copy(), self.melanin.copy()
        self.cover, self.mask = self.melanin.copy(), self.melanin.copy()
        self.paint = np.zeros((size, size, 3), np.float32)
        self.shift = shift
        self.warp = np.float32(0.55) * self.noise("coarse", 0.5, 0) + np.float32(0.20) * self.noise("middle", 0.8, 1)

    def noise(self, tile: str, scale: float, k: int, window: Window | None = None) -> Array:
        """A tile over the picture (or a window of it), shifted by the case's k-th random number."""
        rows, columns = window or (slice(None), slice(None))
        shift = self.shift[k % 24], self.shift[(k + 7) % 24]
        return sample(tile, self.axis[rows], self.axis[columns], scale, shift)

    def window(self, x: float, y: float, r: float) -> Window:
        """The pixels within r of (x, y) along both axes."""
        n = self.size
        x0, x1 = max(int((x - r) * n), 0), min(int((x + r) * n) + 1, n)
        y0, y1 = max(int((y - r) * n), 0), min(int((y + r) * n) + 1, n)
        return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))

    def radius(self, e: Element, window: Window, rough: float = 0.22) -> Array:
        """Distance from the element's centre in units of its radius, with a wavy outline; 1 on the rim."""
        dy = self.axis[window[0]][:, None] - e.y
        dx = self.axis[window[1]][None, :] - e.x
        a, b = e.r * e.aspect**0.5, e.r / e.aspect**0.5
        u, v = (e.cos * dx + e.sin * dy) * (1 / a), (e.cos * dy - e.sin * dx) * (1 / b)
        return np.sqrt(u * u + v * v) + rough * self.warp[window]

    def disc(self, rho: Array, r: float, edge: float = 1.0, soft: float = 0.0) -> Array:
        """1 where rho < edge; the step is at least a pixel wide for an element of radius r."""
        return ramp(edge - rho, max(soft, self.soft / r))

    def put(self, window: Window, alpha: Array, colour: Colour | Array) -> None:
        """Lay opaque matter over what is there."""
        keep = 1 - alpha
        self.paint[window] = self.paint[window] * keep[..., None] + alpha[..., None] * np.asarray(colour, np.float32)
        self.cover[window] = self.cover[window] * keep + alpha

    def mark(self, window: Window, alpha: Array) -> None:
        """Add to the lesion mask."""
        self.mask[window] = np.maximum(self.mask[window], alpha)

    def line(
        self, p: tuple[float, float], q: tuple[float, float], r: float, wavy: float = 0.012
    ) -> tuple[Window, Array]:
        """Window about a segment, and the distance to it in units of its half width r, slightly wavy."""
        reach = max(abs(p[0] - q[0]), abs(p[1] - q[1])) / 2 + 3 * r + 0.02
        window = self.window((p[0] + q[0]) / 2, (p[1] + q[1]) / 2, reach)
        dy, dx = self.axis[window[0]][:, None] - p[1], self.axis[window[1]][None, :] - p[0]
        du, dv = q[0] - p[0], q[1] - p[1]
        along = np.clip((dx * du + dy * dv) * (1 / (du * du + dv * dv + 1e-9)), 0, 1)
        wobble = np.float32(wavy) * self.noise("middle", 1.0, 3, window)
        return window, np.sqrt((dx - along * du) ** 2 + (dy - along * dv + wobble) ** 2) * (1 / r)
