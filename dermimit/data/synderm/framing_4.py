"""How the camera of version 4 looks at a body part: closer, less straight, and at a body that is not symmetric."""

import numpy as np

from dermimit.data.synderm.framing import View
from dermimit.data.synderm.scene import CLOTHS, Frame, Scene
from dermimit.data.synderm.scenes import ZONES
from dermimit.data.synderm.scenes_4 import CLOSENESS, SCENES_4
from dermimit.data.synderm.textures import sample

CLOSEST = 1.6  # the largest zoom is 1 + CLOSEST
UNEVEN = 0.05  # how far the body's outlines stray from the scene's, in half sides


def draw_view(body_part: str, size: int, zoom: float | None, rng: np.random.Generator) -> tuple[View, Scene]:
    """Draw the framing and build the scene: zoom 1 to 2.6 with a median of 1.5, the lesion often off the centre.

    Args:
        body_part: key of SCENES_4.
        size: of the picture in pixels.
        zoom: fixed, or None to draw it.
        rng: the case's numbers for the framing.
    """
    near, turn, left, right, mirror, a, b, cloth, x, y = rng.random(10).tolist()
    chance, waver = tuple(rng.random(12).astype(np.float32).tolist()), rng.random(4).tolist()
    zoom = 1.0 + CLOSEST * near * (0.3 + 0.7 * near) if zoom is None else float(zoom)
    close = zoom * CLOSENESS[body_part]
    t, flip = 0.8 * (turn - 0.5), 1 if mirror < 0.5 else -1
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    zu, zv, width, height = ZONES[body_part]
    dx, dy = 2 * a - 1, 2 * b - 1
    limit = max(1.0, (dx * dx + dy * dy) ** 0.5)
    pu, pv = zu + 0.85 * width * dx / limit, zv + 0.85 * height * dy / limit
    wx, wy = (0.55 * (x - 0.5)) / close, (0.55 * (y - 0.5)) / close  # wanted place, from the picture's middle
    most = 0.14 + 0.9 * (close - 1)
    shift = tuple(
        min(max(s, -most), most) + 0.16 * (r - 0.5)
        for s, r in zip((pu - flip * (cos * wx + sin * wy), pv - (cos * wy - sin * wx)), (left, right), strict=True)
    )
    qu, qv = flip * (pu - shift[0]), pv - shift[1]
    centre = tuple(min(max(0.5 + close * q / 2, 0.18), 0.82) for q in (cos * qu - sin * qv, sin * qu + cos * qv))
    place = ((np.arange(size) + 0.5) / size).astype(np.float32)
    axis = (place * 2 - 1) * np.float32(1 / close)
    u = (np.float32(flip * cos) * axis)[None, :] + (np.float32(flip * sin) * axis + np.float32(shift[0]))[:, None]
    v = (np.float32(-sin) * axis)[None, :] + (np.float32(cos) * axis + np.float32(shift[1]))[:, None]
    u += np.float32(UNEVEN / close) * sample("coarse", place, place, 0.22, (waver[0], waver[1]))
    v += np.float32(UNEVEN / close) * sample("coarse", place, place, 0.22, (waver[2], waver[3]))
    scene = SCENES_4[body_part](Frame(u, v, max(4.0 * zoom / size, 0.05), chance, CLOTHS[int(cloth * len(CLOTHS))]))
    scene.width /= CLOSENESS[body_part]
    scene.span *= (0.68 + 0.26 * (zoom - 1)) / (0.92 + 0.40 * (zoom - 1))  # lesions cover less than in version 3
    drawn = {
        "zoom": zoom,
        "turn": turn,
        "mirror": flip,
        "place": (a, b),
        "aim": (x, y),
        "slip": (left, right),
        "cloth": cloth,
        "uneven": tuple(waver),
    }
    return View(centre, zoom, drawn), scene
