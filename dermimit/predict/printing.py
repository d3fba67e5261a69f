"""Answers as the command line shows them."""

from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.predict.inputs import Found
from dermimit.predict.photographs import Answers, prediction_of
from dermimit.predict.rules import Reading
from dermimit.predict.table import printable
from dermimit.predict.text import describe
from dermimit.shown import shown
from dermimit.train.run import Run


class Showing:
    """Prints and draws the answers of one batch after the other, for `dermimit.predict.table.predict_photos`.

    Args:
        run: that gives them.
        reading: of its answers.
        top: length of the differential; 0 prints no answer.
        figure: file for a figure of the first photograph.
        figures, method, maps: see `dermimit.predict.drawings.drawer`.

    Raises:
        ValueError: the method is unknown, or cannot explain this run.
    """

    def __init__(
        self,
        run: Run,
        reading: Reading,
        top: int,
        figure: Path | None = None,
        figures: Path | None = None,
        method: str | None = None,
        maps: Path | None = None,
    ) -> None:
        self.run, self.reading, self.top, self.figure = run, reading, top, figure
        self.draw = None
        if figures or method:
            from dermimit.predict.drawings import drawer

            self.draw = drawer(run, reading.task, figures, method, maps)

    def __call__(self, answers: Answers, given: np.ndarray) -> dict[str, list[str]]:
        """Show a batch; returns the names of the figures, as the drawer does."""
        for i, file in enumerate(answers.files):
            if self.top:
                text = self._text(answers, i) if given[i] else self._withheld(answers, i)
                print(f"{shown(printable(file))}\n{text}\n")
            if self.figure is not None and given[i]:
                from dermimit.predict.drawings import answer_figure, save

                save(answer_figure(prediction_of(self.run, answers, i)), self.figure)
                print(f"figure: {self.figure}\n")
                self.figure = None
        return self.draw(answers, given) if self.draw else {}

    def _text(self, answers: Answers, i: int) -> str:
        return describe(prediction_of(self.run, answers, i), self.top)

    def _withheld(self, answers: Answers, i: int) -> str:
        return f"withheld: its confidence is {answers.probability[self.reading.task][i].max():.1%}"


def summary(table: pd.DataFrame, reading: Reading, counts: bool, out: Path | None) -> str:
    """What is said of all answers together.

    Args:
        table: from `predict_photos`.
        reading: of the answers.
        counts: also count them by most probable class.
        out: where the table lies, if anywhere.

    Returns:
        lines, each with its end.
    """
    read = table[table["error"].isna()]
    given = read[read["answered"].astype(bool)] if "answered" in read else read
    lines, best = [], f"{reading.task}_1"
    if counts and best in given:
        lines += [f"{len(given)} photographs by most probable {reading.task.replace('_', ' ')}"]
        lines += [f"  {shown(name):<32} {count:>6}" for name, count in given[best].value_counts().items()]
    if (rule := reading.rule) is not None:
        lines += [
            f"{len(read) - len(given)} of {len(read)} answers withheld: confidence below {rule.threshold:.3f}",
            f"  on the validation split this rule answers {rule.answered} of {rule.photos} photographs "
            f"({rule.coverage:.0%}), {rule.wrong} of them wrong ({rule.risk:.1%}, 95 % interval by {rule.by} "
            f"{rule.low:.1%} to {rule.high:.1%}); that split also chose the epoch, so expect slightly more errors",
        ]
    if out is not None:
        without = len(table) - len(read)
        lines += [f"{out}: {len(table)} photographs" + (f", {without} without an answer" if without else "")]
    return "".join(f"{line}\n" for line in lines)


def remarks(table: pd.DataFrame, reading: Reading, found: Found, undrawn: Path | None = None) -> list[str]:
    """What was not done: files passed over or named twice, tasks that are not calibrated, photographs not read, and a
    figure that no answer was given for."""
    lines = [*reading.notes, *(f"passed over: {shown(what)}" for what in found.passed_over)]
    lines += [f"{undrawn}: not drawn, for no answer was given"] if undrawn else []
    lines += [f"{found.repeated} named more than once, answered once"] if found.repeated else []
    unread = table[table["error"].notna()]
    lines += [f"{len(unread)} of {len(table)} photographs could not be read:"] if len(unread) else []
    return lines + [f"  {shown(file)}: {shown(why)}" for file, why in zip(unread["file"], unread["error"], strict=True)]
