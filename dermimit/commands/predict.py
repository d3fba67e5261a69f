"""`dermimit predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    import pandas as pd

    from dermimit.predict.rules import Reading

MANY = 20  # photographs whose answers are printed where there is also a table


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    paths: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    top: int = 5,
    out: Path | None = None,
    calibrated: bool = False,
    abstain: float | None = None,
    figure: Path | None = None,
    figures: Path | None = None,
    maps: str | None = None,
    maps_out: Path | None = None,
    batch_size: int = 64,
) -> int:
    """Say what a trained run thinks of photographs. Exit code 1 if some could not be read, 2 if none could.

    Args:
        run: folder of a finished run.
        paths: image files; folders, searched to any depth; patterns in quotes, such as "photos/*.jpg"; tables of paths
            (.csv, .tsv, .txt, .parquet) with a column image, file or path, or one path a line.
        top: length of the differential.
        out: also write a table of all probabilities, one row a photograph (.csv, .parquet or .json); of more than 20
            photographs only a summary is printed then.
        calibrated: probabilities after temperature scaling, fitted on the run's validation split.
        abstain: withhold the least confident answers, so that at most this share of the others is wrong on the run's
            validation split, such as 0.1.
        figure: draw the first photograph's selected patches and probabilities into this file (.png, .svg, .pdf).
        figures: folder for such a figure of each photograph.
        maps: draw where each answer comes from, by this method of attribution, such as integrated_gradients.
        maps_out: folder for the maps; without it that of the figures.
        batch_size: photographs in one pass; the numbers do not depend on it.
    """
    from dermimit.predict.inputs import find_photographs
    from dermimit.predict.rules import reading_of
    from dermimit.predict.table import check_table, predict_photos, printable, write_table
    from dermimit.prediction import DISCLAIMER
    from dermimit.train import load_run

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show stops nothing
    if out is not None:
        check_table(out)
    if maps is not None and not (maps_out or figures):
        raise ValueError("maps: name a folder for them, with --maps-out or --figures")
    found = find_photographs(paths)
    loaded = load_run(run)
    reading = reading_of(loaded, calibrated, abstain)
    brief = out is not None and len(found.files) > MANY
    shower = _Shower(loaded, reading, 0 if brief else top, figure, figures, maps, maps_out or figures)
    asked = {"calibrated": calibrated, "abstain": abstain, "batch_size": batch_size}
    table = predict_photos(loaded, found, top=top, progress=brief, show=shower, **asked)
    unread = table[table["error"].notna()]
    if out is not None:
        write_table(table, out)
    print(_summary(table, reading, brief, out), end="")
    if len(unread) < len(table):
        print(DISCLAIMER)
    for note in [*reading.notes, *(f"passed over: {what}" for what in found.passed_over)]:
        print(printable(note), file=sys.stderr)
    if found.repeated:
        print(f"{found.repeated} named more than once, answered once", file=sys.stderr)
    if len(unread):
        print(f"{len(unread)} of {len(table)} photographs could not be read:", file=sys.stderr)
        for file, why in zip(unread["file"], unread["error"], strict=True):
            print(f"  {file}: {printable(why)}", file=sys.stderr)
    return 0 if unread.empty else 1 if len(unread) < len(table) else 2


class _Shower:
    """Prints and draws the answers of a batch; `top` 0 prints none."""

    def __init__(self, run, reading, top, figure, figures, method, maps) -> None:
        self.run, self.reading, self.top, self.figure = run, reading, top, figure
        self.draw = None
        if figures or method:
            from dermimit.predict.drawings import check_method, drawer

            if method:
                check_method(run, reading.task, method)
            self.draw = drawer(run, reading.task, figures, method, maps)

    def __call__(self, answers, given) -> dict[str, list[str]]:
        from dermimit.predict.photographs import prediction_of
        from dermimit.predict.table import printable
        from dermimit.predict.text import describe

        for i, file in enumerate(answers.files):
            if not self.top and self.figure is None:
                break
            prediction = prediction_of(self.run, answers, i)
            if self.top:
                confidence = prediction.answers[self.reading.task].iloc[0]
                text = describe(prediction, self.top) if given[i] else f"withheld: its confidence is {confidence:.1%}"
                print(f"{printable(file)}\n{text}\n")
            if self.figure is not None and given[i]:
                from dermimit.explain.figures import answer_figure
                from dermimit.predict.drawings import save

                save(answer_figure(prediction), self.figure)
                print(f"figure: {self.figure}\n")
                self.figure = None
        return self.draw(answers, given) if self.draw else {}


def _summary(table: pd.DataFrame, reading: Reading, brief: bool, out: Path | None) -> str:
    """What is said of all answers together, each line with its end."""
    read = table[table["error"].isna()]
    given = read[read["answered"].astype(bool)] if "answered" in read else read
    lines = []
    best = f"{reading.task}_1"
    if brief and best in given:
        lines += [f"{len(given)} photographs by most probable {reading.task.replace('_', ' ')}"]
        lines += [f"  {name:<32} {count:>6}" for name, count in given[best].value_counts().items()]
    if (rule := reading.rule) is not None:
        lines += [
            f"{len(read) - len(given)} of {len(read)} answers withheld: confidence below {rule.threshold:.3f}",
            f"  on the validation split this rule answers {rule.answered} of {rule.photos} photographs "
            f"({rule.coverage:.0%}), {rule.wrong} of them wrong ({rule.risk:.1%}, 95 % interval {rule.low:.1%} to "
            f"{rule.high:.1%}); that split also chose the epoch, so expect slightly more errors",
        ]
    if out is not None:
        lines += [f"{out}: {len(table)} photographs" + (f", {len(table) - len(read)} without an answer"
                                                         if len(read) < len(table) else "")]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)
