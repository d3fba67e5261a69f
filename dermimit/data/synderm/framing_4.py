"""How the camera of version 4 looks at a body part: closer, less straight, and at a body that is not symmetric."""

import numpy as np

from dermimit.data.synderm.framing import View, aimed
from dermimit.data.synderm.scene import CLOTHS, Frame, Scene
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
    most, wanted = 0.14 + 0.9 * (close - 1), (0.55 * (x - 0.5), 0.55 * (y - 0.5))
    shift, centre = aimed(body_part, (a, b), wanted, close, most, (cos, sin, flip), (left, right))
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
