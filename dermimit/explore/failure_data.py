"""What the failure browser shows: wrong answers with their error types, a sheet of photographs, and maps in patches."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from dermimit.data import PhotoDataset, PhotoSet
from dermimit.data.label_space import LabelSpace
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.skin import DARK_TYPES
from dermimit.data.transforms import eval_transform, least_side
from dermimit.evaluate.error_types import (
    CASE_TAGS,
    CONFOUNDERS,
    ERROR_TAGS,
    MOSTLY,
    TAG_LABELS,
    attribute_f1,
    body_right,
)
from dermimit.explain.attributions import attribution, methods_for
from dermimit.explain.style import pretty
from dermimit.train.run import Run

COLUMNS = 15  # photographs beside each other on the sheet, at least
LARGEST = 16_383  # pixels of a side of a WebP
MAPS = {
    "lsm_score": (
        "scores of lesion selection",
        "Yellow where the disease's selection score is high, scaled within the photograph.",
    ),
    "integrated_gradients": (
        "integrated gradients of the answer",
        "Yellow where pixels speak most for or against the wrong answer: mean size in a patch, scaled within the "
        "photograph.",
    ),
}
"""Method of `attributions.METHODS` -> its name for readers, and what it shows."""


def answer_tags(predictions: pd.DataFrame, label_space: LabelSpace) -> pd.DataFrame:
    """The error types that any run's answers tell, with the meanings of `failures.tags`; bool, a row a photograph.

    Args:
        predictions: test rows with a known disease.
        label_space: the order of the probabilities.

    Returns:
        `truth` and `answer` (class indices), `wrong`, `dark` where skin types are recorded, `body_wrong` and
        `attributes_mostly` where the run has these tasks and all photographs their labels, `second`.
    """
    probability = np.stack(predictions["disease_prob"].to_list()).astype(float)
    truth = predictions["disease"].map({name: i for i, name in enumerate(label_space.diseases)}).to_numpy(dtype=int)
    answer, own = probability.argmax(1), probability[np.arange(len(truth)), truth]
    found = pd.DataFrame({"truth": truth, "answer": answer, "wrong": answer != truth})
    if predictions["fitzpatrick"].notna().any():
        found["dark"] = predictions["fitzpatrick"].isin(DARK_TYPES).to_numpy(bool)
    if (
        "body_part_prob" in predictions
        and not label_space.several_body_parts
        and predictions["body_part"].notna().all()
    ):
        found["body_wrong"] = ~body_right(predictions, label_space)
    if "attributes_prob" in predictions and predictions["attributes"].notna().all():
        found["attributes_mostly"] = attribute_f1(predictions, label_space) >= MOSTLY - 1e-9
    found["second"] = found["wrong"] & ((probability > own[:, None]).sum(1) == 1)
    return found


def stratified_sample(wrong: np.ndarray, skin: Iterable[Any], most: int, seed: int = 0) -> list[int]:
    """Rows of wrong answers at random, as many of each skin type as can be; in ascending order.

    Args:
        wrong: (n,) bool.
        skin: (n,) skin types; missing ones count as one type.
        most: how many at most.
        seed: of the sample.
    """
    rng, types = np.random.default_rng(seed), pd.Series(list(skin), dtype="Int64").fillna(0).to_numpy(int)
    rows = rng.permutation(np.flatnonzero(wrong))
    turn = pd.Series(types[rows]).groupby(types[rows]).cumcount().to_numpy()
    return sorted(rows[np.argsort(turn, kind="stable")][:most].tolist())


def case_records(
    predictions: pd.DataFrame, rows: Sequence[int], tags: pd.DataFrame, label_space: LabelSpace, top: int = 3
) -> list[dict[str, Any]]:
    """What the browser tells of each case.

    Args:
        predictions: test rows of a run.
        rows: which of them.
        tags: from `answer_tags` or `failures.tags`, of all of them.
        label_space: the order of the probabilities.
        top: length of the differential.
    """
    names, diseases = tag_names(tags), label_space.diseases
    cases = []
    for i in rows:
        row = predictions.iloc[i]
        probability = np.asarray(row["disease_prob"], float)
        order = np.argsort(-probability, kind="stable")[:top]
        case = {
            "index": int(i),
            "truth": row["disease"],
            "skin": 0 if pd.isna(row["fitzpatrick"]) else int(row["fitzpatrick"]),
        }
        case |= {"said": [[diseases[k], round(float(probability[k]), 4)] for k in order]}
        case |= {"confidence": case["said"][0][1], "rank": 1 + int((probability > probability[tags["truth"][i]]).sum())}
        case |= {"tags": [k for k, name in enumerate(names) if tags[name][i]]}
        cases.append(case | _other_tasks(row, label_space))
    return cases


def _other_tasks(row: pd.Series, label_space: LabelSpace) -> dict[str, Any]:
    """Body part and attributes, true and said, where they are known."""
    found: dict[str, Any] = {}
    if isinstance(row.get("body_part"), str):
        found["part"] = row["body_part"]
        if "body_part_prob" in row and not label_space.several_body_parts:
            found["saidPart"] = label_space.body_parts[int(np.argmax(row["body_part_prob"]))]
    if row.get("attributes") is not None:
        found["attributes"] = list(row["attributes"])
        if "attributes_prob" in row:
            said = np.asarray(row["attributes_prob"], float) >= 0.5
            found["saidAttributes"] = [a for a, yes in zip(label_space.attributes, said, strict=True) if yes]
    return found


def tag_names(tags: pd.DataFrame) -> list[str]:
    """The error types of a frame of tags, in the taxonomy's order."""
    return [name for name in (*CASE_TAGS, *ERROR_TAGS) if name in tags]


def tag_list(tags: pd.DataFrame) -> list[dict[str, Any]]:
    """Each error type: `key, label, meaning`, and `count` among the wrong answers."""
    wrong = tags[tags["wrong"]]
    return [tag_words(name) | {"count": int(wrong[name].sum())} for name in tag_names(tags)]


def tag_words(name: str) -> dict[str, Any]:
    """`key, label, meaning` of an error type."""
    said = CASE_TAGS | ERROR_TAGS | {name: f"{name} in the image" for name in CONFOUNDERS}
    return {"key": name, "label": TAG_LABELS[name].removeprefix("· "), "meaning": said[name]}


def map_words(name: str) -> dict[str, str]:
    """`key, label, about` of a map."""
    return {"key": name, "label": MAPS[name][0], "about": MAPS[name][1]}


@torch.inference_mode()
def selection(run: Run, images: torch.Tensor) -> list[list[int]]:
    """The patches selected for the disease in each of the normalised photographs, best first; none without LSM."""
    found = run.model(images)[1].get("disease/selected")
    return [[] for _ in images] if found is None else found.tolist()


def maps_in_patches(run: Run, images: torch.Tensor, answers: Sequence[int]) -> dict[str, list[str]]:
    """Method of `MAPS` that the run allows -> for each photograph two digits a patch, row by row: 00 to 99, the most.

    Args:
        run: a finished run.
        images: (B, 3, H, W) normalised.
        answers: (B,) the disease explained in each.
    """
    grid, able = tuple(run.model.grid_size), methods_for(run, "disease")
    found = {}
    for method in (name for name in MAPS if name in able):
        raw = attribution(run, images, "disease", torch.tensor(answers), method, progress=False).map
        pooled = adaptive_avg_pool2d(raw[:, None], grid)[:, 0].flatten(1)
        low, high = pooled.amin(1, keepdim=True), pooled.amax(1, keepdim=True)
        digits = (99 * (pooled - low) / (high - low).clamp_min(1e-12)).round().int()
        found[method] = ["".join(f"{v:02d}" for v in line) for line in digits.tolist()]
    return found


def columns_for(count: int, size: int) -> int:
    """How many photographs of this size stand beside each other, so that the sheet is no larger than a WebP may be.

    Raises:
        ValueError: there are too many.
    """
    along = LARGEST // size
    if count > along**2:
        raise ValueError(f"{count} photographs of {size} pixels: a sheet holds {along**2}; give fewer with `most`")
    return max(min(COLUMNS, along), -(-count // along))


def sheet(pictures: Sequence[np.ndarray], columns: int = COLUMNS, quality: int = 90) -> bytes:
    """Photographs of one size side by side and one below the other, as WebP.

    Args:
        pictures: uint8 (S, S, 3) each.
        columns: beside each other.
        quality: of the compression, 1 to 100.
    """
    size = pictures[0].shape[0]
    whole = np.zeros((-(-len(pictures) // columns) * size, columns * size, 3), np.uint8)
    for i, picture in enumerate(pictures):
        y, x = divmod(i, columns)
        whole[y * size : (y + 1) * size, x * size : (x + 1) * size] = picture
    file = io.BytesIO()
    Image.fromarray(whole).save(file, format="WEBP", quality=quality, method=6)
    return file.getvalue()


def browser_data(record: Mapping[str, Any], picture_sheet: bytes) -> dict[str, Any]:
    """A record of failures with its sheet, ready for the browser; error types and maps have the names of today."""
    address = "data:image/webp;base64," + base64.b64encode(picture_sheet).decode()
    words = {"tags": [tag | tag_words(tag["key"]) for tag in record["tags"]]}
    words |= {"maps": [map_words(one["key"]) for one in record["maps"]]}
    return {k: v for k, v in record.items() if k != "provenance"} | words | {"sprite": address}


def browser_data_of(
    run: Run, photos: PhotoSet, most: int = 200, tags: pd.DataFrame | None = None, seed: int = 0
) -> dict[str, Any]:
    """The browser's data for any run and the photographs that it was tested on.

    Args:
        run, photos, most, tags, seed: as `dermimit.explore.failure_browser`.

    Raises:
        ValueError: see there.
    """
    predictions = run.predictions
    if "disease" not in run.model.tasks:
        raise ValueError(f"{run.path} predicts no disease, and wrong diseases are what is browsed here")
    test = predictions[(predictions["split"] == "test") & predictions["disease"].notna()].reset_index(drop=True)
    tags = answer_tags(test, run.label_space) if tags is None else tags
    rows = stratified_sample(tags["wrong"].to_numpy(bool), test["fitzpatrick"], most, seed)
    if not rows:
        raise ValueError(f"{run.path}: none of {len(test)} test photographs has a wrong answer: nothing to browse")
    images = _images(photos, list(test["image"].iloc[rows]), run.preprocessing)
    record = failures_record(run, test, tags, rows, images)
    return browser_data(record, sheet(_pixels(images, run.preprocessing), record["columns"]))


def failures_record(
    run: Run, test: pd.DataFrame, tags: pd.DataFrame, rows: Sequence[int], images: torch.Tensor
) -> dict[str, Any]:
    """Everything but the sheet: `run, photographs, wrong, size, grid, columns, tags, maps, cases, drawn`.

    Args:
        run: a finished run.
        test: its predictions for the test photographs.
        tags: error types of all of them.
        rows: those to show.
        images: (rows, 3, S, S) normalised photographs.
    """
    cases = case_records(test, rows, tags, run.label_space)
    maps, selected = maps_in_patches(run, images, [int(tags["answer"][i]) for i in rows]), selection(run, images)
    for number, case in enumerate(cases):
        case["selected"] = selected[number]
        case["maps"] = {method: lines[number] for method, lines in maps.items()}
    return {
        "run": run.path.name, "photographs": len(test), "wrong": int(tags["wrong"].sum()), "drawn": False,
        "size": images.shape[-1], "grid": list(run.model.grid_size),
        "columns": columns_for(len(images), images.shape[-1]), "tags": tag_list(tags),
        "maps": [map_words(m) for m in maps], "cases": cases,
    }  # fmt: skip


def _images(photos: PhotoSet, names: Sequence[str], preprocessing: Preprocessing) -> torch.Tensor:
    """The named photographs as the model sees them, (B, 3, S, S)."""
    known = photos.frame.set_index("image", drop=False)
    if missing := [name for name in names if name not in known.index]:
        raise ValueError(f"{photos.root}: no photograph {missing[0]!r}, which the run was tested on: give its dataset")
    frame, view = known.loc[list(names)].reset_index(drop=True), eval_transform(preprocessing)
    dataset = PhotoDataset(frame, photos.label_space, photos.root, view, least=least_side(preprocessing.size))
    return torch.stack([dataset[i]["image"] for i in range(len(dataset))])


def _pixels(images: torch.Tensor, preprocessing: Preprocessing) -> list[np.ndarray]:
    """Normalised photographs as uint8 (S, S, 3)."""
    return list(preprocessing.denormalise(images).permute(0, 2, 3, 1).numpy())


def cases_table(data: Mapping[str, Any], most: int | None = None) -> pd.DataFrame:
    """Wrong answers as text, the most confident first: `truth, answer, confidence, skin type, error types`."""
    labels = [tag["label"] for tag in data["tags"]]
    ordered = sorted(data["cases"], key=lambda case: -case["confidence"])[:most]
    return pd.DataFrame(
        {
            "true disease": pretty(case["truth"]),
            "answer": pretty(case["said"][0][0]),
            "confidence": f"{100 * case['confidence']:.0f}\u00a0%",
            "skin type": ("–", "I", "II", "III", "IV", "V", "VI")[case["skin"]],
            "error types": "; ".join(labels[k] for k in case["tags"]) or "–",
        }
        for case in ordered
    )
