"""A training run, top to bottom in the order in which things happen."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from timm.utils import ModelEmaV3
from torch import nn

from dermimit.data import PhotoSet
from dermimit.evaluate.metrics import score
from dermimit.evaluate.predictions import predict
from dermimit.lock import LOCK_FILE, locked
from dermimit.model.attention import unfuse
from dermimit.records import code_fingerprint, data_fingerprint, provenance, read_json, write_json, write_parquet
from dermimit.train.assemble import build_model, build_optimizer, load_photos, photographs
from dermimit.train.checkpoint import CheckpointError, load_tensors, load_training, save_tensors, save_training
from dermimit.train.config import NUMBERLESS, TrainConfig
from dermimit.train.epoch import train_one_epoch
from dermimit.train.faults import explaining
from dermimit.train.processes import check_batch, normalising_together, understand_slurm, without_wrappers


def fit(config: TrainConfig) -> Path:
    """Trains, selects the best epoch on the validation split, reads the test split once, and leaves a record.

    A run that was interrupted goes on from its last epoch and ends with the same numbers as an unbroken one: all
    randomness of an epoch follows from (seed, epoch). A finished run is returned as it is.

    Args:
        config: the run; `config.out` becomes its folder.

    Returns:
        the run's folder: config.json, label_space.json, history.parquet, predictions.parquet, model.safetensors,
        provenance.json and, last of all, metrics.json.

    Raises:
        ValueError: the folder holds a run of another configuration, or the dataset has none of the tasks.
        LockedError: another process trains in the folder.
        CheckpointError: a checkpoint is damaged, or of another run.
        NonFiniteLossError: with the step, the batch's photographs and the last good checkpoint.
        MemoryError, WorkerDiedError, CompileError: with what to change.
        OSError: the disk is full; what was finished is kept, and the same call goes on from there.
    """
    started = time.time()
    understand_slurm()
    accelerator = Accelerator(
        mixed_precision=config.precision,
        dataloader_config=DataLoaderConfiguration(split_batches=True, non_blocking=True),
    )
    check_batch(config, accelerator)
    if is_finished(config):
        accelerator.print(f"{config.out}: already finished; delete the folder to train again")
        return config.out
    with locked(config.out) if accelerator.is_main_process else nullcontext(), explaining(config):
        if accelerator.is_main_process:
            claim(config)
        accelerator.wait_for_everyone()
        train_and_test(config, started, accelerator)
        accelerator.wait_for_everyone()
    return config.out


def train_and_test(config: TrainConfig, started: float, accelerator: Accelerator) -> None:
    """Everything between the claim on the folder and the finished record."""
    out, photos = config.out, load_photos(config)
    train = photographs(config, photos, "train", augment=True)
    val = photographs(config, photos, "val")

    torch.manual_seed(config.seed)
    model = build_model(config, photos.label_space).to(memory_format=torch.channels_last)
    if config.precision == "bf16" and accelerator.device.type == "cpu":
        unfuse(model)
    model = normalising_together(model, accelerator)
    optimizer = build_optimizer(model, config)
    trained, optimizer = accelerator.prepare(compiled(model, config), optimizer)
    bare = without_wrappers(trained, accelerator)
    ema = ModelEmaV3(bare, decay=config.ema, use_warmup=True) if config.ema else None
    evaluated = ema.module if ema else bare

    fingerprints = {"code": code_fingerprint(), "data": data_fingerprint(photos.frame)}
    identity = {"config": config.identity(), "fingerprints": fingerprints}
    history, first = resume(out, bare, ema, optimizer, identity, accelerator)
    for epoch in range(first, config.epochs):
        begun = time.perf_counter()
        losses = train_one_epoch(trained, ema, optimizer, train, config, epoch, accelerator)
        predictions = predict(evaluated, val, config.batch_size, accelerator, config.workers)
        metrics = score(predictions, photos.label_space)
        row = {"epoch": epoch, "samples_seen": (epoch + 1) * config.steps_per_epoch * config.batch_size}
        row |= losses | {f"val/{name}": value for name, value in metrics.items()}
        history.append(row | {"seconds": time.perf_counter() - begun})
        if accelerator.is_main_process:
            meta = identity | {"epoch": epoch}
            if best_epoch(history) == epoch:
                save_tensors(out / "best.safetensors", evaluated.state_dict(), meta)
            save_training(out / "last.safetensors", bare, ema, optimizer, meta | {"history": history})
        accelerator.print(epoch_line(history[-1], config))
        accelerator.wait_for_everyone()

    evaluated.load_state_dict(load_best(out, history, identity))
    finish(out, config, photos, evaluated, pd.DataFrame(history), started, accelerator)


def compiled(model: nn.Module, config: TrainConfig) -> nn.Module:
    """The model as the recipe wants it called; what earlier runs of this process have compiled is forgotten, since
    torch gives up after some variants of the same code."""
    if config.compile == "no":
        return model
    torch.compiler.reset()
    return torch.compile(model, mode=config.compile)


def selection_metric(columns: object) -> str:
    """The validation metric that chooses the epoch: disease macro-F1, or the first task's if there is no disease."""
    order = ("val/disease/macro_f1", "val/attributes/map", "val/body_part/map", "val/body_part/macro_f1")
    return next(name for name in order if name in columns)


def best_epoch(history: list[dict[str, float]]) -> int:
    """The epoch with the best validation score, the earliest of equals."""
    name = selection_metric(history[-1])
    return max(range(len(history)), key=lambda i: (history[i][name], -i))


def is_finished(config: TrainConfig) -> bool:
    """Whether the folder holds this run, finished; what a kill at the very end left beside the record is removed.

    Raises:
        ValueError: the folder holds a run of another configuration.
    """
    check_claim(config)
    finished = (config.out / "metrics.json").exists()
    for name in ("best.safetensors", "last.safetensors", LOCK_FILE) if finished else ():
        if (config.out / name).exists():
            (config.out / name).unlink(missing_ok=True)
    return finished


def claim(config: TrainConfig) -> None:
    """Writes the run's configuration into its folder, unless it is there."""
    check_claim(config)
    if not (config.out / "config.json").exists():
        write_json(config.out / "config.json", config.to_dict())


def check_claim(config: TrainConfig) -> None:
    """Raises ValueError if the folder is another run's; the configuration there may differ in `NUMBERLESS`."""
    path = config.out / "config.json"
    if path.exists():
        there, now = read_json(path), config.to_dict()
        if changed := [k for k in {**now, **there} if there.get(k) != now.get(k) and k not in NUMBERLESS]:
            was = f"{changed[0]}: {there.get(changed[0])!r}, now {now.get(changed[0])!r}"
            raise ValueError(f"{path} is of another run ({was}): choose another `out`, or delete the folder")


def resume(
    out: Path, model: nn.Module, ema: nn.Module | None, optimizer: object, identity: dict, accelerator: Accelerator
) -> tuple[list[dict[str, float]], int]:
    """History so far and the first epoch to train: 0 without a checkpoint, or with one of other code or data.

    Raises:
        CheckpointError: a checkpoint is damaged, or of another run.
    """
    path = out / "last.safetensors"
    if not path.exists():
        return [], 0
    meta = load_tensors(path)[1]
    if meta.get("fingerprints") != identity["fingerprints"]:
        accelerator.print(f"{path}: code or data have changed since; training starts again")
        return [], 0
    check_identity(path, meta, identity)
    history = load_training(path, model, ema, optimizer)["history"]
    load_best(out, history, identity)  # not only after hours of training
    accelerator.print(f"{path}: going on after epoch {meta['epoch'] + 1}")
    return history, meta["epoch"] + 1


def load_best(out: Path, history: list[dict[str, float]], identity: dict) -> dict[str, torch.Tensor]:
    """The weights of the best epoch so far.

    Raises:
        CheckpointError: they are absent, damaged, of another run or of another epoch.
    """
    path, remedy = out / "best.safetensors", "delete last.safetensors too, and training starts again"
    if not path.exists():
        raise CheckpointError(f"{path} is missing: {remedy}")
    tensors, meta = load_tensors(path)
    check_identity(path, meta, identity)
    if meta["epoch"] not in (best_epoch(history), len(history)):  # the second: killed between the two checkpoints
        raise CheckpointError(f"{path} is of epoch {meta['epoch'] + 1}, not {best_epoch(history) + 1}: {remedy}")
    return tensors


def check_identity(path: Path, meta: dict, identity: dict) -> None:
    """Raises CheckpointError if a checkpoint is not of this run, naming the first setting that differs."""
    there, now = meta.get("config", {}), identity["config"]
    if changed := [name for name in {**now, **there} if there.get(name) != now.get(name)]:
        was = f"{changed[0]}: {there.get(changed[0])!r}, here {now.get(changed[0])!r}"
        raise CheckpointError(f"{path} is a checkpoint of another run ({was}): put its own back, or delete it")


def epoch_line(row: dict[str, float], config: TrainConfig) -> str:
    """One line for the log."""
    name = selection_metric(row)
    speed = config.steps_per_epoch * config.batch_size / row["seconds"]
    return (f"epoch {row['epoch'] + 1}/{config.epochs}  loss {row['loss']:.3f}  {name} {row[name]:.3f}  "
            f"{speed:.0f} photographs/s")  # fmt: skip


def finish(
    out: Path,
    config: TrainConfig,
    photos: PhotoSet,
    model: nn.Module,
    history: pd.DataFrame,
    started: float,
    accelerator: Accelerator,
) -> None:
    """Reads the test split, once, and writes the record; metrics.json last, since it says that the run is finished."""
    splits = {
        split: predict(model, photographs(config, photos, split), config.batch_size, accelerator, config.workers)
        for split in ("val", "test")
    }
    if not accelerator.is_main_process:
        return
    write_parquet(out / "history.parquet", history)
    write_parquet(out / "predictions.parquet", pd.concat(splits.values(), ignore_index=True))
    write_json(out / "label_space.json", photos.label_space.to_dict())
    save_tensors(out / "model.safetensors", model.state_dict(), {"epoch": best_epoch(history.to_dict("records"))})
    parameters = sum(p.numel() for p in model.parameters())
    extra = {"seed": config.seed, "parameters": parameters, "device": str(accelerator.device)}
    extra |= {"photographs_used": len(photos.frame)} if config.quarantine else {}
    train_seconds = float(history["seconds"].sum())
    write_json(out / "provenance.json", provenance(photos.frame, started, extra | {"train_seconds": train_seconds}))
    write_json(out / "metrics.json", {split: score(frame, photos.label_space) for split, frame in splits.items()})
    for name in ("best.safetensors", "last.safetensors"):
        (out / name).unlink(missing_ok=True)
    print(f"{out}: finished in {max(0.0, time.time() - started):.0f} s", file=sys.stderr)
