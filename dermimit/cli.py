"""The `dermimit` command: train, probe, predict, evaluate, explore, export, report, models, data, weights, ..."""

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
from dermimit.extras import MissingExtraError
from dermimit.reader_study.commands import commands as reader_study

PACKAGE = Path(__file__).parent
FROM_TORCH = "Triggered internally at"  # torch names our line as the place of its own warnings


def main(arguments: list[str] | None = None) -> int:
    """Entry point; errors that a user can mend are printed without a traceback."""
    data = tyro.extras.SubcommandApp()
    data.command(name="synderm")(data_synderm.synderm)
    data.command(name="check")(data_check.check)
    data.command(name="import")(data_import.import_table)
    data.command(name="info")(data_check.info)
    weights = tyro.extras.SubcommandApp()
    weights.command(name="list")(of_weights.list_known)
    weights.command(name="check")(of_weights.check)
    weights.command(name="convert")(of_weights.convert)
    app = tyro.extras.SubcommandApp()
    app.command(name="train")(train.train)
    app.command(name="probe")(probe.probe)
    app.command(name="predict")(predict.predict)
    app.command(name="evaluate")(evaluate.evaluate)
    app.command(name="explore")(explore.explore)
    app.command(name="export")(export.export)
    app.command(name="report")(report.report)
    benchmarks = tyro.extras.SubcommandApp()
    benchmarks.command(name="list")(benchmark.list_known)
    benchmarks.command(name="show")(benchmark.show)
    benchmarks.command(name="verify")(benchmark.verify)
    app.command(benchmarks, name="benchmark", help="List or show benchmarks, or verify a copy of their data.")
    app.command(name="score")(benchmark.score)
    app.command(name="models")(models.models)
    app.command(data, name="data", help="Make, import, check or describe a dataset.")
    app.command(weights, name="weights", help="List, check or convert pretrained weights.")
    app.command(reader_study(), name="reader-study", help="Prepare, serve or export a study of human readers.")
    arguments = train.with_recipe(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _as_notes(warnings.showwarning)
            code = app.cli(
                args=arguments, prog="dermimit", description="Body part, lesion attributes and disease of a photograph."
            )
    except (ValueError, OSError, FloatingPointError, MemoryError, MissingExtraError) as error:
        print(f"dermimit: {error}", file=sys.stderr)
        return 2
    return code or 0


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
