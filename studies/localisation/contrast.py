"""How much a lesion stands out from the skin around it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from dermimit.explain.localisation import Masks, Scores


def contrast(photos: Float[np.ndarray, "batch height width 3"], masks: Masks, ring: float = 0.1) -> Scores:
    """How much the lesion's mean colour differs from that of the skin around it: CIEDE2000, about 1 is just visible.

    Args:
        photos: sRGB in [0, 1].
        masks: the lesion.
        ring: width of the skin that is compared, as a share of the photograph's shorter side, at least one pixel.

    Returns:
        the difference, 0 or more; NaN where the lesion has no skin around it.
    """
    steps = max(1, round(ring * min(masks.shape[1:])))
    found = np.full(len(masks), np.nan)
    for i, (photo, mask) in enumerate(zip(photos, masks, strict=True)):
        around = ndimage.binary_dilation(mask, iterations=steps) & ~mask
        if mask.any() and around.any():
            lab = rgb2lab(photo)
            found[i] = deltaE_ciede2000(lab[mask].mean(0), lab[around].mean(0))
    return found
