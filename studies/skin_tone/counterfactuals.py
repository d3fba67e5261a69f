"""The same drawn case on six skin types: which answers flip, what the truth loses, and which attributes go unseen.

Everything but the skin is as it was, light and camera too, and nothing lies on the skin. A network that is unsure flips
for less than a change of skin, so that type I *photographed again* (`counterfactuals.RETAKE`) is the yardstick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import binary_dilation
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import nn
from tqdm import tqdm

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import LABEL_SPACE, RETAKE, SynDerm, retake
from dermimit.data.transforms import eval_transform
from dermimit.evaluate.resampling import Draws, bootstrap_p, patient_draws, percentile_interval, two_level
from dermimit.evaluate.significance import holm
from studies.skin_tone.angle import skin_angle

FIRST, LAST = FITZPATRICK[0], FITZPATRICK[-1]
COMPARED = (FIRST, LAST, RETAKE)
FOUND = 0.5  # probability from which an attribute counts as found
FEWEST = 20  # cases with and without an attribute, below which it is left out
Answers = Mapping[str, Mapping[str, np.ndarray]]  # version -> task -> (n, classes)


def draw_types(cases: SynDerm) -> dict[str, np.ndarray]:
    """Every case on every type, and on type I again: version -> (n, S, S, 3) uint8; and "lesion", (n, S, S) bool."""
    knobs, regime = cases.knobs, str(cases.regime)
    light = SynDerm(len(cases), cases.seed, cases.image_size, 1, cases.prior, False, knobs.zoom, knobs.camera, regime)
    rows = []
    for i in tqdm(range(len(cases)), desc="drawing", disable=None):
        drawn = [
            cases.counterfactual(i, confounders=False, fitzpatrick=kind) for kind in range(1, len(FITZPATRICK) + 1)
        ]
        row = {name: case.image for name, case in zip(FITZPATRICK, drawn, strict=True)}
        rows.append(row | {RETAKE: retake(light, i).image, "lesion": drawn[0].mask})
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@torch.inference_mode()
def task_probabilities(model: nn.Module, photos: np.ndarray, batch_size: int = 64) -> dict[str, np.ndarray]:
    """Task -> (n, classes) float32, of a model in evaluation mode on square photographs of its own size, uint8."""
    view, parts = eval_transform(Preprocessing.of(model, photos.shape[1])), []
    for start in range(0, len(photos), batch_size):
        some = [torch.from_numpy(p).permute(2, 0, 1).contiguous() for p in photos[start : start + batch_size]]
        logits = model(torch.stack([view(photo) for photo in some]))[0]
        found = {t: z.sigmoid() if LABEL_SPACE.multi_label(t) else z.softmax(1) for t, z in logits.items()}
        parts.append({task: p.float().numpy() for task, p in found.items()})
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}


def flip_table(seeds: Sequence[Answers], truth: np.ndarray, resamples: int = 2000) -> list[dict[str, object]]:
    """What each skin type, and a retake, does to the disease answer that the same case has on type I.

    Args:
        seeds: for each seed, the answers for every version.
        truth: (n,) class index.

    Returns:
        for each of the types II to VI and the retake: `version, cases, seeds`; `flipped` (share of other answers),
        `over_retake` (flipped minus that of the retake, same cases), `lost` and `gained` (shares right before and wrong
        after, and the reverse), `net` (gained − lost), `true` (mean change of the true disease's probability), each
        with `_low` and `_high`, 95 % over cases and seeds.

    Raises:
        ValueError: a version is missing, or has another number of cases.
    """
    _check(seeds, len(truth))
    rows, draws = np.arange(len(truth)), patient_draws(range(len(truth)), resamples)

    def changes(answers: Answers, version: str) -> dict[str, np.ndarray]:
        before, after = answers[FIRST]["disease"], answers[version]["disease"]
        was, now = before.argmax(1) == truth, after.argmax(1) == truth
        found = {"flipped": before.argmax(1) != after.argmax(1), "lost": was & ~now, "gained": now & ~was}
        found |= {"net": now.astype(float) - was, "true": after[rows, truth] - before[rows, truth]}
        return {name: np.asarray(values, float) for name, values in found.items()}

    again = [changes(answers, RETAKE)["flipped"] for answers in seeds]
    lines = []
    for version in (*FITZPATRICK[1:], RETAKE):
        each = [changes(answers, version) for answers in seeds]
        values = {name: [one[name] for one in each] for name in each[0]}
        values["over_retake"] = [a - b for a, b in zip(values["flipped"], again, strict=True)]
        line: dict[str, object] = {"version": version, "cases": len(truth), "seeds": len(seeds)}
        for name, some in values.items():
            line |= _mean(name, some, draws)[0]
        lines.append(line)
    return lines


def truth_table(seeds: Sequence[Answers], truth: np.ndarray, resamples: int = 2000) -> list[dict[str, object]]:
    """Accuracy, and mean probability of the true disease, of the same cases on each type: `type, accuracy, true`."""
    rows, draws = np.arange(len(truth)), patient_draws(range(len(truth)), resamples)
    lines = []
    for kind in FITZPATRICK:
        given = [answers[kind]["disease"] for answers in seeds]
        line: dict[str, object] = {"type": kind, "cases": len(truth)}
        line |= _mean("accuracy", [(p.argmax(1) == truth).astype(float) for p in given], draws)[0]
        lines.append(line | _mean("true", [p[rows, truth] for p in given], draws)[0])
    return lines


def row_table(
    rows: Mapping[str, Sequence[Answers]], truth: np.ndarray, reference: str = "D", resamples: int = 2000
) -> list[dict[str, object]]:
    """What type VI in place of I does to every row, and whether that differs from a reference row.

    Args:
        rows: row -> seeds, in the same order; answers for `COMPARED` suffice.
        truth: (n,) class index.
        reference: a row.

    Returns:
        `row, seeds`; `flipped` and `net` as in `flip_table`; `kept`, the share of the answers right on I that are right
        on VI, and `kept_retake`, that are right on a retake; `cost` = kept_retake − kept, which does not depend on how
        many are right. Each with `_low` and `_high`, 95 % over cases and seeds. For other rows than the reference
        `less_cost`, cost − that of the reference, seeds and cases paired, with `less_cost_p` and, over the rows,
        `less_cost_p_holm`.

    Raises:
        ValueError: a version is missing, or has another number of cases.
    """
    draws, costs, lines = patient_draws(range(len(truth)), resamples), {}, []
    for row, seeds in rows.items():
        _check(seeds, len(truth), COMPARED)
        found = [_costs(answers, truth, draws) for answers in seeds]
        line: dict[str, object] = {"row": row, "seeds": len(seeds)}
        for name in found[0]:
            observed, drawn = (np.array([one[name][k] for one in found]) for k in (0, 1))
            line |= {name: float(observed.mean())} | _ends(name, two_level(drawn, observed))
        costs[row] = tuple(np.array([one["cost"][k] for one in found]) for k in (0, 1))
        lines.append(line)
    for line in (line for line in lines if line["row"] != reference):
        observed, drawn = (a - b for a, b in zip(costs[str(line["row"])], costs[reference], strict=True))
        both = two_level(drawn, observed)
        line |= {"less_cost": float(observed.mean()), "less_cost_p": bootstrap_p(both)} | _ends("less_cost", both)
    tested = [line for line in lines if "less_cost_p" in line]
    for line, p in zip(tested, holm([line["less_cost_p"] for line in tested]), strict=True):
        line["less_cost_p_holm"] = float(p)
    return lines


def _costs(answers: Answers, truth: np.ndarray, draws: Draws) -> dict[str, tuple[float, np.ndarray]]:
    """Each number of `row_table` of one seed, as it is and on each resample."""
    said = {version: answers[version]["disease"].argmax(1) for version in COMPARED}
    right = {version: (given == truth).astype(float) for version, given in said.items()}
    flipped = (said[FIRST] != said[LAST]).astype(float)
    columns = [flipped, right[LAST] - right[FIRST], right[FIRST]]
    columns += [right[FIRST] * right[version] for version in (LAST, RETAKE)]
    whole = np.stack(columns, axis=1)
    found = {}
    for k, (flip, net, first, last, again) in enumerate((whole.mean(0), draws.means(whole))):
        some = np.maximum(first, 1 / len(truth))
        values = {"flipped": flip, "net": net, "kept": last / some, "kept_retake": again / some}
        values["cost"] = values["kept_retake"] - values["kept"]
        for name, value in values.items():
            found[name] = (float(value), np.empty(0)) if not k else (found[name][0], value)
    return found


def attribute_table(seeds: Sequence[Answers], present: np.ndarray, resamples: int = 2000) -> list[dict[str, object]]:
    """What type VI does to the probability of each attribute that the same case has on type I.

    Args:
        seeds: answers of networks that name attributes.
        present: (n, 27) bool, the truth.

    Returns:
        for each attribute with `FEWEST` cases or more with and without it: `attribute, cases`; among the cases that
        have it, `light` and `dark` (mean probability on I and VI), `found_light` and `found_dark` (shares found),
        `change` (dark − light); among the others `change_absent`; and `net` = change − change_absent, what is lost of
        telling the two apart; the last three with `_low` and `_high`, 95 %; `p_holm` of `net` over the attributes.
    """
    _check(seeds, len(present))
    lines, ps = [], []
    for k, name in enumerate(LABEL_SPACE.attributes):
        have = present[:, k]
        if min(have.sum(), (~have).sum()) < FEWEST:
            continue
        light, dark = ([answers[kind]["attributes"][:, k] for answers in seeds] for kind in (FIRST, LAST))
        line: dict[str, object] = {"attribute": name, "cases": int(have.sum())}
        for label, given in (("light", light), ("dark", dark)):
            line[label] = float(np.mean([p[have].mean() for p in given]))
            line[f"found_{label}"] = float(np.mean([(p[have] >= FOUND).mean() for p in given]))
        change, drawn = _change(light, dark, have, resamples)
        absent, drawn_absent = _change(light, dark, ~have, resamples)
        pairs = {"change": (change, drawn), "change_absent": (absent, drawn_absent)}
        pairs["net"] = (change - absent, drawn - drawn_absent)
        for label, (observed, some) in pairs.items():
            both = two_level(some, observed)
            line |= {label: float(observed.mean())} | _ends(label, both)
        ps.append(bootstrap_p(both))
        lines.append(line)
    corrected = holm(pd.Series(ps, dtype=float)) if ps else []
    return [line | {"p_holm": float(p)} for line, p in zip(lines, corrected, strict=True)]


def _change(
    light: Sequence[np.ndarray], dark: Sequence[np.ndarray], rows: np.ndarray, resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean change of each seed among some cases, and on each resample of them."""
    draws = patient_draws(np.flatnonzero(rows).tolist(), resamples)
    gains = [(b - a)[rows].astype(float) for a, b in zip(light, dark, strict=True)]
    return np.array([g.mean() for g in gains]), np.stack([draws.means(g[:, None])[0] for g in gains])


def contrast_table(photos: Mapping[str, np.ndarray], chosen: np.ndarray, resamples: int = 2000) -> list[dict]:
    """How far the lesion's colour is from that of the skin round it, on each type: what there is to be seen.

    Args:
        photos: from `draw_types`.
        chosen: (n,) bool, the cases to measure, such as those with erythema.

    Returns:
        `type, cases` (those with a lesion and a ring of four pixels round it); of the mean colours of lesion and ring
        `difference` (CIEDE2000), `redness` (lesion − ring in a*) and `lightness` (lesion − ring in L*), with `_low` and
        `_high`, 95 %; `angle`, the median ITA of the skin in degrees.
    """
    lines, lesions = [], photos["lesion"][chosen]
    rings = [binary_dilation(m, iterations=5) & ~binary_dilation(m) for m in lesions]
    usable = [i for i, (m, ring) in enumerate(zip(lesions, rings, strict=True)) if m.any() and ring.any()]
    draws = patient_draws(usable, resamples)
    for kind in FITZPATRICK:
        some = photos[kind][chosen]
        labs = [rgb2lab(some[i]) for i in usable]
        inside = np.array([lab[lesions[i]].mean(0) for i, lab in zip(usable, labs, strict=True)])
        around = np.array([lab[rings[i]].mean(0) for i, lab in zip(usable, labs, strict=True)])
        line: dict[str, object] = {"type": kind, "cases": len(usable)}
        line |= _mean("difference", [deltaE_ciede2000(inside, around)], draws)[0]
        line |= _mean("redness", [(inside - around)[:, 1]], draws)[0]
        line |= _mean("lightness", [(inside - around)[:, 0]], draws)[0]
        lines.append(line | {"angle": float(np.nanmedian([skin_angle(some[i], lesions[i]) for i in usable]))})
    return lines


def _mean(name: str, seeds: Sequence[np.ndarray], draws: Draws) -> tuple[dict[str, float], np.ndarray]:
    drawn = two_level(np.stack([draws.means(v[:, None])[0] for v in seeds]), [v.mean() for v in seeds])
    return {name: float(np.mean(seeds))} | _ends(name, drawn), drawn


def _ends(name: str, drawn: np.ndarray) -> dict[str, float]:
    low, high = percentile_interval(drawn)
    return {f"{name}_low": low, f"{name}_high": high}


def _check(seeds: Sequence[Answers], cases: int, versions: Sequence[str] = (*FITZPATRICK, RETAKE)) -> None:
    for number, answers in enumerate(seeds):
        for version in versions:
            if version not in answers:
                raise ValueError(f"seed {number} has no answers for {version!r}: answer for all of draw_types")
            sizes = {len(p) for p in answers[version].values()}
            if sizes != {cases}:
                raise ValueError(f"seed {number}, {version!r}: {max(sizes)} answers for {cases} cases")
