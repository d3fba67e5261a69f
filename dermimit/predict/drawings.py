"""A figure a photograph: the answer as drawn, and where in the photograph it comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from dermimit.explain.attributions import METHODS, attribution, methods_for
from dermimit.explain.figures import answer_figure, show_photo
from dermimit.explain.style import RED, pretty
from dermimit.predict.photographs import Answers, normalised, prediction_of
from dermimit.prediction import DISCLAIMER
from dermimit.records import write_atomically
from dermimit.train.run import Run

LONGEST = 150  # bytes of a photograph's name that a figure's name keeps; file systems allow 255 with all that is added
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10))}


class Names:
    """File names for figures: those of the photographs, safe on every system, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def name(self, photograph: Path) -> str:
        """A name without suffix: letters, digits, blanks and -_.+() are kept."""
        kept = "".join(c if c.isalnum() or c in " -_.+()" else "_" for c in photograph.stem)[:LONGEST]
        kept = kept.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").strip(" .")
        base = f"_{kept}" if not kept or kept.split(".")[0].lower() in RESERVED else kept
        found, number = base, 1
        while found.casefold() in self._given:
            number += 1
            found = f"{base}-{number}"
        self._given.add(found.casefold())
        return found


def _check_method(run: Run, task: str, method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"maps: unknown method {method!r}; choose one of {', '.join(METHODS)}")
    if method not in (able := methods_for(run, task)):
        raise ValueError(f"maps: {method} cannot explain {task} of this run; choose one of {', '.join(able)}")


def drawer(
    run: Run, task: str, figures: Path | None, method: str | None, maps: Path | None
) -> Callable[[Answers, np.ndarray], dict[str, list[str]]]:
    """What draws a batch of answers.

    Args:
        run: that gave them.
        task: whose most probable class the maps explain.
        figures: folder for `answer_figure` of each photograph; None for none.
        method: of attribution, one of `METHODS`; None for no maps.
        maps: folder for the maps, where there is a method.

    Returns:
        a function of a batch, and of which of its answers are given, that writes the PNG files and tells their names,
        in columns `figure` and `map`. An answer that is withheld is not drawn, and has no name.

    Raises:
        ValueError: the method is unknown, or cannot explain this task of this run.
    """
    if method is not None:
        _check_method(run, task, method)
    names = Names()

    def draw(answers: Answers, given: np.ndarray) -> dict[str, list[str]]:
        stems = [names.name(file) if yes else "" for file, yes in zip(answers.files, given, strict=True)]
        found: dict[str, list[str]] = {}
        if figures is not None:
            found["figure"] = [f"{stem}.png" if stem else "" for stem in stems]
            for i in np.flatnonzero(given):
                save(answer_figure(prediction_of(run, answers, int(i))), figures / found["figure"][i])
        if method is not None and maps is not None:
            found["map"] = [f"{stem}.{method}.png" if stem else "" for stem in stems]
            for i, figure in _overlays(run, answers, np.flatnonzero(given), task, method):
                save(figure, maps / found["map"][i])
        return found

    return draw


def save(figure: Figure, path: Path) -> None:
    """Writes a figure, whole or not at all, and closes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower().removeprefix(".") or "png"
    write_atomically(path, lambda p: figure.savefig(p, format=kind))
    plt.close(figure)


def _overlays(run: Run, answers: Answers, rows: np.ndarray, task: str, method: str):
    """Row -> figure of the map over the photograph."""
    if not len(rows):
        return
    found = attribution(run, normalised(run, answers.views[rows]), task, None, method, progress=False)
    for i, values, which in zip(rows, found.map.cpu().numpy(), found.classes.tolist(), strict=True):
        name, p = run.label_space.classes(task)[which], answers.probability[task][i][which]
        yield int(i), overlay(answers.views[i].permute(1, 2, 0).numpy(), values, f"{pretty(name)}, {p:.0%}", method)


def overlay(photo: np.ndarray, values: np.ndarray, answer: str, method: str) -> Figure:
    """A photograph beside itself under a map.

    Args:
        photo: uint8 (H, W, 3).
        values: (H, W) in [0, 1].
        answer: what the map explains.
        method: that made it.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.8), layout="constrained")
    show_photo(axes[0], photo, answer)
    show_photo(axes[1], photo, pretty(method))
    picture = axes[1].imshow(values, cmap="magma", vmin=0, vmax=1, alpha=0.6, interpolation="nearest")
    figure.colorbar(picture, ax=axes[1], label="relevance, scaled in each map", shrink=0.8)
    figure.supxlabel(DISCLAIMER, fontsize=8, color=RED, weight="bold", x=0.01, ha="left")
    return figure
