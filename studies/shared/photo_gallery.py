"""Photographs side by side with their captions as text, in as many columns as the screen has room for."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from IPython.display import display
from PIL import Image
from scipy.ndimage import binary_dilation

from dermimit.shown import shown_text

SIDE = 288  # pixels of the longer side, at most
QUALITY = 88  # of JPEG
GRID = "--columns:{};display:grid;gap:.5rem;grid-template-columns:repeat(var(--columns),minmax(0,1fr));"
"""Written out, so that the grid is there in Jupyter too, which does not read the book's style sheet."""


def show_photos(
    photos: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    columns: int = 6,
    masks: Sequence[np.ndarray | None] | None = None,
    key: Mapping[str, Sequence[int]] | None = None,
) -> None:
    """Show photographs in a grid, on a phone in two columns where `columns` is even, so that pairs stay together.

    Args:
        photos: (H, W, 3) uint8 images.
        captions: one text a photograph; a line break ends a line.
        columns: photographs in a row, where there is room.
        masks: (H, W) bool arrays or None, one a photograph, whose outlines are drawn.
        key: what colours mean, (r, g, b) of each 0..255; they are then kept exactly.
    """
    texts = [shown_text(caption.replace("\n", " · ")) for caption in captions]
    items = []
    for i, (photo, caption) in enumerate(zip(photos, captions, strict=True)):
        mask = None if masks is None else masks[i]
        source = data_uri(photo if mask is None else outlined(photo, mask), lossless=key is not None)
        lines = "<br>".join(escape(shown_text(line)) for line in caption.split("\n"))
        items.append(f'<li><img src="{source}" alt="{escape(texts[i])}"><span aria-hidden="true">{lines}</span></li>')
    narrow = 3 if columns % 2 else 2
    html = f'<ul class="photos" style="{GRID.format(columns)}--narrow:{narrow}">{"".join(items)}</ul>{_key(key or {})}'
    display({"text/html": html, "text/plain": "\n".join(texts)}, raw=True)


def data_uri(photo: np.ndarray, lossless: bool = False) -> str:
    """An image (H, W, 3) as text that an `img` reads: a JPEG, or a PNG where no pixel may change."""
    image = Image.fromarray(photo)
    image.thumbnail((SIDE, SIDE))
    kind, options = ("PNG", {}) if lossless else ("JPEG", {"quality": QUALITY, "subsampling": 0})
    image.save(out := io.BytesIO(), kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode('ascii')}"


def outlined(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image, at least SIDE wide, with the outline of a mask, white with black around it: it shows on any skin."""
    times = max(1, -(-SIDE // max(photo.shape[:2])))
    photo, mask = (np.repeat(np.repeat(x, times, axis=0), times, axis=1) for x in (photo, mask))
    width = max(1, max(photo.shape[:2]) // 144)
    white = binary_dilation(mask, iterations=width)
    black = binary_dilation(white, iterations=width)
    photo = photo.copy()
    photo[black & ~white] = 0
    photo[white & ~mask] = 255
    return photo


def _key(key: Mapping[str, Sequence[int]]) -> str:
    """The meaning of colours, as a line of text with a square before each."""
    squares = [
        f'<span style="white-space:nowrap"><span style="display:inline-block;width:.9em;height:.9em;'
        f'border:1px solid #808080;background:rgb({r},{g},{b})"></span> {escape(name)}</span>'
        for name, (r, g, b) in key.items()
    ]
    return f'<p class="photo-key">{" &ensp; ".join(squares)}</p>' if squares else ""
