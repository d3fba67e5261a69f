"""A training run, top to bottom in the order in which things happen."""

import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from timm.utils import ModelEmaV3
from torch import nn

from dermimit.data import PhotoSet
from dermimit.data.changes import TABLE, changes, table_of
from dermimit.evaluate.metrics import score
from dermimit.evaluate.predictions import predict
from dermimit.lock import locked
from dermimit.model.attention import unfuse
from dermimit.model.plan import no_numbers
from dermimit.records import code_fingerprint, data_fingerprint, write_parquet
from dermimit.train.assemble import build_model, check_model, load_photos
from dermimit.train.config import TrainConfig
from dermimit.train.epoch import train_one_epoch
from dermimit.train.faults import check_memory, explaining
from dermimit.train.history import epoch_line, first_line
from dermimit.train.labels import check_labels
from dermimit.train.optimizers import build_optimizer
from dermimit.train.processes import (
    accelerator_of,
    check_batch,
    normalising_together,
    understand_slurm,
    without_wrappers,
)
from dermimit.train.resuming import load_best, resume, save_epoch
from dermimit.train.run_folder import claim, is_finished, tell_changes, write_record
from dermimit.train.tokens import OnTokens, splits
from dermimit.train.trackers import track, tracker_of, tracking
from dermimit.train.variants import check_shared, recipe_of
from dermimit.train.views import check_views


def fit(config: TrainConfig) -> Path:
    """Trains, selects the best epoch on the validation split, reads the test split, if any, once, and leaves a record.

    A run that was interrupted goes on from its last epoch and ends with the same numbers as an unbroken one: all
    randomness of an epoch follows from (seed, epoch). A finished run is returned as it is; where its data have changed
    since, stderr says how.

    Args:
        config: the run; `config.out` becomes its folder.

    Returns:
        the run's folder: config.json, photographs.parquet (what it was trained on), label_space.json,
        preprocessing.json, history.parquet, predictions.parquet, calibration.json, model.safetensors, provenance.json
        and, last of all, metrics.json; the files of a tracker.

    Raises:
        ValueError: the folder holds a run of another configuration, or the dataset has none of the tasks, or one class
            only; nothing is written then.
        MissingExtraError: the tracker is not installed.
        LockedError: another process trains in the folder.
        CheckpointError: a checkpoint is damaged, or of another run.
        NonFiniteLossError: with the step, the batch's photographs and the last good checkpoint.
        MemoryError, WorkerDiedError, CompileError: with what to change.
        OSError: the disk is full; what was finished is kept, and the same call goes on from there.
    """
    started = time.time()
    understand_slurm()
    accelerator = accelerator_of(
        config.precision,
        log_with=tracker_of(config),
        project_dir=config.out,
        dataloader_config=DataLoaderConfiguration(split_batches=True, non_blocking=True),
    )
    check_batch(config, accelerator)
    if is_finished(config):
        accelerator.print(f"{config.out}: already finished; delete the folder to train again")
        if accelerator.is_main_process:
            tell_changes(config)
        return config.out
    plan = check_model(config)
    check_views(config, plan)
    check_shared(config, plan)
    if accelerator.device.type == "cpu":
        check_memory(config, plan)
    with explaining(config):
        photos = load_photos(config)
        check_labels(config, photos)
        check_start(config, photos)
        with locked(config.out) if accelerator.is_main_process else nullcontext():
            if accelerator.is_main_process:
                claim(config)
            accelerator.wait_for_everyone()
            train_and_test(config, photos, started, accelerator)
            accelerator.wait_for_everyone()
    return config.out


def check_start(config: TrainConfig, photos: PhotoSet) -> None:
    """Raises the errors of weights and runs to start from before the folder is claimed; without memory for a model."""
    if config.weights or config.start_from:
        with no_numbers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the training will say the same
            build_model(config, photos.label_space)


def train_and_test(config: TrainConfig, photos: PhotoSet, started: float, accelerator: Accelerator) -> None:
    """Everything between the claim on the folder and the finished record."""
    out, changed, table = config.out, "", None
    if accelerator.is_main_process:
        table = table_of(photos.frame, photos.root)
        changed = changes(out, table)
    accelerator.print(first_line(config, photos, accelerator.device))

    torch.manual_seed(config.seed)
    model = build_model(config, photos.label_space).to(memory_format=torch.channels_last)
    if told := getattr(model, "told", ()):
        accelerator.print("\n".join(told))
    if config.precision == "bf16" and accelerator.device.type == "cpu":
        unfuse(model)
    model = normalising_together(model, accelerator)
    optimizer = build_optimizer(model, config)
    trained, optimizer = accelerator.prepare(compiled(model, config), optimizer)
    bare = without_wrappers(trained, accelerator)
    ema = ModelEmaV3(bare, decay=config.ema, use_warmup=True) if config.ema else None
    evaluated = ema.module if ema else bare
    asked = OnTokens(evaluated) if config.views else evaluated
    fingerprints = {"code": code_fingerprint(), "data": data_fingerprint(photos.frame)}
    identity = {"config": config.identity(), "fingerprints": fingerprints}
    history, first = resume(out, bare, ema, optimizer, identity, accelerator, changed)
    split = splits(config, photos, bare, accelerator)  # of the trunk that the run goes on with
    train, val = split("train", True), split("val", False)
    recipe = recipe_of(config, train, bare, accelerator)
    if table is not None and not (first and (out / TABLE).exists()):
        write_parquet(out / TABLE, table)
    count = config.steps_per_epoch * config.batch_size
    with tracking(config, accelerator, first):
        for epoch in range(first, config.epochs):
            begun = time.perf_counter()
            losses = train_one_epoch(trained, ema, optimizer, train, config, epoch, accelerator, recipe)
            predictions = predict(asked, val, config.batch_size, accelerator, config.workers)
            metrics = score(predictions, photos.label_space)
            row = {"epoch": epoch, "samples_seen": (epoch + 1) * count}
            row |= losses | {f"val/{name}": value for name, value in metrics.items()}
            history.append(row | {"seconds": time.perf_counter() - begun})
            track(accelerator, history[-1], count)
            if accelerator.is_main_process:
                save_epoch(out, evaluated, bare, ema, optimizer, identity, history)
            accelerator.print(epoch_line(history[-1], config))
            accelerator.wait_for_everyone()

    evaluated.load_state_dict(load_best(out, history, identity))
    told = {"val": val} | ({"test": split("test", False)} if (photos.frame["split"] == "test").any() else {})
    answers = {
        name: predict(asked, part, config.batch_size, accelerator, config.workers) for name, part in told.items()
    }
    if accelerator.is_main_process:
        write_record(out, config, photos, evaluated, answers, pd.DataFrame(history), started, accelerator.device)


def compiled(model: nn.Module, config: TrainConfig) -> nn.Module:
    """The model as the recipe wants it called; what earlier runs of this process have compiled is forgotten, since
    torch gives up after some variants of the same code."""
    if config.compile == "no":
        return model
    torch.compiler.reset()
    return torch.compile(model, mode=config.compile)
