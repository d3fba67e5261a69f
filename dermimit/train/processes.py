"""Training on several processes: started by torchrun, `accelerate launch` or srun."""

import os
import re
from collections.abc import MutableMapping
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from accelerate.state import AcceleratorState
from jaxtyping import Float
from torch import Tensor, nn

from dermimit.train.config import TrainConfig

SHARING = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)
PORTS = 20_000  # of the first process, from here on: one of a thousand, by the job's number


def accelerator_of(precision: str, **options: Any) -> Accelerator:
    """An Accelerator of this precision, also where this process has made one of another before: accelerate keeps the
    first one's for the whole process, and refuses a second.

    Args:
        precision: "no", "bf16" or "fp16".
        **options: of Accelerator.
    """
    if AcceleratorState._shared_state and AcceleratorState().mixed_precision != precision:
        AcceleratorState._reset_state()
    return Accelerator(mixed_precision=precision, **options)


def understand_slurm(environment: MutableMapping[str, str] = os.environ) -> None:
    """Where srun started this process as one of several: says so in the words that torch and accelerate know.

    RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set, unless torchrun has set RANK.
    The number of processes is the step's: a batch script that calls no srun is one process, whatever it reserved.

    Args:
        environment: read and changed.
    """
    processes = int(environment.get("SLURM_STEP_NUM_TASKS", 1))
    if processes < 2 or "RANK" in environment:
        return
    nodes = environment.get("SLURM_STEP_NODELIST") or environment["SLURM_JOB_NODELIST"]
    here = environment.get("SLURM_STEP_TASKS_PER_NODE", str(processes)).partition("(")[0].partition(",")[0]
    environment["RANK"] = environment["SLURM_PROCID"]
    environment["WORLD_SIZE"] = str(processes)
    environment["LOCAL_RANK"] = environment["SLURM_LOCALID"]
    environment["LOCAL_WORLD_SIZE"] = here
    environment.setdefault("MASTER_ADDR", first_node(nodes))
    environment.setdefault("MASTER_PORT", str(PORTS + int(environment["SLURM_JOB_ID"]) % 1000))


def first_node(nodes: str) -> str:
    """The first of Slurm's list of nodes: "gpu[03-05,9],cpu1" gives "gpu03"."""
    name, _, rest = nodes.partition("[")
    if not rest or "," in name:
        return name.partition(",")[0]
    number, _, after = rest.partition("]")
    return name + re.split("[-,]", number)[0] + after.partition(",")[0]


def check_batch(config: TrainConfig, accelerator: Accelerator) -> None:
    """Raises ValueError if a batch cannot be shared evenly among the processes or is too small to be compiled, where a
    setting reads the whole batch, or where the processes were started to share the weights among them."""
    processes, kind = accelerator.num_processes, accelerator.distributed_type
    if kind in SHARING:
        raise ValueError(
            f"accelerate was started with {kind.value}, which shares the weights among the processes; checkpoints here "
            "are whole: start it without, each process then holds the model"
        )
    if config.batch_size % processes:
        raise ValueError(
            f"TrainConfig.batch_size={config.batch_size}: must be a multiple of the {processes} processes "
            "that share it; start another number of processes, or change it"
        )
    whole = {
        f"group_dro={config.group_dro}": config.group_dro > 0,
        "balance=uncertainty": config.balance == "uncertainty",
        "cim_shuffled=True": bool(config.model_kwargs.get("cim_shuffled")),
    }
    if processes > 1 and (read := [name for name, asked in whole.items() if asked]):
        raise ValueError(
            f"TrainConfig: {read[0]} reads the whole batch, which {processes} processes share, so that the numbers "
            "would be others: start one process, or leave it out"
        )
    if config.compile != "no" and config.batch_size // processes // config.accumulate < 2:
        raise ValueError(
            f"TrainConfig.compile={config.compile!r}: needs parts of two photographs or more (batch_size / processes / "
            "accumulate); with one, torch lets two gradients share their memory, and adds to both what is one's"
        )


def normalising_together(model: nn.Module, accelerator: Accelerator) -> nn.Module:
    """The model with batch statistics over all processes, where there are several; torch does so on GPUs only."""
    several = accelerator.num_processes > 1 and accelerator.device.type == "cuda"
    return nn.SyncBatchNorm.convert_sync_batchnorm(model) if several else model


def without_wrappers(model: nn.Module, accelerator: Accelerator) -> nn.Module:
    """The model itself, under what torch.compile and several processes put around it."""
    model = accelerator.unwrap_model(model, keep_torch_compile=False)
    return getattr(model, "_orig_mod", model)


def agree_on_buffers(model: nn.Module, accelerator: Accelerator) -> None:
    """Gives each process the mean of all processes' running statistics, so that all evaluate the same model."""
    for buffer in model.buffers() if accelerator.num_processes > 1 else ():
        if buffer.is_floating_point():
            buffer.copy_(accelerator.reduce(buffer, "mean"))


def shares(
    targets: dict[str, Float[Tensor, "batch _"]], parts: int, multi_label: list[str], accelerator: Accelerator
) -> list[dict[str, Tensor | float]]:
    """By how much the mean loss of each part counts, so that all parts of all processes make the mean of the batch.

    A loss is a mean over the labels that are known, and parts may know different numbers of them. Gradients are added
    over parts and averaged over P processes: a part that holds k of the K known labels of a task counts k P / K.

    Args:
        targets: task -> (B, C) of this process, NaN where unknown.
        parts: number of parts of this process.
        multi_label: tasks whose labels count one by one; the others' count by rows.

    Returns:
        for each part, task -> a factor, 1 for the one part of a single process.
    """
    if parts == accelerator.num_processes == 1:
        return [dict.fromkeys(targets, 1.0)]
    known = torch.stack([_known(target, task in multi_label, parts) for task, target in targets.items()])
    total = accelerator.reduce(known.sum(dim=1), "sum").clamp(min=1)
    factors = known * accelerator.num_processes / total[:, None]
    return [dict(zip(targets, column, strict=True)) for column in factors.T]


def _known(target: Tensor, one_by_one: bool, parts: int) -> Tensor:
    known = ~target.isnan()
    known = known.sum(dim=1) if one_by_one else known.all(dim=1)
    return torch.stack([part.sum() for part in known.tensor_split(parts)]).float()
