"""One epoch of training: learning rate, steps, and what is reported of them."""

from contextlib import nullcontext

import torch
from accelerate import Accelerator
from timm.utils import ModelEmaV3
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from dermimit.data.labelled import LabelledPhotos
from dermimit.data.transforms import CutMix
from dermimit.evaluate.predictions import laid_out
from dermimit.train.config import TrainConfig
from dermimit.train.losses import first_nonfinite
from dermimit.train.order import InOrder, epoch_seed
from dermimit.train.processes import agree_on_buffers, shares, without_wrappers
from dermimit.train.recipe import Recipe
from dermimit.train.tokens import trunk_tokens


class NonFiniteLossError(FloatingPointError):
    """A loss or the gradient became NaN or infinite; the message names the step, the photographs, the last good
    checkpoint and what to try."""


def train_one_epoch(
    model: nn.Module,
    ema: ModelEmaV3 | None,
    optimizer: torch.optim.Optimizer,
    photos: LabelledPhotos,
    config: TrainConfig,
    epoch: int,
    accelerator: Accelerator,
    recipe: Recipe,
) -> dict[str, float]:
    """One epoch of `config.steps_per_epoch` steps; returns the mean losses, the last learning rate, and what was
    measured of the gradients.

    `loss` is the mean of what was minimised. `loss/<task>` is the mean over the batches that know a label of the task,
    NaN where none does.

    A batch is the same photographs, augmented in the same way, whatever the number of processes and of workers.
    CutMix mixes within a process's share of the batch; with a probability of 0, and no batch normalisation on CPUs, the
    numbers of several processes are those of one but for rounding, unless chance is in the model (drop_path, dropout,
    selection=random).

    Raises:
        NonFiniteLossError: a loss or the norm of the gradient is not finite.
    """
    seed = epoch_seed(config.seed, epoch)
    torch.manual_seed(seed + accelerator.process_index)
    chance = torch.Generator().manual_seed(seed + accelerator.process_index)
    cutmix = CutMix(config.cutmix_alpha, config.cutmix_probability, chance)
    loader = batches(InOrder(photos, recipe.order(epoch), seed), config, accelerator)
    bare, parts = without_wrappers(model, accelerator), config.accumulate
    multi_label = [task for task in config.tasks if photos.label_space.multi_label(task)]
    sums: dict[str, torch.Tensor] = {}
    known: list[torch.Tensor] = []
    measured: list[dict[str, float]] = []
    single = with_one_set(bare)
    recipe.mode(bare)
    for i, batch in enumerate(tqdm(loader, f"epoch {epoch + 1}/{config.epochs}", disable=None, leave=False)):
        step = epoch * config.steps_per_epoch + i
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config) * group.get("lr_scale", 1.0)
        images, targets = laid_out(batch["image"]), batch["targets"]
        if not config.views:
            images, targets = cutmix(images, targets)
        elif images.ndim == 4:
            with accelerator.autocast():
                images = trunk_tokens(bare.trunk, images)
        factors = shares(targets, parts, multi_label, accelerator)
        known.append(torch.stack([(~target.isnan()).any() for target in targets.values()]).float())
        pieces = zip(factors, images.tensor_split(parts), batch["index"].tensor_split(parts), strict=True)
        for number, (share, piece, index) in enumerate(pieces):
            truth = {task: target.tensor_split(parts)[number] for task, target in targets.items()}
            with accelerator.no_sync(model) if number < parts - 1 else nullcontext():
                with accelerator.autocast():
                    logits, out = model(piece)
                logits = {task: z.float() for task, z in logits.items()}
                out = {**out, **{f"{task}/logits_before": logits[task] for task in single}}
                found = recipe.objectives(logits, out, truth, index)
                objectives, losses = ({task: v * share[task] for task, v in values.items()} for values in found)
                loss = recipe.total(objectives)
                if bad := first_nonfinite(losses, loss):
                    raise_nonfinite(f"{bad} loss", step, photos, batch["index"], config)
                measured.append(recipe.backward(objectives, loss, step))
            for name, value in {"loss": loss.detach(), **{f"loss/{t}": v for t, v in losses.items()}}.items():
                sums[name] = sums.get(name, 0) + value
        norm = accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
        if not torch.isfinite(norm):
            raise_nonfinite("norm of the gradient", step, photos, batch["index"], config)
        optimizer.step()
        optimizer.zero_grad()
        if ema is not None:
            ema.update(bare, step=step)
    for module in (bare, *([ema] if ema is not None else [])):
        agree_on_buffers(module, accelerator)
    totals = dict(zip(sums, accelerator.reduce(torch.stack(list(sums.values())), "mean").tolist(), strict=True))
    told = (accelerator.reduce(torch.stack(known), "sum") > 0).sum(dim=0).tolist()
    batches_of = {"loss": len(loader)} | {f"loss/{task}": n for task, n in zip(targets, told, strict=True)}
    means = {name: total / n if (n := batches_of[name]) else float("nan") for name, total in totals.items()}
    means["lr"] = learning_rate(step, config)
    return means | means_of([row for row in measured if row])


def with_one_set(model: nn.Module) -> list[str]:
    """Tasks whose answer is the only set of logits that the model has of them, which counts once in the loss.

    A conversion of precision copies it, so that the two names of it are no longer one tensor.
    """
    before, after = (getattr(model, f"classifiers_{when}", {}) for when in ("before", "after"))
    return [task for task in getattr(model, "tasks", ()) if not (task in before and task in after)]


def batches(photos: InOrder, config: TrainConfig, accelerator: Accelerator) -> DataLoader:
    """Batches of the photographs in their order, shared among the processes."""
    how = {"num_workers": config.workers, "pin_memory": accelerator.device.type == "cuda", "drop_last": True}
    return accelerator.prepare(DataLoader(photos, config.batch_size, **how))


def means_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each name over rows of the same names; nothing of no rows."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in (rows[0] if rows else ())}


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up over the first share `config.warmup` of the steps, then a cosine to zero."""
    warm = round(config.warmup * config.steps)
    if step < warm:
        return config.lr * (step + 1) / warm
    progress = (step - warm) / max(1, config.steps - warm)
    return config.lr * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * progress))))


def raise_nonfinite(name: str, step: int, photos: LabelledPhotos, index: torch.Tensor, config: TrainConfig) -> None:
    """Says all that is needed to find out why."""
    images = ", ".join(photos.frame["image"].iloc[index.cpu().numpy()])
    last = config.out / "last.safetensors"
    raise NonFiniteLossError(
        f"the {name} is not finite at step {step} of {config.steps} (lr {learning_rate(step, config):.3g}); "
        f"photographs: {images}; last good checkpoint: {last if last.exists() else 'none'}; "
        f"try a lower lr (such as {config.lr / 3:.2g}), a lower clip_norm, a longer warmup"
        f"{' or precision=no' if config.precision != 'no' else ''}, in a new folder"
    )
