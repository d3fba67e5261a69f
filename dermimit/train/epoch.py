"""One epoch of training: order, learning rate, steps, and what is reported of them."""

import torch
from accelerate import Accelerator
from timm.utils import ModelEmaV3
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from dermimit.data import PhotoDataset
from dermimit.data.lesion_channel import WithLesionMap
from dermimit.data.skin import skin_group
from dermimit.data.transforms import CutMix
from dermimit.train.config import TrainConfig
from dermimit.train.gradients import conflict, project_conflicts, replace_gradients, task_gradients
from dermimit.train.group_dro import even_groups, objectives_by_group
from dermimit.train.long_tail import disease_loss, even_order, rest_all_but_classifiers
from dermimit.train.losses import first_nonfinite, task_objectives


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; the message names the step, the photographs and the last good checkpoint."""


def train_one_epoch(
    model: nn.Module,
    ema: ModelEmaV3 | None,
    optimizer: torch.optim.Optimizer,
    photos: PhotoDataset | WithLesionMap,
    config: TrainConfig,
    epoch: int,
    accelerator: Accelerator,
) -> dict[str, float]:
    """One epoch of `config.steps_per_epoch` steps; returns the mean losses, the last learning rate, and what was
    measured of the gradients."""
    torch.manual_seed(epoch_seed(config.seed, epoch) + accelerator.process_index)
    generator = torch.Generator().manual_seed(epoch_seed(config.seed, epoch) + accelerator.process_index)
    cutmix = CutMix(config.cutmix_alpha, config.cutmix_probability, generator)
    count = config.steps_per_epoch * config.batch_size
    diseases = photos.targets.get("disease")
    if config.sampling == "diseases":
        order = even_order(diseases, count, epoch_seed(config.seed, epoch) + 11)
    else:
        order = sample_order(len(photos), epoch * count, count, config.seed)
    skin = torch.from_numpy(skin_group(photos.frame["fitzpatrick"])) if config.even_skin or config.group_dro else None
    if config.even_skin:
        order = even_groups(skin, count, epoch_seed(config.seed, epoch) + 13)
    loader = accelerator.prepare(
        DataLoader(photos, config.batch_size, sampler=order, num_workers=config.workers, drop_last=True)
    )
    weights = {task: config.weight(task) for task in config.tasks}
    multi_label = [task for task in config.tasks if photos.label_space.multi_label(task)]
    own = {"disease": disease_loss(config.disease_loss, diseases)} if "disease" in config.tasks else {}
    bare, pcgrad = accelerator.unwrap_model(model), config.balance == "pcgrad"
    shared = [p for p in bare.trunk.parameters() if p.requires_grad] if pcgrad or config.watch_gradients else []
    sums: dict[str, torch.Tensor] = {}
    measured: list[dict[str, float]] = []
    model.train()
    if config.train_only == "classifiers":
        rest_all_but_classifiers(bare)
    bar = tqdm(loader, desc=f"epoch {epoch + 1}/{config.epochs}", disable=None, leave=False)
    for i, batch in enumerate(bar):
        step = epoch * config.steps_per_epoch + i
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        images, targets = cutmix(batch["image"].contiguous(memory_format=torch.channels_last), batch["targets"])
        with accelerator.autocast():
            logits, out = model(images)
        logits = {task: z.float() for task, z in logits.items()}
        asked = (logits, out, targets, weights, config.supervise == "both", multi_label, own)
        objectives, losses = task_objectives(*asked)
        if config.group_dro:
            objectives = bare.group_weights(objectives_by_group(skin[batch["index"].cpu()], *asked))
        loss = bare.loss_weights(objectives) if config.balance == "uncertainty" else sum(objectives.values())
        if bad := first_nonfinite(losses, loss):
            raise_nonfinite(bad, step, photos, batch["index"], config)
        if config.watch_gradients and step % config.watch_gradients == 0:
            measured.append(conflict(task_gradients(objectives, shared)))
        surgery = project_conflicts(task_gradients(objectives, shared), generator) if pcgrad else None
        accelerator.backward(loss)
        if surgery is not None:
            replace_gradients(shared, surgery)
        accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        if ema is not None:
            ema.update(accelerator.unwrap_model(model), step=step)
        for name, value in {"loss": loss.detach(), **{f"loss/{t}": v for t, v in losses.items()}}.items():
            sums[name] = sums.get(name, 0) + value
    means = {name: float(value) / len(loader) for name, value in sums.items()} | {"lr": learning_rate(step, config)}
    names = measured[0] if measured else ()
    return means | {f"gradient/{name}": sum(m[name] for m in measured) / len(measured) for name in names}


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


def raise_nonfinite(
    name: str, step: int, photos: PhotoDataset | WithLesionMap, index: torch.Tensor, config: TrainConfig
) -> None:
    """Says all that is needed to find out why."""
    images = ", ".join(photos.frame["image"].iloc[index.cpu().numpy()])
    last = config.out / "last.safetensors"
    raise NonFiniteLossError(
        f"the {name} loss is not finite at step {step} of {config.steps} (lr {learning_rate(step, config):.3g}); "
        f"photographs: {images}; last good checkpoint: {last if last.exists() else 'none'}; "
        "try a lower lr or clip_norm, in a new folder"
    )
