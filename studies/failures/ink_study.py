"""How good the ink detector is on drawn photographs, and what ink means to a network on real ones; aggregates only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torchvision import tv_tensors

from dermimit.data import pad_ufes_20
from dermimit.data.photos import read_mask, read_photo
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.synderm import CAUSES, SynDerm
from dermimit.data.transforms import CentralView
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.evaluate.statistics import count_interval
from dermimit.train.run import load_run
from studies.failures.counterfactuals import disease_probabilities
from studies.failures.ink import LEAST, SIDE, elsewhere, ink_pixels, painted_over
from studies.shared.pictures import CLOSE_UP

COLOURS = ("violet", "blue", "black")  # of confounders.INKS, in order
INK = CAUSES.index("ink")
BEHIND = [CAUSES.index("backdrop"), CAUSES.index("cloth")]
IN_SIGHT = 0.002  # share of a drawn picture from which its ink can be asked for


def detector_table(n: int, seed: int) -> list[dict[str, object]]:
    """Sensitivity by ink colour, and specificity, on close-ups drawn with and without ink; other confounders as usual.

    Args:
        n: cases.
        seed: of the cases.

    Returns:
        `what, photographs, share, low, high` (Wilson) for photographs; and the share of ink pixels found, where
        `photographs` is the number of pixels and there is no interval.
    """
    others = {"ruler": 0.06, "dressing": 0.04, "hair": 0.15, "vignette": 0.25}
    cases, rows = SynDerm(n, seed, SIDE, zoom=CLOSE_UP), []
    for index in range(n):
        inked = cases.counterfactual(index, confounders={"ink": 1.0, **others})
        plain = cases.counterfactual(index, confounders=others)
        found, true = ink_pixels(inked.image, inked.mask), inked.cause == INK
        alarm = ink_pixels(plain.image, plain.mask)
        colour = COLOURS[int(3 * inked.parameters["nuisance"]["spare"][1])]
        row = {"colour": colour, "true": true.sum(), "both": (found & true).sum(), "seen": true.mean() >= IN_SIGHT}
        rows.append(row | {"flag": found.mean() >= LEAST, "false": alarm.mean() >= LEAST})
        rows[-1] |= {"alarm": alarm.sum(), "behind": (alarm & np.isin(plain.cause, BEHIND)).sum()}
    frame = pd.DataFrame(rows)
    lines = [_share("photographs without ink, not flagged", ~frame["false"])]
    for colour in COLOURS:
        some = frame[frame["seen"] & (frame["colour"] == colour)]
        lines.append(_share(f"photographs with {colour} ink in sight, flagged", some["flag"]))
        lines.append(_pixels(f"pixels of {colour} ink, found", some["both"], some["true"]))
    return [*lines, _pixels("pixels found without ink, on backdrop or clothes", frame["behind"], frame["alarm"])]


def _pixels(what: str, hits: pd.Series, of: pd.Series) -> dict[str, object]:
    share = float(hits.sum() / max(of.sum(), 1))
    return {"what": what, "photographs": int(of.sum()), "share": share, "low": np.nan, "high": np.nan}


def _share(what: str, hits: pd.Series) -> dict[str, object]:
    low, high = count_interval(int(hits.sum()), len(hits)) if len(hits) else (np.nan, np.nan)
    return {"what": what, "photographs": len(hits), "share": float(hits.mean()), "low": low, "high": high}


def real_photographs(root: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """PAD-UFES-20 as networks see it: manifest of those with a mask, pictures (n, S, S, 3), lesions (n, S, S) bool."""
    frame, _ = pad_ufes_20.load(root)
    frame = frame[frame["mask"].notna()].reset_index(drop=True)
    view, pictures, lesions = CentralView(SIDE), [], []
    for image, mask in zip(frame["image"], frame["mask"], strict=True):
        photo = read_photo(root / image, SIDE)
        outline = torch.nn.functional.interpolate(read_mask(root / mask)[None], photo.shape[1:])[0]
        small, lesion = view(tv_tensors.Image(photo), tv_tensors.Mask(outline))
        pictures.append(small.permute(1, 2, 0).numpy())
        lesions.append(lesion[0].numpy() > 0)
    return frame, np.stack(pictures), np.stack(lesions)


def ink_counts(frame: pd.DataFrame, ink: np.ndarray) -> list[dict[str, object]]:
    """Photographs by disease and how many of them are flagged: `disease, photographs, inked, share, low, high`."""
    flagged = pd.Series(ink.mean((1, 2)) >= LEAST)
    lines = []
    for name, rows in [("all", frame.index), *frame.groupby("disease").groups.items()]:
        low, high = count_interval(int(flagged[rows].sum()), len(rows))
        line = {"disease": name, "photographs": len(rows), "inked": int(flagged[rows].sum())}
        lines.append(line | {"share": float(flagged[rows].mean()), "low": low, "high": high})
    return lines


def small(pictures: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """(n, S, S, 3) made (n, size, size, 3), as the evaluation's view makes them."""
    view = CentralView(preprocessing.size, preprocessing.interpolation)
    return np.stack([view(torch.from_numpy(p).permute(2, 0, 1)).permute(1, 2, 0).numpy() for p in pictures])


def counterfactual_answers(
    runs: Sequence[Path], frame: pd.DataFrame, pictures: np.ndarray, lesions: np.ndarray, ink: np.ndarray
) -> pd.DataFrame:
    """Out-of-fold answers for every photograph as it is, and for flagged ones without ink and with a painted elsewhere.

    Args:
        runs: a finished run for each fold.

    Returns:
        in the frame's order: `patient_id, truth, inked`, and class probabilities `as_is, without_ink, elsewhere`.

    Raises:
        ValueError: a photograph was not tested by exactly one of the runs.
    """
    inked = ink.mean((1, 2)) >= LEAST
    kinds = {"as_is": pictures, "without_ink": pictures.copy(), "elsewhere": pictures.copy()}
    for i in np.flatnonzero(inked):
        kinds["without_ink"][i] = painted_over(pictures[i], ink[i])
        kinds["elsewhere"][i] = painted_over(pictures[i], elsewhere(ink[i], ink[i] | lesions[i]))
    answers, tested = {name: {} for name in kinds}, np.zeros(len(frame), int)
    for path in runs:
        run = load_run(path)
        test = run.predictions.loc[run.predictions["split"] == "test", "image"]
        rows = np.flatnonzero(frame["image"].isin(set(test)))
        tested[rows] += 1
        for name, photos in kinds.items():
            given = disease_probabilities(run.model, small(photos[rows], run.preprocessing))
            answers[name] |= dict(zip(rows.tolist(), given, strict=True))
    if (tested != 1).any():
        raise ValueError(f"row {int(np.flatnonzero(tested != 1)[0])}: tested {tested.min()} to {tested.max()} times, "
                         "must be once: give one run for each fold")  # fmt: skip
    place = {name: i for i, name in enumerate(pad_ufes_20.LABEL_SPACE.diseases)}
    found = pd.DataFrame({"patient_id": frame["patient_id"], "truth": frame["disease"].map(place), "inked": inked})
    return found.assign(**{name: [given[i] for i in range(len(frame))] for name, given in answers.items()})


def error_rates(answers: pd.DataFrame, resamples: int = 2000) -> dict[str, float]:
    """Share of wrong answers with and without ink, and their difference, by patient; each with _low and _high."""
    wrong = np.stack(answers["as_is"].to_list()).argmax(1) != answers["truth"].to_numpy()
    inked, draws = answers["inked"].to_numpy(bool), patient_draws(answers["patient_id"], resamples)
    counts = np.stack([wrong & inked, inked, wrong & ~inked, ~inked], axis=1).astype(float)
    (a, n, b, m), drawn = counts.sum(0), draws.sums(counts)
    with_ink, without = (np.where(drawn[k + 1] > 0, drawn[k] / np.maximum(drawn[k + 1], 1), np.nan) for k in (0, 2))
    line: dict[str, float] = {"photographs_with": int(n), "photographs_without": int(m)}
    for name, value, these in (("with", a / n, with_ink), ("without", b / m, without),
                               ("difference", a / n - b / m, with_ink - without)):  # fmt: skip
        low, high = percentile_interval(these)
        line |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
    return line


def flip_rates(answers: pd.DataFrame, resamples: int = 2000) -> dict[str, float]:
    """Flagged photographs whose answer changes when ink is painted over, or as much elsewhere; and the difference.

    Returns:
        `photographs, patients`; `ink`, `elsewhere`, `difference`; `lost` and `gained` (right before and wrong without
        ink, and the reverse); `true` and `true_elsewhere` (change of the true disease's probability); with _low, _high.
    """
    some = answers[answers["inked"]]
    before, ink, other = (np.stack(some[name].to_list()) for name in ("as_is", "without_ink", "elsewhere"))
    truth, rows = some["truth"].to_numpy(), np.arange(len(some))
    flipped, moved = (a.argmax(1) != before.argmax(1) for a in (ink, other))
    was, now = before.argmax(1) == truth, ink.argmax(1) == truth
    values: Mapping[str, np.ndarray] = {
        "ink": flipped, "elsewhere": moved, "difference": flipped.astype(float) - moved, "lost": was & ~now,
        "gained": ~was & now, "true": ink[rows, truth] - before[rows, truth],
        "true_elsewhere": other[rows, truth] - before[rows, truth],
    }  # fmt: skip
    draws = patient_draws(some["patient_id"], resamples)
    line: dict[str, float] = {"photographs": len(some), "patients": int(some["patient_id"].nunique())}
    for name, value in values.items():
        low, high = percentile_interval(draws.means(value[:, None].astype(float))[0])
        line |= {name: float(value.mean()), f"{name}_low": low, f"{name}_high": high}
    return line
