"""The `dermimit` command: train, probe, predict, evaluate, explore, export, report, models, data, weights, ..."""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tyro

from dermimit.commands import (
    benchmark,
    data_check,
    data_import,
    data_synderm,
    evaluate,
    explore,
    export,
    models,
    predict,
    probe,
    report,
    train,
)
from dermimit.commands import weights as of_weights
from dermimit.commands.repeated import together
from dermimit.extras import MissingExtraError
from dermimit.memory import is_about_memory
from dermimit.reader_study.commands import commands as reader_study
from dermimit.shown import showing, shown_text

PACKAGE = Path(__file__).parent
NO_MEMORY = "out of memory: use fewer photographs at once, smaller ones, a smaller model, or a machine with more"
FROM_TORCH = "Triggered internally at"  # torch names our line as the place of its own warnings


def main(arguments: list[str] | None = None) -> int:
    """Entry point; errors that a user can mend are printed without a traceback."""
    data = tyro.extras.SubcommandApp()
    data.command(name="synderm")(_shown(data_synderm.synderm))
    data.command(name="check")(_shown(data_check.check))
    data.command(name="import")(_shown(data_import.import_table))
    data.command(name="info")(_shown(data_check.info))
    weights = tyro.extras.SubcommandApp()
    weights.command(name="list")(_shown(of_weights.list_known))
    weights.command(name="check")(_shown(of_weights.check))
    weights.command(name="convert")(_shown(of_weights.convert))
    app = tyro.extras.SubcommandApp()
    app.command(name="train")(_shown(train.train))
    app.command(name="probe")(_shown(probe.probe))
    app.command(name="predict")(_shown(predict.predict))
    app.command(name="evaluate")(_shown(evaluate.evaluate))
    app.command(name="explore")(_shown(explore.explore))
    app.command(name="export")(_shown(export.export))
    app.command(name="report")(_shown(report.report))
    benchmarks = tyro.extras.SubcommandApp()
    benchmarks.command(name="list")(_shown(benchmark.list_known))
    benchmarks.command(name="show")(_shown(benchmark.show))
    benchmarks.command(name="verify")(_shown(benchmark.verify))
    app.command(benchmarks, name="benchmark", help="List or show benchmarks, or verify a copy of their data.")
    app.command(name="score")(_shown(benchmark.score))
    app.command(name="models")(_shown(models.models))
    app.command(data, name="data", help="Make, import, check or describe a dataset.")
    app.command(weights, name="weights", help="List, check or convert pretrained weights.")
    app.command(reader_study(), name="reader-study", help="Prepare, serve or export a study of human readers.")
    arguments = train.with_recipe(together(sys.argv[1:] if arguments is None else list(arguments)))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _as_notes(warnings.showwarning)
            code = app.cli(
                args=arguments,
                prog="dermimit",
                description="Predict body part, lesion attributes and disease from a photograph of skin.",
            )
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return 0
    except (ValueError, OSError, FloatingPointError, MemoryError, MissingExtraError) as error:
        print(f"dermimit: {shown_text(str(error)) or NO_MEMORY}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if not is_about_memory(error):
            raise
        print(f"dermimit: {NO_MEMORY} ({str(error).strip().splitlines()[0][:200]})", file=sys.stderr)
        return 2
    return code or 0


def _shown(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """A command whose names from data are shown as they are, and obeyed by no terminal."""

    @functools.wraps(command)
    def call(*given: Any, **named: Any) -> int | None:
        with showing():
            return command(*given, **named)

    return call


def _as_notes(show: Callable[..., None]) -> Callable[..., None]:
    """A `warnings.showwarning` that prints each warning of ours once, as one line; others go to `show`."""
    said: set[str] = set()

    def note(message: Warning | str, category: type[Warning], filename: str, *rest: Any, **named: Any) -> None:
        text = " ".join(str(message).split())
        ours = Path(filename).is_relative_to(PACKAGE) and FROM_TORCH not in text
        if not (ours and issubclass(category, UserWarning)):
            show(message, category, filename, *rest, **named)
        elif text not in said:
            said.add(text)
            print(f"dermimit: note: {text}", file=sys.stderr)

    return note
