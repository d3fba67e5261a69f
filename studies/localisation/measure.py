"""Measure where finished runs look: every kind of map against the lesions' masks, once, for the book to quote.

SynDerm: all methods of the run `full`, and those that need no lesion selection for every seed of `full` and of the same
model without it; one row a photograph, with how the maps change as the network forgets. Real photographs: the runs of
studies/evidence/measure_real.py, each on the fold that it has not seen; summaries only, nothing of one photograph.

Run: python -m studies.localisation.measure synderm RUNS   (RUNS: results/runs/published/synderm)
     python -m studies.localisation.measure pad_ufes_20 RUNS --root FOLDER   (RUNS: results/runs/real/pad_ufes_20)
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import torch
import tyro

from dermimit import data
from dermimit.explain.attributions import methods_for
from dermimit.explain.localisation_names import SCORES
from dermimit.explain.sanity import cascade
from dermimit.records import provenance, write_json, write_parquet
from dermimit.train.run import Run, load_run
from studies.localisation.map_scores import Localisation, Thresholds, choose_thresholds, measure
from studies.localisation.masked_photographs import MaskedPhotos
from studies.localisation.summary import summarise
from studies.shared.paths import PUBLISHED, ROOT

COMPARED = ("class_attention", "gradient_attention", "integrated_gradients", "layer_grad_cam", "feature_ablation")
SANE = ("lsm_score", "class_attention", "gradient_attention", "integrated_gradients", "layer_grad_cam", "occlusion",
        "edge_density")  # fmt: skip
CURVED = ("lsm_score", "class_attention", "gradient_attention", "integrated_gradients", "layer_grad_cam",
          "feature_ablation", "centre_prior", "random")  # fmt: skip
REAL = {"synderm_full": "started from SynDerm, LSM and CIM", "small_full": "from random weights, LSM and CIM"}
GROUPS = ("size", "contrast", "count", "skin", "body_part", "right")


def main(
    dataset: Annotated[Literal["synderm", "pad_ufes_20"], tyro.conf.Positional],
    runs: Annotated[Path, tyro.conf.Positional],
    root: Path | None = None,
    limit: int = 300,
    curved: int = 100,
    out: Path = ROOT / PUBLISHED / "localisation",
) -> None:
    """Measure the runs and write the records.

    Args:
        dataset: which study.
        runs: folder of the finished runs, with their weights.
        root: folder of the dataset; without it the one that the runs were trained on.
        limit: photographs at most; of real ones in all folds together.
        curved: of these, how many have deletion and insertion curves, which cost most of the time.
        out: folder of the records.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    (of_synderm if dataset == "synderm" else of_real)(runs, root, limit, curved, out)


def photos_of(run: Run, root: Path | None) -> data.PhotoSet:
    """The dataset of a run."""
    config = run.config
    where = root or config.data_root
    return data.load(config.dataset, where, run.preprocessing, config.split_seed, **config.data_options)


def measured(run: Run, photos: data.PhotoSet, methods: Sequence[str], limit: int) -> Localisation:
    """Maps of a run on test photographs, without curves; thresholds are chosen on as many of validation."""
    thresholds = choose_thresholds(MaskedPhotos(run, photos, "val", limit=limit), methods)
    return measure(MaskedPhotos(run, photos, "test", limit=limit), thresholds, curves=False)


def all_maps(run: Run, photos: data.PhotoSet, limit: int, curved: int) -> Localisation:
    """All maps of a run; curves of the methods in `CURVED` for the first photographs."""
    whole = measured(run, photos, methods_for(run, "disease"), limit)
    thresholds = {method: value for method, value in whole.thresholds.items() if method in CURVED}
    few = measure(MaskedPhotos(run, photos, "test", limit=curved), Thresholds(thresholds, "val"))
    names = ["deletion", "insertion", "deletion_curve", "insertion_curve"]
    plain = whole.rows.drop(columns=["deletion", "insertion"])
    rows = plain.merge(few.rows[["image", "method", *names]], on=["image", "method"], how="left")
    return Localisation(rows, whole.left_out, whole.thresholds)


def of_synderm(runs: Path, root: Path | None, limit: int, curved: int, out: Path) -> None:
    """All methods once; then with and without lesion selection over all seeds; then the sanity check."""
    started, first = time.time(), load_run(runs / "full-seed0")
    photos = photos_of(first, root)
    whole = all_maps(first, photos, limit, curved)
    parts = [labelled(whole, "full", 0)]
    for name in ("full", "D_B_A_CIM"):
        for folder in sorted(runs.glob(f"{name}-seed*")):
            of_run = measured(load_run(folder), photos, COMPARED, limit)
            parts.append(labelled(of_run, name, int(folder.name.split("seed")[1])))
            print(folder.name, round(time.time() - started), "s", flush=True)
    facts = provenance(
        photos.frame, started, {"device": "cpu", "left_out": whole.left_out, "rows": ["full", "D_B_A_CIM"]}
    )
    write_parquet(out / "synderm_methods.parquet", parts[0])
    write_parquet(out / "synderm_selection.parquet", pd.concat(parts[1:], ignore_index=True))
    write_json(out / "synderm.json", {"thresholds": whole.thresholds, "provenance": facts})
    test = photos.photos("test")
    images = torch.stack([test[i]["image"] for i in range(32)])
    write_parquet(out / "synderm_sanity.parquet", cascade(first, images, "disease", None, SANE))


def labelled(scores: Localisation, row: str, seed: int) -> pd.DataFrame:
    """The rows of a run with its name, in small numbers."""
    numbers = [*SCORES, "area", "contrast", "threshold", "delta"]
    return scores.rows.assign(row=row, seed=seed, **{name: scores.rows[name].astype("float32") for name in numbers})


def of_real(runs: Path, root: Path | None, limit: int, curved: int, out: Path) -> None:
    """Each model on the photographs of the fold it was not trained on, pooled over folds."""
    started, models = time.time(), {}
    for name, label in REAL.items():
        parts, left = [], {}
        for folder in sorted(runs.glob(f"{name}-fold*-seed0")):
            run = load_run(folder)
            photos = photos_of(run, root)
            of_fold = all_maps(run, photos, limit // 5, curved // 5)
            parts.append(of_fold.rows)
            left = {reason: left.get(reason, 0) + n for reason, n in of_fold.left_out.items()}
            print(folder.name, round(time.time() - started), "s", flush=True)
        if len(parts) != 5:
            raise SystemExit(f"{runs}: {name} has {len(parts)} of 5 folds: run studies/evidence/measure_real.py first")
        rows = pd.concat(parts, ignore_index=True)
        groups = {by: plain(summarise(rows, by)) for by in GROUPS if rows[by if by in rows else "area"].notna().any()}
        models[name] = {"label": label, "left_out": left, "summary": plain(summarise(rows)), "groups": groups}
    facts = provenance(photos.frame, started, {"device": "cpu", "photographs": limit})
    write_json(out / "pad_ufes_20.json", {"models": models, "provenance": facts})


def plain(frame: pd.DataFrame) -> list[dict]:
    """Records for JSON."""
    return frame.to_dict("records")


if __name__ == "__main__":
    tyro.cli(main)
