"""Trainings of one network that share their first steps, and go on after a stop with the same numbers.

The learning rate is constant after a warm-up; for each budget a copy is trained with a rate that falls to zero. A
budget of n photographs so costs `cooldown` x n of its own, and not n.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dermimit.records import write_atomically
from studies.synderm_checks.arrays import Arrays
from studies.synderm_checks.reached import ReachedSettings, build, loss_of, pixels

KEEP = 400  # steps between two writes of the state


@dataclass
class Leg:
    """A network in training, its optimizer and the number of steps it made, kept in a file."""

    settings: ReachedSettings
    kept: Path
    model: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)
    step: int = 0

    def __post_init__(self) -> None:
        self.model = build(self.settings)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), self.settings.lr, weight_decay=self.settings.weight_decay
        )
        if self.kept.exists():
            self.read(self.kept)

    def read(self, path: Path) -> None:
        """Take the state of a file."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def write(self) -> None:
        """Keep the state in `kept`, whole or not at all."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.kept, lambda draft: torch.save(state, draft))

    def go(self, arrays: Arrays, until: int, share: Callable[[int], float]) -> None:
        """Train up to a number of steps; `share` says which share of the learning rate a step has."""
        self.model.train()
        while self.step < until:
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.lr * share(self.step)
            loss = self._one(arrays)
            self.step += 1
            if self.step % KEEP == 0 or self.step == until:
                print(f"{self.kept.stem}: step {self.step} of {until}, loss {loss:.3f}", flush=True)
                self.write()

    def _one(self, arrays: Arrays) -> float:
        """One step on photographs of which half are mirrored; which ones follows from the number of the step alone."""
        rows = batch(len(arrays), self.settings, self.step)
        x = pixels(arrays.images[rows])
        mirrored = torch.from_numpy(np.random.default_rng([self.settings.seed, 1, self.step]).random(len(x)) < 0.5)
        x[mirrored] = x[mirrored].flip(-1)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = self.model(x)
        loss = loss_of(outputs, arrays, rows, self.settings)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


def batch(n: int, settings: ReachedSettings, step: int) -> np.ndarray:
    """Rows of a step: all cases in an order of their own for each epoch; what does not fill a batch is left out."""
    epoch, place = divmod(step, n // settings.batch_size)
    order = np.random.default_rng([settings.seed, 0, epoch]).permutation(n)
    return order[place * settings.batch_size : (place + 1) * settings.batch_size]


def trained(settings: ReachedSettings, arrays: Arrays, folder: Path) -> Iterator[tuple[int, nn.Module]]:
    """Each budget and the network trained for it, in turn.

    Args:
        settings: with rising budgets.
        arrays: the training cases, at least a batch.
        folder: where the states are kept; of these settings, data and no others.

    Raises:
        ValueError: a budget is smaller than one before.
    """
    trunk = Leg(settings, folder / "constant.pt")
    for budget in settings.budgets:
        last = budget // settings.batch_size
        fork = last - round(settings.cooldown * last)
        leg = Leg(settings, folder / f"{budget}.pt")
        if leg.step == 0:
            if trunk.step > fork:
                message = (
                    f"{trunk.kept} is at step {trunk.step}, past {fork}: budgets rise; delete {folder} to begin anew"
                )
                raise ValueError(message)
            trunk.go(arrays, fork, lambda step: min(1.0, (step + 1) / settings.warmup))
            leg.read(trunk.kept)
        leg.go(arrays, last, lambda step, last=last, fork=fork: (last - step) / (last - fork))  # type: ignore[misc]
        yield budget, leg.model.eval()
