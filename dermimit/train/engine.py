"""The training loop: reads top to bottom in the order in which things happen."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import timm
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from timm.utils import ModelEmaV3
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data import LabelSpace, PhotoDataset, PhotoSet, load
from dermimit.data.quarantine import leave_out
from dermimit.data.transforms import CutMix
from dermimit.evaluate.metrics import score
from dermimit.evaluate.predictions import predict
from dermimit.records import code_fingerprint, data_fingerprint, provenance, read_json, write_json, write_parquet
from dermimit.train.checkpoint import load_tensors, load_training, save_tensors, save_training
from dermimit.train.config import TrainConfig
from dermimit.train.losses import first_nonfinite, multi_task_loss
from dermimit.train.transfer import start_from


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; the message names the step, the photographs and the last good checkpoint."""


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
        NonFiniteLossError: with the step, the batch's photographs and the last good checkpoint.
    """
    started = time.time()
    accelerator = Accelerator(
        mixed_precision=config.precision, dataloader_config=DataLoaderConfiguration(split_batches=True)
    )
    out = claim(config)
    if (out / "metrics.json").exists():
        accelerator.print(f"{out}: already finished; delete the folder to train again")
        return out
    photos = load_photos(config)
    train = photos.photos("train", augment=True, in_memory=config.in_memory)
    val = photos.photos("val", in_memory=config.in_memory)

    torch.manual_seed(config.seed)
    model = build_model(config, photos.label_space).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, config)
    model, optimizer = accelerator.prepare(model, optimizer)
    bare = accelerator.unwrap_model(model)
    ema = ModelEmaV3(bare, decay=config.ema, use_warmup=True) if config.ema else None
    evaluated = ema.module if ema else bare

    fingerprints = {"code": code_fingerprint(), "data": data_fingerprint(photos.frame)}
    history, first = resume(out / "last.safetensors", bare, ema, optimizer, fingerprints, accelerator)
    for epoch in range(first, config.epochs):
        seconds = time.time()
        losses = train_one_epoch(model, ema, optimizer, train, config, epoch, accelerator)
        predictions = predict(evaluated, val, config.batch_size, accelerator)
        metrics = score(predictions, photos.label_space)
        row = {"epoch": epoch, "samples_seen": (epoch + 1) * config.steps_per_epoch * config.batch_size}
        row |= losses | {f"val/{name}": value for name, value in metrics.items()}
        history.append(row | {"seconds": time.time() - seconds})
        if accelerator.is_main_process:
            if best_epoch(history) == epoch:
                save_tensors(out / "best.safetensors", evaluated.state_dict(), {"epoch": epoch})
            meta = {"epoch": epoch, "history": history, "fingerprints": fingerprints}
            save_training(out / "last.safetensors", bare, ema, optimizer, meta)
        accelerator.print(epoch_line(history[-1], config))
        accelerator.wait_for_everyone()

    evaluated.load_state_dict(load_tensors(out / "best.safetensors")[0])
    finish(out, config, photos, evaluated, pd.DataFrame(history), started, accelerator)
    return out


def load_photos(config: TrainConfig) -> PhotoSet:
    """The dataset of a run, without the photographs of its quarantine; the others keep their split."""
    photos = load(config.dataset, config.data_root, config.image_size, seed=config.split_seed, **config.data_options)
    return replace(photos, frame=leave_out(photos.frame, config.quarantine)) if config.quarantine else photos


def train_one_epoch(
    model: nn.Module,
    ema: ModelEmaV3 | None,
    optimizer: torch.optim.Optimizer,
    photos: PhotoDataset,
    config: TrainConfig,
    epoch: int,
    accelerator: Accelerator,
) -> dict[str, float]:
    """One epoch of `config.steps_per_epoch` steps; returns the mean losses and the last learning rate."""
    torch.manual_seed(epoch_seed(config.seed, epoch) + accelerator.process_index)
    generator = torch.Generator().manual_seed(epoch_seed(config.seed, epoch) + accelerator.process_index)
    cutmix = CutMix(config.cutmix_alpha, config.cutmix_probability, generator)
    count = config.steps_per_epoch * config.batch_size
    order = sample_order(len(photos), epoch * count, count, config.seed)
    loader = accelerator.prepare(
        DataLoader(photos, config.batch_size, sampler=order, num_workers=config.workers, drop_last=True)
    )
    weights = {task: config.weight(task) for task in config.tasks}
    multi_label = [task for task in config.tasks if photos.label_space.multi_label(task)]
    sums: dict[str, torch.Tensor] = {}
    model.train()
    bar = tqdm(loader, desc=f"epoch {epoch + 1}/{config.epochs}", disable=None, leave=False)
    for i, batch in enumerate(bar):
        step = epoch * config.steps_per_epoch + i
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        images, targets = cutmix(batch["image"].contiguous(memory_format=torch.channels_last), batch["targets"])
        with accelerator.autocast():
            logits, out = model(images)
        logits = {task: z.float() for task, z in logits.items()}
        loss, losses = multi_task_loss(logits, out, targets, weights, config.supervise == "both", multi_label)
        if bad := first_nonfinite(losses, loss):
            raise_nonfinite(bad, step, photos, batch["index"], config)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        if ema is not None:
            ema.update(accelerator.unwrap_model(model), step=step)
        for name, value in {"loss": loss.detach(), **{f"loss/{t}": v for t, v in losses.items()}}.items():
            sums[name] = sums.get(name, 0) + value
    return {name: float(value) / len(loader) for name, value in sums.items()} | {"lr": learning_rate(step, config)}


def build_model(config: TrainConfig, label_space: LabelSpace) -> nn.Module:
    """The model of a run, for the tasks that both the run and the dataset have; one task alone is joined to nothing."""
    num_classes = {task: n for task, n in label_space.num_classes.items() if task in config.tasks}
    if not num_classes:
        raise ValueError(f"{label_space.name} has no labels for {', '.join(config.tasks)}: "
                         f"it has {', '.join(label_space.num_classes)}")  # fmt: skip
    fusion = config.fusion if len(num_classes) > 1 else "none"
    choices = {"lsm": config.lsm, "fusion": fusion} | config.model_kwargs
    if fusion == "bottleneck" and label_space.several_body_parts:
        choices = {"several_body_parts": True} | choices
    model = timm.create_model(config.model, pretrained=config.pretrained, num_classes=num_classes, **choices)
    if config.start_from:
        start_from(model, Path(config.start_from), label_space)
    return model


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """SGD or AdamW; weight decay on matrices only."""
    spared = model.no_weight_decay()
    decay, rest = [], []
    for name, parameter in model.named_parameters():
        (rest if parameter.ndim < 2 or name in spared else decay).append(parameter)
    groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up over the first share `config.warmup` of the steps, then a cosine to zero."""
    warm = round(config.warmup * config.steps)
    if step < warm:
        return config.lr * (step + 1) / warm
    progress = (step - warm) / max(1, config.steps - warm)
    return config.lr * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * progress))))


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed of its own for each (seed, epoch)."""
    return (seed * 10_007 + epoch + 1) * 1_000_003


def sample_order(n: int, start: int, count: int, seed: int) -> list[int]:
    """Positions start .. start + count of an endless sequence of shuffled passes over n photographs."""
    passes = range(start // n, (start + count - 1) // n + 1)
    orders = [torch.randperm(n, generator=torch.Generator().manual_seed(epoch_seed(seed, p) + 7)) for p in passes]
    offset = start - passes.start * n
    return torch.cat(orders)[offset : offset + count].tolist()


def selection_metric(columns: object) -> str:
    """The validation metric that chooses the epoch: disease macro-F1, or the first task's if there is no disease."""
    order = ("val/disease/macro_f1", "val/attributes/map", "val/body_part/map", "val/body_part/macro_f1")
    return next(name for name in order if name in columns)


def best_epoch(history: list[dict[str, float]]) -> int:
    """The epoch with the best validation score, the earliest of equals."""
    name = selection_metric(history[-1])
    return max(range(len(history)), key=lambda i: (history[i][name], -i))


def claim(config: TrainConfig) -> Path:
    """Makes the run's folder and writes its configuration, or checks that the one there is the same."""
    config.out.mkdir(parents=True, exist_ok=True)
    path = config.out / "config.json"
    if path.exists():
        there, now = read_json(path), config.to_dict()
        if changed := [k for k in {**now, **there} if there.get(k) != now.get(k)]:
            was = f"{changed[0]}: {there.get(changed[0])!r}, now {now.get(changed[0])!r}"
            raise ValueError(f"{path} is of another run ({was}): choose another `out`, or delete the folder")
    else:
        write_json(path, config.to_dict())
    return config.out


def resume(
    path: Path, model: nn.Module, ema: nn.Module | None, optimizer: object, fingerprints: dict, accelerator: Accelerator
) -> tuple[list[dict[str, float]], int]:
    """History so far and the first epoch to train: 0 without a checkpoint, or with one of other code or data."""
    if not path.exists():
        return [], 0
    if load_tensors(path)[1]["fingerprints"] != fingerprints:
        accelerator.print(f"{path}: code or data have changed since; training starts again")
        return [], 0
    meta = load_training(path, model, ema, optimizer)
    accelerator.print(f"{path}: going on after epoch {meta['epoch'] + 1}")
    return meta["history"], meta["epoch"] + 1


def raise_nonfinite(name: str, step: int, photos: PhotoDataset, index: torch.Tensor, config: TrainConfig) -> None:
    """Says all that is needed to find out why."""
    images = ", ".join(photos.frame["image"].iloc[index.cpu().numpy()])
    last = config.out / "last.safetensors"
    raise NonFiniteLossError(
        f"the {name} loss is not finite at step {step} of {config.steps} (lr {learning_rate(step, config):.3g}); "
        f"photographs: {images}; last good checkpoint: {last if last.exists() else 'none'}; "
        "try a lower lr or clip_norm, in a new folder"
    )


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
        split: predict(model, photos.photos(split, in_memory=config.in_memory), config.batch_size, accelerator)
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
    print(f"{out}: finished in {time.time() - started:.0f} s", file=sys.stderr)
