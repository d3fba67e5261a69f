"""The files and manifest rows of one SynDerm case."""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dermimit.data.synderm.case import THINGS, Case, Labels, stream
from dermimit.data.synderm.confounders import USUAL, draw_confounders
from dermimit.data.synderm.course import after
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.knowledge import Array, knowledge
from dermimit.data.synderm.whole import is_whole
from dermimit.records import write_atomically


@dataclass(frozen=True)
class Plan:
    """What is written where: one dataset a split, the days of the visits, and whether maps are wanted."""

    root: Path
    datasets: dict[str, SynDerm]
    days: tuple[float, ...]
    maps: bool

    @property
    def folders(self) -> dict[str, str]:
        """Suffix of the files by folder."""
        return {"images": "png", "masks": "png"} | ({"maps": "npz"} if self.maps else {})


def write_case(plan: Plan, job: tuple[str, int]) -> list[dict[str, Any]]:
    """Write the files of one case's visits, unless they are there and whole, and return their manifest rows."""
    split, index = job
    rows, dataset = manifest_rows(plan, split, index), plan.datasets[split]
    paths = case_files(plan, split, index)
    missing = {path for visit in paths for path in visit.values() if not is_whole(path)}
    if missing:
        for visit, case in zip(paths, dataset.visits(index, plan.days), strict=True):
            for folder, path in visit.items():
                if path in missing:
                    content = _content(folder, case)
                    write_atomically(path, partial(Path.write_bytes, data=content), durable=False)
    return rows


def case_files(plan: Plan, split: str, index: int) -> list[dict[str, Path]]:
    """The files of one case by folder, a visit each."""
    return [
        {folder: plan.root / folder / f"{name}.{suffix}" for folder, suffix in plan.folders.items()}
        for name in _names(plan, split, index)
    ]


def _names(plan: Plan, split: str, index: int) -> list[str]:
    patient = f"{split}-{index:06d}"
    return [f"{patient}-v{visit}" for visit in range(len(plan.days))] if len(plan.days) > 1 else [patient]


def manifest_rows(plan: Plan, split: str, index: int) -> list[dict[str, Any]]:
    """The manifest rows of one case's visits, without drawing a picture.

    In a noisy regime `body_part` and `attributes` are what a reader wrote down, except in the test split, and
    `true_body_part` and `true_attributes` stand beside them.
    """
    dataset, patient = plan.datasets[split], f"{split}-{index:06d}"
    labels = dataset.labels(index)
    disease = LABEL_SPACE.diseases.index(labels.disease)
    rows = []
    for visit, (day, name) in enumerate(zip(plan.days, _names(plan, split, index), strict=True)):
        shown, _ = after(labels, knowledge().courses[disease], day)
        things = stream(dataset.seed, index, THINGS, visit if day else 0)
        found = vars(draw_confounders(dataset.confounders, disease, things))
        rows.append(
            {"image": f"images/{name}.png", "mask": f"masks/{name}.png", **vars(shown)}
            | {"attributes": list(shown.attributes), "patient_id": patient, "lesion_id": patient, "visit": visit}
            | {"split": split, "day": day, **{f"confounder_{thing}": found[thing] for thing in USUAL}}
            | (_read(dataset, index, shown, visit, split) if dataset.regime.noisy else {})
        )
    return rows


def _read(dataset: SynDerm, index: int, shown: Labels, visit: int, split: str) -> dict[str, Any]:
    """The columns of a noisy regime: the label in use and the truth beside it."""
    true = {"true_body_part": shown.body_part, "true_attributes": list(shown.attributes)}
    if split == "test":
        return {"attributes_unknown": []} | true
    found = dataset.reading(index, shown, visit)
    return {
        "body_part": found.body_part, "attributes": list(found.attributes), "attributes_unknown": list(found.unknown),
    } | true  # fmt: skip


def read_maps(path: Path | str) -> dict[str, Array]:
    """A file of maps/: `attribute_map` (27, H, W) bool, `lesion_map` and `cause` (H, W) uint8, as in `Case`."""
    with np.load(path) as maps:
        bits = np.unpackbits(maps["attribute_map"], axis=0, count=len(LABEL_SPACE.attributes))
        return {"attribute_map": bits.astype(bool), "lesion_map": maps["lesion_map"], "cause": maps["cause"]}


def _content(folder: str, case: Case) -> bytes:
    """The file of a case in one of the folders."""
    file = io.BytesIO()
    if folder == "maps":
        packed = np.packbits(case.attribute_map, axis=0)
        np.savez_compressed(file, attribute_map=packed, lesion_map=case.lesion_map, cause=case.cause)
    else:
        pixels = case.image if folder == "images" else case.mask.astype(np.uint8) * 255
        Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
    return file.getvalue()
