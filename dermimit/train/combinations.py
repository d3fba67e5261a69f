"""Settings of a run that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dermimit.train.config import TrainConfig


def check_parts(config: TrainConfig) -> None:
    """Raises ValueError, naming the field, for what cannot be computed in parts, or compiled."""
    whole = config.balance != "sum" or config.watch_gradients or config.group_dro
    why = "1 with this balance, watch_gradients or group_dro"
    config.require("accumulate", config.accumulate == 1 or not whole, why)
    config.require("accumulate", config.accumulate <= config.batch_size, f"at most batch_size = {config.batch_size}")
    kept = config.reads_task_gradients
    config.require("compile", config.compile == "no" or not kept, "no with balance=pcgrad or watch_gradients")
    graphs = config.compile == "reduce-overhead" and config.accumulate > 1
    config.require("compile", not graphs, "default with accumulate: a replayed graph overwrites its last gradients")
    if config.model_kwargs.get("cim_shuffled"):
        why = "with cim_shuffled: each photograph asks another one of its"
        config.require("accumulate", config.accumulate == 1, f"1 {why} batch, not of its part")
        config.require("batch_size", config.batch_size > 1, f"2 or more {why} batch")


def check_only_task(config: TrainConfig) -> None:
    """Raises ValueError, naming the field, for what has no meaning where one task is trained."""
    if len(config.tasks) == 1:
        (task,) = config.tasks
        config.require(f"weight_{task}", config.weight(task) > 0, "above 0 for the only task: nothing else is trained")
        config.require("balance", config.balance == "sum", "sum with one task: there are no others to balance it with")


def check_second_loss(config: TrainConfig) -> None:
    """Raises ValueError where a second loss would be ignored, or be the only one."""
    if config.second_loss:
        several, after = len(config.tasks) > 1, config.supervise == "after"
        config.require("second_loss", not several, "false with several tasks: it is a control for one, name one task")
        config.require("second_loss", not after, "false with supervise=after, which leaves one loss: take both")
