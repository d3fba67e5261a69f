"""Does a map depend on what the network learned? Weights are forgotten part by part, and the maps compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy import ndimage, stats
from tqdm import tqdm

from dermimit.explain.attributions import attribution
from dermimit.explain.map_tools import Classes, Images
from dermimit.explain.randomise import randomise, stages

Batch = Float[np.ndarray, "batch height width"]
SSIM_SIGMA, SSIM_C1, SSIM_C2 = 1.5, 0.01**2, 0.03**2


def cascade(
    run_or_model: Any,
    images: Images,
    task: str,
    classes: Classes | None,
    methods: Sequence[str],
    *,
    seed: int = 0,
    batch_size: int = 64,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Compare maps with those of a network that forgets, from the classifiers down to the stem.

    Each stage keeps the random weights of those before it. A map that stays the same shows the photograph and not
    what was learned. The first stage, `trained`, makes the maps a second time: anything below 1 there is chance.

    Args:
        run_or_model, images, task: as `attribution`.
        classes: as `attribution`; the trained network's answers are explained throughout.
        methods: names of methods.
        seed: of the random weights.
        options: method -> its options.
    Returns:
        columns `method, stage, order, photo, spearman, ssim`: a row for each photo, method and stage; NaN where a
        map is constant and so has no ranks.
    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, cascading randomisation.
    """
    model, options = getattr(run_or_model, "model", run_or_model), options or {}

    def draw(network: Any, method: str) -> Any:
        return attribution(
            network, images, task, classes, method, batch_size=batch_size, progress=False, **options.get(method, {})
        )

    originals = {method: draw(model, method) for method in methods}
    if classes is None and methods:
        classes = originals[methods[0]].classes
    changed, lines = deepcopy(model), []
    steps = [("trained", []), *stages(changed)]
    for order, (stage, parts) in enumerate(tqdm(steps, desc="forgetting", disable=None if progress else True)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + order)
            for part in parts:
                randomise(part)
        for method in methods:
            first, second = (maps.map.cpu().numpy() for maps in (originals[method], draw(changed, method)))
            scores = zip(spearman(first, second), ssim(first, second), strict=True)
            lines += [
                {"method": method, "stage": stage, "order": order, "photo": photo, "spearman": rho, "ssim": same}
                for photo, (rho, same) in enumerate(scores)
            ]
    return pd.DataFrame(lines)


def spearman(first: Batch, second: Batch) -> Float[np.ndarray, " batch"]:
    """Spearman's rank correlation of each pair of maps, ties at their mean rank; NaN where a map is constant."""
    ranks = [stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (r - r.mean(1, keepdims=True) for r in ranks)
    length = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), length, out=np.full(len(a), np.nan), where=length > 0)


def ssim(first: Batch, second: Batch) -> Float[np.ndarray, " batch"]:
    """Mean structural similarity of each pair of maps in [0, 1], in Gaussian windows of σ = 1.5 pixels.

    (2 μ_a μ_b + C1)(2 σ_ab + C2) / ((μ_a² + μ_b² + C1)(σ_a² + σ_b² + C2)), averaged over pixels; edges are mirrored.

    Source: Wang et al., IEEE Trans. Image Process. 13 (2004).
    """
    a, b = (maps.astype(np.float64) for maps in (first, second))

    def blurred(values: Batch) -> Batch:
        return ndimage.gaussian_filter(values, (0, SSIM_SIGMA, SSIM_SIGMA), truncate=3.5)

    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + SSIM_C1) * (2 * both + SSIM_C2)
    return (likeness / ((mean_a**2 + mean_b**2 + SSIM_C1) * (var_a + var_b + SSIM_C2))).mean((1, 2))
