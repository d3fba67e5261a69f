"""What changes that say nothing of the disease do to a network's answer, on drawn cases changed one thing at a time.

Two yardsticks. *Noise*: the same photograph with other sensor noise; a network that is unsure flips even then.
*Retake*: the case photographed again at once, with other light, exposure and noise, as two photographs of one visit
differ. An answer that flips more for ink than for a retake takes ink for more than a circumstance of the photograph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.synderm import NOISE, RETAKE, USUAL, SynDerm, retake
from dermimit.data.transforms import eval_transform
from dermimit.evaluate.resampling import patient_draws, percentile_interval, two_level

THINGS = tuple(USUAL)
SKIN = {"skin type I": 1, "skin type VI": 6}
PAIRS = {  # change -> (version before, version after)
    NOISE: ("plain", NOISE),
    RETAKE: ("plain", RETAKE),
    **{thing: ("plain", thing) for thing in THINGS},
    "skin type I to VI": ("skin type I", "skin type VI"),
}


def versions(cases: SynDerm, index: int) -> dict[str, np.ndarray]:
    """(S, S, 3) uint8 photographs of one case: without any confounder, and with one thing changed.

    Returns:
        "plain"; `NOISE`; `RETAKE`; each of `THINGS` added; both skin types. Labels are the same in all.
    """
    plain = {"confounders": False}
    shown = {"plain": cases.counterfactual(index, **plain).image}
    shown[NOISE], shown[RETAKE] = retake(cases, index, same_shot=True).image, retake(cases, index).image
    shown |= {thing: cases.counterfactual(index, confounders={thing: 1.0}).image for thing in THINGS}
    shown |= {name: cases.counterfactual(index, **plain, fitzpatrick=kind).image for name, kind in SKIN.items()}
    return shown


def draw_versions(cases: SynDerm) -> dict[str, np.ndarray]:
    """All versions of all cases: name -> (n, S, S, 3) uint8."""
    drawn = [versions(cases, i) for i in tqdm(range(len(cases)), desc="drawing", disable=None)]
    return {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}


@torch.inference_mode()
def disease_probabilities(model: nn.Module, photos: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """(n, classes) float32: what a model in evaluation mode says of square photographs of its own size, uint8."""
    view = eval_transform(Preprocessing.of(model, photos.shape[1]))
    images = torch.stack([view(torch.from_numpy(photo).permute(2, 0, 1).contiguous()) for photo in photos])
    return torch.cat([model(some)[0]["disease"].softmax(1) for some in images.split(batch_size)]).float().numpy()


def flips(
    answers: Sequence[Mapping[str, np.ndarray]], truth: np.ndarray, resamples: int = 2000
) -> list[dict[str, object]]:
    """How often each change flips the disease answer, and what it does to the true disease.

    Args:
        answers: for each seed, version -> (n, classes) probabilities of the same cases.
        truth: (n,) class index.

    Returns:
        for each of `PAIRS`: `change, cases, seeds`; `flipped` (share of other answers), `lost` and `gained` (shares
        right before and wrong after, and the reverse), `net` (gained − lost), `true` (mean change of the true disease's
        probability), and `over_noise`, `over_retake` (flipped minus that of the yardstick, same cases), each with _low
        and _high: 95 % over cases and seeds.

    Raises:
        ValueError: a version is missing, or has another number of cases.
    """
    check_versions(answers, len(truth))
    draws = patient_draws(range(len(truth)), resamples)
    per_case = {change: [_changes(a[x], a[y], truth) for a in answers] for change, (x, y) in PAIRS.items()}
    lines = []
    for change, seeds in per_case.items():
        line: dict[str, object] = {"change": change, "cases": len(truth), "seeds": len(seeds)}
        measured = {name: [seed[name] for seed in seeds] for name in seeds[0]}
        for name, yardstick in (("over_noise", NOISE), ("over_retake", RETAKE)):
            base = per_case[yardstick]
            measured[name] = [a["flipped"] - b["flipped"] for a, b in zip(seeds, base, strict=True)]
        for name, values in measured.items():
            drawn = np.stack([draws.means(v[:, None])[0] for v in values])
            low, high = percentile_interval(two_level(drawn, [v.mean() for v in values]))
            line |= {name: float(np.mean(values)), f"{name}_low": low, f"{name}_high": high}
        lines.append(line)
    return lines


def check_versions(answers: Sequence[Mapping[str, np.ndarray]], cases: int) -> None:
    """Raise a ValueError unless every seed answers for every version of `cases` cases."""
    wanted: Iterable[str] = dict.fromkeys(name for pair in PAIRS.values() for name in pair)
    for seed, given in enumerate(answers):
        for name in wanted:
            if name not in given:
                raise ValueError(f"seed {seed} has no answers for {name!r}: answer for all of draw_versions")
            if len(given[name]) != cases:
                raise ValueError(f"seed {seed}, {name!r}: {len(given[name])} answers for {cases} cases")


def _changes(before: np.ndarray, after: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """(n,) of each case: whether the answer flipped, was lost or gained, and the change of the true probability."""
    first, second, rows = before.argmax(1), after.argmax(1), np.arange(len(truth))
    lost, gained = (first == truth) & (second != truth), (first != truth) & (second == truth)
    return {
        "flipped": (first != second).astype(float),
        "lost": lost.astype(float),
        "gained": gained.astype(float),
        "net": gained.astype(float) - lost,
        "true": after[rows, truth] - before[rows, truth],
    }
