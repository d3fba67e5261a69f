"""How far SynDerm's photographs are from real ones: skin colour, texture and the power spectrum, in aggregate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision import tv_tensors
from tqdm import tqdm

from dermimit.data import pad_ufes_20
from dermimit.data.photos import read_mask, read_photo
from dermimit.data.synderm import CAUSES, SynDerm, lab, typology_angle
from dermimit.data.transforms import CentralView
from dermimit.evaluate.statistics import bootstrap_interval, count_interval
from studies.shared.pictures import CLOSE_UP, describe, linear

REAL = "PAD-UFES-20, 948-image subset"
OCTAVES = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 48))  # cycles across the picture
QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
LEAST_SKIN = 0.02  # share of the picture; photographs with less skin in sight give no skin colour
RESAMPLES = 1000
SEED = 930_001  # of the drawn photographs; far from the seeds of written folders


@dataclass
class Sample:
    """Measures of a set of photographs: one row each, with the `groups` (patients) that belong together.

    `measures` are named numbers for the table; `descriptors` (n, 25) are colour and texture statistics.
    """

    measures: pd.DataFrame
    descriptors: np.ndarray
    groups: np.ndarray
    fitzpatrick: list[float] = field(default_factory=list)


def skin_colour(image: np.ndarray, skin: np.ndarray) -> dict[str, float]:
    """Colour of the skin of one photograph, from its mean linear colour; NaN where less than 2 % is skin.

    Args:
        image: (H, W, 3) uint8, read with the sRGB curve, as any viewer does.
        skin: (H, W) bool.

    Returns:
        ita (degrees), lightness L*, chroma C* and hue h_ab (degrees).
    """
    if skin.mean() < LEAST_SKIN:
        return dict.fromkeys(("ita", "lightness", "chroma", "hue"), float("nan"))
    mean = linear(image[skin]).mean(axis=0)
    light, a, b = lab(mean).tolist()
    return {
        "ita": float(typology_angle(mean)),
        "lightness": light,
        "chroma": float(np.hypot(a, b)),
        "hue": float(np.degrees(np.arctan2(b, a))),
    }


def away_from(mask: np.ndarray, margin: float = 0.03) -> np.ndarray:
    """(H, W) bool: pixels farther than `margin` of the side from the lesion, since outlines drawn by hand are rough."""
    return ~ndimage.binary_dilation(mask, iterations=max(1, round(margin * len(mask))))


def spectrum(grey: np.ndarray) -> np.ndarray:
    """Radially averaged power of a square picture (S, S): entry k is the mean power at k cycles across, 0 to S / 2.

    The mean is taken off and a Hann window applied before the transform.
    """
    size = len(grey)
    window = np.hanning(size)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window[:, None] * window)) ** 2 / (window**2).sum() ** 2
    k = np.fft.fftfreq(size) * size
    radius = np.rint(np.hypot(k[:, None], k)).astype(int).ravel()
    total, count = np.bincount(radius, power.ravel()), np.bincount(radius)
    return (total / count)[: size // 2 + 1]


def slope(radial: np.ndarray) -> float:
    """a of power ~ 1 / f^a: minus the slope of log power on log frequency, from 3 cycles across to the last."""
    k = np.arange(3, len(radial))
    return float(-np.polyfit(np.log(k), np.log(radial[k] + 1e-12), 1)[0])


def by_octave(radial: np.ndarray) -> dict[str, float]:
    """log10 of the mean power of each octave that the picture has."""
    bands = [(a, b) for a, b in OCTAVES if a < len(radial) - 1]
    return {f"power_{a}_{b}": float(np.log10(radial[a : min(b, len(radial))].mean() + 1e-12)) for a, b in bands}


def measure(image: np.ndarray, skin: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """The named measures and the descriptors of one photograph (S, S, 3) uint8."""
    radial = spectrum(lab(linear(image))[..., 0] / 100)
    return skin_colour(image, skin) | {"slope": slope(radial)} | by_octave(radial), describe(image)


def real_sample(root: Path, image_size: int) -> Sample:
    """The photographs of PAD-UFES-20 in `root` that have a mask, as a model sees them: central square, resized."""
    frame, _ = pad_ufes_20.load(root)
    frame, view = frame[frame["mask"].notna()], CentralView(image_size)
    rows, descriptors = [], []
    for image, mask in tqdm(zip(frame["image"], frame["mask"], strict=True), total=len(frame), desc=REAL, disable=None):
        photo = read_photo(root / image)
        outline = torch.nn.functional.interpolate(read_mask(root / mask)[None], photo.shape[1:])[0]
        small, outline = view(tv_tensors.Image(photo), tv_tensors.Mask(outline))
        pixels = small.permute(1, 2, 0).numpy()
        values, descriptor = measure(pixels, away_from(outline[0].numpy() > 0))
        rows.append(values)
        descriptors.append(descriptor)
    skin = [float(t) for t in frame["fitzpatrick"].dropna()]
    return Sample(pd.DataFrame(rows), np.stack(descriptors), frame["patient_id"].to_numpy(str), skin)


def drawn_sample(cases: SynDerm) -> Sample:
    """SynDerm's photographs; skin is what `cause` says is skin, away from the lesions."""
    rows, descriptors = [], []
    for i in tqdm(range(len(cases)), desc="drawing", disable=None):
        case = cases[i]
        skin = np.isin(case.cause, [CAUSES.index("skin"), CAUSES.index("feature")])
        values, descriptor = measure(case.image, skin & away_from(case.mask))
        rows.append(values)
        descriptors.append(descriptor)
    names = np.array([f"case {i}" for i in range(len(cases))])
    return Sample(
        pd.DataFrame(rows), np.stack(descriptors), names, [cases.labels(i).fitzpatrick for i in range(len(cases))]
    )


def drawn_samples(
    n: int, image_size: int, real_types: Mapping[int, float], regime: str | None = None
) -> dict[str, Sample]:
    """SynDerm three times: as it frames, close up, and close up with the skin types of the real photographs.

    Args:
        n: photographs in each.
        image_size: side in pixels.
        real_types: how often each Fitzpatrick type occurs among the real photographs.
        regime: of the drawing; None for version 3.

    Returns:
        samples by name; the regime is part of the name where one is given.
    """
    whose = "SynDerm" if regime is None else f"SynDerm {regime}"
    how: dict[str, dict[str, Any]] = {
        "drawn framing": {},
        "close-up": {"zoom": CLOSE_UP},
        "close-up, real skin types": {"zoom": CLOSE_UP, "fitzpatrick": real_types},
    }
    return {
        f"{whose}, {name}": drawn_sample(SynDerm(n, SEED + k, image_size, regime=regime, **chosen))
        for k, (name, chosen) in enumerate(how.items())
    }


def summary(name: str, sample: Sample, resamples: int = RESAMPLES) -> list[dict[str, object]]:
    """One row a measure: photographs, mean with its 95 % interval (whole patients are drawn), and quantiles."""
    lines = []
    for measured in sample.measures:
        known = sample.measures[measured].notna().to_numpy()
        values = sample.measures.loc[known, measured].to_numpy()
        low, high = bootstrap_interval(
            lambda rows, v=values: float(v[rows].mean()), len(values), groups=sample.groups[known], resamples=resamples
        )
        line = {"set": name, "measure": measured, "n": len(values), "mean": float(values.mean()), "low": low}
        quantiles = np.quantile(values, QUANTILES).tolist()
        lines.append(
            line | {"high": high} | {f"q{q * 100:02.0f}": v for q, v in zip(QUANTILES, quantiles, strict=True)}
        )
    return lines


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance of two Gaussians fitted to (n, d) and (m, d) points.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2). Source: Dowson and Landau, J. Multivariate Anal. 12 (1982).
    """
    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(np.atleast_2d(s1))
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ np.atleast_2d(s2) @ root), 0)).sum()
    shift = first.mean(axis=0) - second.mean(axis=0)
    return float(shift @ shift + np.trace(np.atleast_2d(s1)) + np.trace(np.atleast_2d(s2)) - 2 * cross)


def halves(sample: Sample, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of two random halves that share no group."""
    names = rng.permutation(np.unique(sample.groups))
    first = np.isin(sample.groups, names[: len(names) // 2])
    return np.flatnonzero(first), np.flatnonzero(~first)


def distances(real: Sample, drawn: Sample, splits: int = 100, seed: int = 0) -> dict[str, dict[str, float]]:
    """Frechet distance between halves of descriptors that are standardised by the real photographs.

    Returns:
        for real_drawn, real_real and drawn_drawn: mean and the 2.5 and 97.5 % quantiles over random halves.
    """
    centre, scale = real.descriptors.mean(axis=0), real.descriptors.std(axis=0) + 1e-9
    r, d = ((s.descriptors - centre) / scale for s in (real, drawn))
    rng, found = np.random.default_rng(seed), {"real_drawn": [], "real_real": [], "drawn_drawn": []}
    for _ in range(splits):
        (a, b), (p, q) = halves(real, rng), halves(drawn, rng)
        for name, pair in (("real_drawn", (r[a], d[p])), ("real_real", (r[a], r[b])), ("drawn_drawn", (d[p], d[q]))):
            found[name].append(frechet(*pair))
    ends = {name: np.quantile(v, (0.025, 0.975)).tolist() for name, v in found.items()}
    return {n: {"value": float(np.mean(v)), "low": ends[n][0], "high": ends[n][1]} for n, v in found.items()}


def two_sample_test(first: Sample, second: Sample, seed: int = 0) -> dict[str, float]:
    """How often a logistic regression tells which of two sets a photograph is of: 0.5 by chance, 1.0 always.

    Five-fold cross-validation in which no patient is in two folds; sets of equal size. Interval: Wilson.
    Source: Lopez-Paz and Oquab, ICLR 2017.
    """
    rng, size = np.random.default_rng(seed), min(len(first.groups), len(second.groups))
    kept = [rng.permutation(len(s.groups))[:size] for s in (first, second)]
    x = np.concatenate([s.descriptors[k] for s, k in zip((first, second), kept, strict=True)])
    groups = np.concatenate([s.groups[k] for s, k in zip((first, second), kept, strict=True)])
    y = np.repeat([0, 1], size)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    hits = int((cross_val_predict(model, x, y, groups=groups, cv=folds) == y).sum())
    low, high = count_interval(hits, len(y))
    return {"accuracy": hits / len(y), "low": low, "high": high, "n": len(y)}


def part(sample: Sample, rows: Sequence[int] | np.ndarray) -> Sample:
    """The given rows of a sample."""
    return Sample(sample.measures.iloc[rows], sample.descriptors[rows], sample.groups[rows])


def compare(real: Sample, drawn: dict[str, Sample]) -> dict[str, list[dict[str, object]]]:
    """All of it: `table` (see `summary`), `distances` (Frechet) and `told_apart` (two-sample test), as rows."""
    table = summary(REAL, real)
    apart, floor = [], halves(real, np.random.default_rng(0))
    apart.append({"set": REAL, "with": REAL} | two_sample_test(part(real, floor[0]), part(real, floor[1])))
    far: list[dict[str, object]] = []
    for name, sample in drawn.items():
        table += summary(name, sample)
        far += [{"set": name, "pair": pair} | value for pair, value in distances(real, sample).items()]
        apart.append({"set": name, "with": REAL} | two_sample_test(sample, real))
    return {"table": table, "distances": far, "told_apart": apart}
