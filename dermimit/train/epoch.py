"""One epoch of training: learning rate, steps, and what is reported of them."""

from contextlib import nullcontext

import torch
from accelerate import Accelerator
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from dermimit.data import PhotoDataset
from dermimit.data.lesion_channel import WithLesionMap
from dermimit.data.skin import skin_group
from dermimit.data.transforms import CutMix
from dermimit.train.config import TrainConfig
from dermimit.train.gradients import conflict, project_conflicts, replace_gradients, task_gradients
from dermimit.train.group_dro import objectives_by_group
from dermimit.train.long_tail import disease_loss, even_order, rest_all_but_classifiers
from dermimit.train.losses import first_nonfinite, task_objectives
from dermimit.train.order import InOrder, epoch_seed, even_groups, sample_order
from dermimit.train.processes import agree_on_buffers, shares, without_wrappers


class NonFiniteLossError(FloatingPointError):
    """A loss or the gradient became NaN or infinite; the message names the step, the photographs, the last good
    checkpoint and what to try."""


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
    measured of the gradients.

    A batch is the same photographs, augmented in the same way, whatever the number of processes and of workers.
    CutMix mixes within a process's share of the batch; with a probability of 0, and no batch normalisation on CPUs, the
    numbers of several processes are those of one but for rounding.
    """
    seed = epoch_seed(config.seed, epoch)
    torch.manual_seed(seed + accelerator.process_index)
    shuffle = torch.Generator().manual_seed(seed)
    own_share = torch.Generator().manual_seed(seed + accelerator.process_index)
    cutmix = CutMix(config.cutmix_alpha, config.cutmix_probability, own_share)
    count = config.steps_per_epoch * config.batch_size
    diseases = photos.targets.get("disease")
    if config.sampling == "diseases":
        order = even_order(diseases, count, seed + 11)
    else:
        order = sample_order(len(photos), epoch * count, count, config.seed)
    skin = torch.from_numpy(skin_group(photos.frame["fitzpatrick"])) if config.even_skin or config.group_dro else None
    if config.even_skin:
        order = even_groups(skin, count, epoch_seed(config.seed, epoch) + 13)
    how = {"num_workers": config.workers, "pin_memory": accelerator.device.type == "cuda", "drop_last": True}
    loader = accelerator.prepare(DataLoader(InOrder(photos, order, seed), config.batch_size, **how))
    weights = {task: config.weight(task) for task in config.tasks}
    multi_label = [task for task in config.tasks if photos.label_space.multi_label(task)]
    own = {"disease": disease_loss(config.disease_loss, diseases)} if "disease" in config.tasks else {}
    bare, pcgrad = without_wrappers(model, accelerator), config.balance == "pcgrad"
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
        parts = shares(targets, config.accumulate, multi_label, accelerator)
        for number, share in enumerate(parts):
            part = {task: target.tensor_split(len(parts))[number] for task, target in targets.items()}
            with accelerator.no_sync(model) if number < len(parts) - 1 else nullcontext():
                with accelerator.autocast():
                    logits, out = model(images.tensor_split(len(parts))[number])
                logits = {task: z.float() for task, z in logits.items()}
                asked = (logits, out, part, weights, config.supervise == "both", multi_label, own)
                objectives, losses = task_objectives(*asked)
                if config.group_dro:
                    objectives = bare.group_weights(objectives_by_group(skin[batch["index"].cpu()], *asked))
                objectives, losses = ({t: v * share[t] for t, v in values.items()} for values in (objectives, losses))
                loss = bare.loss_weights(objectives) if config.balance == "uncertainty" else sum(objectives.values())
                if bad := first_nonfinite(losses, loss):
                    raise_nonfinite(f"{bad} loss", step, photos, batch["index"], config)
                if config.watch_gradients and step % config.watch_gradients == 0:
                    measured.append(conflict(gradients_of(objectives, shared, accelerator)))
                surgery = project_conflicts(gradients_of(objectives, shared, accelerator), shuffle) if pcgrad else None
                accelerator.backward(loss)
            for name, value in {"loss": loss.detach(), **{f"loss/{t}": v for t, v in losses.items()}}.items():
                sums[name] = sums.get(name, 0) + value
        if surgery is not None:
            replace_gradients(shared, surgery)
        norm = accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
        if not torch.isfinite(norm):
            raise_nonfinite("norm of the gradient", step, photos, batch["index"], config)
        optimizer.step()
        optimizer.zero_grad()
        if ema is not None:
            ema.update(bare, step=step)
    for module in (bare, *([ema] if ema is not None else [])):
        agree_on_buffers(module, accelerator)
    totals = accelerator.reduce(torch.stack(list(sums.values())), "mean") / len(loader)
    means = dict(zip(sums, totals.tolist(), strict=True)) | {"lr": learning_rate(step, config)}
    names = measured[0] if measured else ()
    return means | {f"gradient/{name}": sum(m[name] for m in measured) / len(measured) for name in names}


def gradients_of(
    objectives: dict[str, Tensor], shared: list[nn.Parameter], accelerator: Accelerator
) -> dict[str, Tensor]:
    """`task_gradients`, as the mean over all processes."""
    return {task: accelerator.reduce(g, "mean") for task, g in task_gradients(objectives, shared).items()}


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up over the first share `config.warmup` of the steps, then a cosine to zero."""
    warm = round(config.warmup * config.steps)
    if step < warm:
        return config.lr * (step + 1) / warm
    progress = (step - warm) / max(1, config.steps - warm)
    return config.lr * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * progress))))


def raise_nonfinite(
    name: str, step: int, photos: PhotoDataset | WithLesionMap, index: torch.Tensor, config: TrainConfig
) -> None:
    """Says all that is needed to find out why."""
    images = ", ".join(photos.frame["image"].iloc[index.cpu().numpy()])
    last = config.out / "last.safetensors"
    raise NonFiniteLossError(
        f"the {name} is not finite at step {step} of {config.steps} (lr {learning_rate(step, config):.3g}); "
        f"photographs: {images}; last good checkpoint: {last if last.exists() else 'none'}; "
        f"try a lower lr (such as {config.lr / 3:.2g}), a lower clip_norm, a longer warmup"
        f"{' or precision=no' if config.precision != 'no' else ''}, in a new folder"
    )
