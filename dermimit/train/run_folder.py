"""The folder of a run: who may write there, and the record at its end."""

import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from dermimit.data import PhotoSet
from dermimit.data.changes import TABLE, changes, table_of
from dermimit.data.preprocessing import FILE as PREPROCESSING
from dermimit.evaluate.metrics import score
from dermimit.evaluate.temperatures import FILE as CALIBRATION
from dermimit.evaluate.temperatures import fit_temperatures
from dermimit.lock import HOLDER_FILE, LOCK_FILE
from dermimit.records import data_fingerprint, provenance, read_json, write_json, write_parquet
from dermimit.train.assemble import load_photos
from dermimit.train.checkpoint import save_tensors
from dermimit.train.config import NUMBERLESS, PATHS, TrainConfig
from dermimit.train.history import best_epoch
from dermimit.train.resuming import CHECKPOINTS


def is_finished(config: TrainConfig) -> bool:
    """Whether the folder holds this run, finished; what a kill at the very end left beside the record is removed.

    Raises:
        ValueError: the folder holds a run of another configuration.
    """
    check_claim(config)
    finished = (config.out / "metrics.json").exists()
    for name in (*CHECKPOINTS, LOCK_FILE, HOLDER_FILE) if finished else ():
        if (config.out / name).exists():
            (config.out / name).unlink(missing_ok=True)
    return finished


def tell_changes(config: TrainConfig) -> None:
    """Says on stderr where the data there now are not those that a finished run was trained on, and what has changed.

    Data that are gone or broken are no error: it is said that they could not be compared.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # what is wrong with the data was said when the run was trained
            photos = load_photos(config)
        changed = changes(config.out, table_of(photos.frame, photos.root))
        if not changed and data_fingerprint(photos.frame) != read_json(config.out / "provenance.json").get(
            "data_fingerprint"
        ):
            changed = (
                "other columns of their table, or how it is read"
                if (config.out / TABLE).exists()
                else "their table, or how it is read"
            )
    except Exception as error:  # whatever a reader makes of what is there now
        print(
            f"{config.data_root}: could not be compared with what {config.out} was trained on ({error})",
            file=sys.stderr,
        )
        return
    if changed:
        remedy = "the run knows nothing of it: train in another folder (--out), or delete this one"
        print(
            f"{config.data_root}: the data have changed since {config.out} was trained: {changed}\n{remedy}",
            file=sys.stderr,
        )


def claim(config: TrainConfig) -> None:
    """Writes the run's configuration into its folder, unless it is there; data that lie elsewhere now are told."""
    check_claim(config)
    path, now = config.out / "config.json", config.to_dict()
    if not path.exists():
        write_json(path, now)
        return
    there, root = read_json(path), now["data_root"]
    if there["data_root"] != root:
        print(
            f"{config.out}: goes on with the data in {root}; before, they were in {there['data_root']}", file=sys.stderr
        )
        write_json(path, there | {"data_root": root})


def check_claim(config: TrainConfig) -> None:
    """Raises ValueError if the folder is another run's; the configuration there may differ in `NUMBERLESS`, and in how
    the paths of data and run are written: whether the data are the same, their fingerprint says."""
    path = config.out / "config.json"
    if path.exists():
        there, now, free = read_json(path), config.to_dict(), (*PATHS, *NUMBERLESS)
        if changed := [k for k in {**now, **there} if there.get(k) != now.get(k) and k not in free]:
            was = f"{changed[0]}: {there.get(changed[0])!r}, now {now.get(changed[0])!r}"
            raise ValueError(f"{path} is of another run ({was}): choose another `out`, or delete the folder")


def write_record(
    out: Path,
    config: TrainConfig,
    photos: PhotoSet,
    model: nn.Module,
    splits: dict[str, pd.DataFrame],
    history: pd.DataFrame,
    started: float,
    device: torch.device,
) -> None:
    """Writes the record, with the answers for the splits val and, where there is one, test; metrics.json last, since it
    says that the run is finished."""
    write_parquet(out / "history.parquet", history)
    write_parquet(out / "predictions.parquet", pd.concat(splits.values(), ignore_index=True))
    write_json(out / "label_space.json", photos.label_space.to_dict())
    write_json(out / PREPROCESSING, photos.prepared.to_dict())
    write_json(out / CALIBRATION, fit_temperatures(splits["val"], photos.label_space))
    save_tensors(out / "model.safetensors", model.state_dict(), {"epoch": best_epoch(history.to_dict("records"))})
    parameters = sum(p.numel() for p in model.parameters())
    extra = {"seed": config.seed, "parameters": parameters, "device": str(device)}
    extra |= {"weights": model.started_from} if hasattr(model, "started_from") else {}
    extra |= {"photographs_used": len(photos.frame)} if config.quarantine else {}
    train_seconds = float(history["seconds"].sum())
    write_json(out / "provenance.json", provenance(photos.frame, started, extra | {"train_seconds": train_seconds}))
    write_json(out / "metrics.json", {split: score(frame, photos.label_space) for split, frame in splits.items()})
    for name in CHECKPOINTS:
        (out / name).unlink(missing_ok=True)
    print(f"{out}: finished in {max(0.0, time.time() - started):.0f} s", file=sys.stderr)
