"""How the camera looks at a body part: turn, zoom, side, and where in the picture the lesions lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dermimit.data.synderm.scene import CLOTHS, Frame, Scene
from dermimit.data.synderm.scenes import SCENES, ZONES

Pair = tuple[float, float]
CLOSEST = 0.9  # the largest zoom is 1 + CLOSEST


@dataclass(frozen=True)
class View:
    """The framing of a case: `centre` of the lesions in the picture, `zoom`, and the numbers `drawn` for it."""

    centre: tuple[float, float]
    zoom: float
    drawn: dict[str, Any]


def draw_view(body_part: str, size: int, zoom: float | None, rng: np.random.Generator) -> tuple[View, Scene]:
    """Draw the framing and build the scene: from an overview (zoom 1) to a close-up, which is the rarer.

    The lesion lies somewhere in the scene's zone. The closer the camera, the more it is pointed at the lesion.

    Args:
        body_part: key of SCENES.
        size: of the picture in pixels.
        zoom: fixed, or None to draw it.
        rng: the case's numbers for the framing.
    """
    near, turn, left, right, mirror, a, b, cloth, x, y = rng.random(10).tolist()
    chance = tuple(rng.random(8).astype(np.float32).tolist())
    zoom = 1.0 + CLOSEST * near * near if zoom is None else float(zoom)
    t, flip = 0.5 * (turn - 0.5), 1 if mirror < 0.5 else -1
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    axis = ((((np.arange(size) + 0.5) / size) * 2 - 1) / zoom).astype(np.float32)

    def scene_at(shift: tuple[float, float]) -> Scene:
        u = np.float32(flip) * (np.float32(cos) * axis[None, :] + np.float32(sin) * axis[:, None])
        v = np.float32(cos) * axis[:, None] - np.float32(sin) * axis[None, :]
        frame = Frame(
            u + np.float32(shift[0]), v + np.float32(shift[1]), 3.0 / size, chance, CLOTHS[int(cloth * len(CLOTHS))]
        )
        return SCENES[body_part](frame)

    most, wanted = 0.14 + 1.2 * (zoom - 1), (0.3 * (x - 0.5), 0.3 * (y - 0.5))
    shift, centre = aimed(body_part, (a, b), wanted, zoom, most, (cos, sin, flip), (left, right))
    drawn = {
        "zoom": zoom,
        "turn": turn,
        "mirror": flip,
        "place": (a, b),
        "aim": (x, y),
        "slip": (left, right),
        "cloth": cloth,
    }
    return View(centre, zoom, drawn), scene_at(shift)


def aimed(
    body_part: str, at: Pair, wanted: Pair, zoom: float, most: float, turn: tuple[float, float, int], slip: Pair
) -> tuple[Pair, Pair]:
    """Point the camera at a spot of the body part's zone.

    Args:
        body_part: key of ZONES.
        at: two numbers in 0..1, the spot within the zone.
        wanted: where the spot is to lie, from the picture's middle, before the zoom.
        zoom: of the camera.
        most: how far the camera moves at most to bring it there.
        turn: cosine and sine of the camera's turn, and 1 or -1 for a mirrored body.
        slip: two numbers in 0..1, by how much the hand misses.

    Returns:
        shift of the scene's coordinates, and the spot in the picture.
    """
    (cos, sin, flip), (zu, zv, width, height) = turn, ZONES[body_part]
    dx, dy = 2 * at[0] - 1, 2 * at[1] - 1
    limit = max(1.0, (dx * dx + dy * dy) ** 0.5)
    pu, pv = zu + 0.85 * width * dx / limit, zv + 0.85 * height * dy / limit
    wx, wy = wanted[0] / zoom, wanted[1] / zoom
    su, sv = (
        min(max(s, -most), most) + 0.16 * (r - 0.5)
        for s, r in zip((pu - flip * (cos * wx + sin * wy), pv - (cos * wy - sin * wx)), slip, strict=True)
    )
    qu, qv = flip * (pu - su), pv - sv
    x, y = (min(max(0.5 + zoom * q / 2, 0.18), 0.82) for q in (cos * qu - sin * qv, sin * qu + cos * qv))
    return (su, sv), (x, y)
