"""What the history of a run decides and tells: one row an epoch."""

from collections.abc import Container

from dermimit.train.config import TrainConfig


def selection_metric(columns: Container[str]) -> str:
    """The validation metric that chooses the epoch: disease macro-F1, or the first task's if there is no disease."""
    order = ("val/disease/macro_f1", "val/attributes/map", "val/body_part/map", "val/body_part/macro_f1")
    return next(name for name in order if name in columns)


def best_epoch(history: list[dict[str, float]]) -> int:
    """The epoch with the best validation score, the earliest of equals."""
    name = selection_metric(history[-1])
    return max(range(len(history)), key=lambda i: (history[i][name], -i))


def epoch_line(row: dict[str, float], config: TrainConfig) -> str:
    """One line for the log."""
    name = selection_metric(row)
    speed = config.steps_per_epoch * config.batch_size / row["seconds"]
    return (f"epoch {row['epoch'] + 1}/{config.epochs}  loss {row['loss']:.3f}  {name} {row[name]:.3f}  "
            f"{speed:.0f} photographs/s")  # fmt: skip
