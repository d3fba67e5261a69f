"""The skin surface under construction: pigments, relief, gloss, opaque matter, and which attribute touched what."""

from math import floor

import numpy as np

from dermimit.data.synderm.colour import rgb
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element
from dermimit.data.synderm.textures import ramp, sample

Colour = tuple[float, float, float]
Window = tuple[slice, slice]
ALL = (slice(None), slice(None))
SHIFTS = 24  # random numbers that place the textures of a case


class Canvas:
    """Fields over a square picture in coordinates 0..1.

    `melanin`, `blood`, `height`, `gloss` are (H, W), added to those of healthy skin; `bleach` (H, W) is the share of
    the skin's own melanin that is lost; `paint` (3, H, W) and `cover` (H, W) hold opaque matter, premultiplied;
    `touched` says for each attribute which pixels it changed; `lesion` (H, W) numbers the primary lesions from 1.
    """

    def __init__(self, size: int, shift: tuple[float, ...], margin: int = 0) -> None:
        """An empty canvas.

        Args:
            size: pixels along the picture.
            shift: random numbers that place the textures.
            margin: pixels beyond each edge of the picture, where coordinates go on below 0 and above 1.
        """
        self.size, self.margin, side = size, margin, size + 2 * margin
        self.axis = ((np.arange(side) - margin + 0.5) / size).astype(np.float32)
        self.soft = 1.2 / size
        self.melanin, self.blood, self.height, self.gloss, self.bleach, self.cover = np.zeros(
            (6, side, side), np.float32
        )
        self.paint = np.zeros((3, side, side), np.float32)
        self.touched: dict[str, Array] = {}
        self.lesion = np.zeros((side, side), np.uint8)
        self.shift = shift
        self.warp = self._wavering()

    def _wavering(self) -> Array:
        """Noise of about unit size that makes outlines wavy."""
        return np.float32(0.55) * self.noise("coarse", 0.5, 0) + np.float32(0.20) * self.noise("middle", 0.8, 1)

    def noise(self, tile: str, scale: float, k: int, window: Window | None = None) -> Array:
        """A tile over the picture (or a window of it), shifted by the case's k-th random number."""
        rows, columns = window or ALL
        shift = self.shift[k % SHIFTS], self.shift[(k + 7) % SHIFTS]
        return sample(tile, self.axis[rows], self.axis[columns], scale, shift)

    def window(self, x: float, y: float, r: float) -> Window:
        """The pixels within r of (x, y) along both axes."""
        n, k = self.size, self.margin
        x0, x1 = max(floor((x - r) * n) + k, 0), min(floor((x + r) * n) + 1 + k, n + 2 * k)
        y0, y1 = max(floor((y - r) * n) + k, 0), min(floor((y + r) * n) + 1 + k, n + 2 * k)
        return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))

    def radius(self, e: Element, window: Window, rough: float = 0.22) -> Array:
        """Distance from the element's centre in units of its radius, with a wavy outline; 1 on the rim."""
        dy = self.axis[window[0]][:, None] - np.float32(e.y)
        dx = self.axis[window[1]][None, :] - np.float32(e.x)
        a, b = 1 / (e.r * e.aspect**0.5), e.aspect**0.5 / e.r
        u = np.float32(e.cos * a) * dx + np.float32(e.sin * a) * dy
        v = np.float32(e.cos * b) * dy - np.float32(e.sin * b) * dx
        return np.sqrt(u * u + v * v) + np.float32(rough) * self.warp[window]

    def disc(self, rho: Array, r: float, edge: float = 1.0, soft: float = 0.0) -> Array:
        """1 where rho < edge; the step is at least a pixel wide for an element of radius r."""
        return ramp(edge - rho, max(soft, self.soft / r))

    def put(self, window: Window, alpha: Array, colour: Colour) -> None:
        """Lay opaque matter over what is there."""
        keep, paint, cover = 1 - alpha, self.paint[:, *window], self.cover[window]
        paint *= keep
        paint += alpha * rgb(colour)
        cover *= keep
        cover += alpha

    def touch(self, attribute: str, window: Window, alpha: Array) -> None:
        """Note that an attribute shows where alpha is above 0.15."""
        if attribute not in self.touched:
            self.touched[attribute] = np.zeros(self.melanin.shape, dtype=bool)
        self.touched[attribute][window] |= alpha > 0.15

    def line(
        self, p: tuple[float, float], q: tuple[float, float], r: float, wavy: float = 0.012
    ) -> tuple[Window, Array]:
        """Window about a segment, and the distance to it in units of its half width r, slightly wavy."""
        reach = max(abs(p[0] - q[0]), abs(p[1] - q[1])) / 2 + 3 * r + 0.02
        window = self.window((p[0] + q[0]) / 2, (p[1] + q[1]) / 2, reach)
        dy, dx = self.axis[window[0]][:, None] - np.float32(p[1]), self.axis[window[1]][None, :] - np.float32(p[0])
        du, dv = np.float32(q[0] - p[0]), np.float32(q[1] - p[1])
        along = np.clip((dx * du + dy * dv) * np.float32(1 / (du * du + dv * dv + 1e-9)), 0, 1)
        wobble = np.float32(wavy) * self.noise("middle", 1.0, 3, window)
        return window, np.sqrt((dx - along * du) ** 2 + (dy - along * dv + wobble) ** 2) * np.float32(1 / r)
