"""The `dermimit` command: train, predict, evaluate, explore, export, data, reader-study."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from dermimit.extras import MissingExtraError
from dermimit.reader_study.commands import commands as reader_study
from dermimit.train.config import TrainConfig

Options = dict[str, bool | int | float | str | None]


def train(config: Annotated[TrainConfig, tyro.conf.arg(name="")]) -> None:
    """Train one run and write its record; an interrupted run goes on where it stopped."""
    from dermimit.train import fit

    print(fit(config))


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    photos: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    top: int = 5,
    figure: Path | None = None,
) -> None:
    """Print what a trained run says of photographs.

    Args:
        run: folder of a finished run.
        photos: image files.
        top: length of the differential.
        figure: also draw the first photograph's selected patches and probabilities into this file (.png, .svg, .pdf).
    """
    from dermimit.explain.figures import answer_figure
    from dermimit.predict import describe, predict_photo
    from dermimit.prediction import DISCLAIMER
    from dermimit.train import load_run

    if not photos:
        raise ValueError("predict: name at least one photograph after the run's folder")
    loaded = load_run(run)
    for i, photo in enumerate(photos):
        prediction = predict_photo(loaded, photo)
        print(f"{photo}\n{describe(prediction, top)}\n")
        if figure is not None and i == 0:
            answer_figure(prediction).savefig(figure)
            print(f"figure: {figure}\n")
    print(DISCLAIMER)


def evaluate(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str,
    root: Path,
    split: Literal["all", "train", "val", "test"] = "all",
    out: Path | None = None,
    quarantine: str = "",
    cache: Path | None = None,
    options: Options | None = None,
) -> None:
    """Score a trained run on a folder of photographs with the same classes.

    Args:
        run: folder of a finished run.
        dataset: name of the dataset in `root`.
        root: folder of the dataset.
        split: photographs to score.
        out: folder for metrics.json, predictions.parquet and provenance.json; without it
            evaluations/RUN-on-DATASET-SPLIT.
        quarantine: file that names photographs to leave out.
        cache: folder that keeps photographs reduced, for faster reading; the scores are the same without it.
        options: of the dataset's loader, such as `level 19`; without it those that the run was trained with.
    """
    from dermimit.evaluate.folder import evaluate, metrics_table

    folder = out or Path("evaluations") / f"{run.resolve().name}-on-{dataset}-{split}"
    print(f"{metrics_table(evaluate(run, dataset, root, folder, split, quarantine, options, cache))}\n{folder}")


def explore(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str | None = None,
    root: Path | None = None,
    split: Literal["train", "val", "test"] = "test",
    n: int = 24,
    app: Literal["lab", "notebook", "voila", "none"] = "lab",
    out: Path = Path("."),
    port: int | None = None,
    browser: bool = True,
) -> int:
    """Open a trained run in Jupyter: its answers under sliders and switches, with maps, on photographs of yours.

    Args:
        run: folder of a finished run.
        dataset: name of the dataset in `root`, with the run's classes; without it that of the run.
        root: folder of photographs to choose from; without it those that the run was trained on.
        split: of that dataset.
        n: photographs to choose from at most.
        app: JupyterLab, Jupyter Notebook 7, Voila (the page without its code), or none: only write the notebook.
        out: folder for the notebook; one of its name that is there is opened as it is.
        port: of the local server; without it the app's own.
        browser: open one.
    """
    from dermimit.explore.launch import open_app, write_notebook

    where = root.resolve() if root else None
    path, fresh = write_notebook(run, out, dataset=dataset, root=where and str(where), split=split, n=n)
    print(path if fresh else f"{path} is there already and is opened as it is; delete it to begin anew")
    return 0 if app == "none" else open_app(app, path, port, browser)


def export(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    onnx: Path,
    quantise: bool = False,
    data_root: Path | None = None,
    split: Literal["train", "val", "test"] = "test",
    limit: int = 500,
    tolerance: float = 0.01,
) -> None:
    """Write a trained run as an ONNX file, with a .json that names its classes, and check it against the model.

    Args:
        run: folder of a finished run with fusion cim and lesion selection.
        onnx: file to write.
        quantise: also store the weights in eight bits, in the same file; kept only if it is as good.
        data_root: folder of the run's dataset; without it the one that it was trained on.
        split: photographs on which the file is compared with the model.
        limit: number of photographs at most.
        tolerance: disease macro-F1 that eight bits may cost.
    """
    from dermimit.export.graph import Explorable
    from dermimit.export.onnx import export_run
    from dermimit.export.quantise import photos_of, quantise_if_as_good
    from dermimit.train.run import load_run

    loaded = load_run(run)
    photos, targets = photos_of(loaded, data_root, split, limit)
    exported = export_run(loaded, onnx, photos[:64])
    print(f"{onnx}: differs from the model by at most {exported.parity:.1g}")
    if quantise:
        explorable = Explorable(loaded.model).eval()
        table, kept = quantise_if_as_good(onnx, explorable, photos, targets, tolerance)
        print(f"{table.round(4).to_string()}\n{'eight bits kept' if kept else 'eight bits are worse: not kept'}")


def data_check(
    root: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    skip_broken: Path | None = None,
    strict: bool = False,
    options: Options | None = None,
) -> int:
    """Look at every row and image of a dataset: absent, broken, double, in two splits. Exit code 1 if at fault.

    Args:
        root: folder of the dataset.
        dataset: its name.
        as_json: print one JSON object instead of the table.
        skip_broken: write the images that cannot be read into this file, for `dermimit train --quarantine`.
        strict: near-duplicates across splits are a fault too.
        options: of the dataset's loader, such as `fold 3`.
    """
    from dermimit.data.check import check
    from dermimit.data.quarantine import write_quarantine

    report = check(dataset, root, strict, options=options)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if as_json else report.table())
    if skip_broken is not None:
        print(f"{skip_broken}: {write_quarantine(report.unreadable, skip_broken)} photographs listed", file=sys.stderr)
    return 1 if report.faults() else 0


def data_info(name: Annotated[str, tyro.conf.Positional], /) -> None:
    """Print what is known of a dataset: counts, licence, where to get it, the files expected, known faults.

    Args:
        name: of the dataset.
    """
    from dermimit.data.facts import print_info

    print(print_info(name))


def data_synderm(
    out: Path,
    n: int = 20_000,
    image_size: int = 64,
    seed: int = 0,
    workers: int = 2,
    fitzpatrick: tuple[int, ...] | None = None,
    confounders: bool = True,
    zoom: float | None = None,
    visits: tuple[float, ...] = (0.0,),
    maps: bool = False,
) -> None:
    """Draw SynDerm-49, the procedural dataset, into a folder; an interrupted drawing goes on where it stopped.

    Args:
        out: folder to write; a folder that holds another dataset is refused.
        n: cases: a tenth for validation, a fifth for test, the rest for training.
        image_size: side in pixels.
        seed: of the cases.
        workers: processes; the files do not depend on it.
        fitzpatrick: skin types to draw evenly, some of 1 to 6; all six without it.
        confounders: draw ink, rulers, dressings, stray hairs and vignettes with their usual probabilities.
        zoom: of the framing, 1 (overview) to 3; drawn by chance without it.
        visits: days on which each case is photographed, such as 0 30 90.
        maps: also write what each pixel shows, as maps/*.npz.
    """
    from dermimit.data import synderm

    knobs: dict[str, Any] = {"fitzpatrick": fitzpatrick, "confounders": confounders, "zoom": zoom}
    print(synderm.write(out, n, seed=seed, image_size=image_size, workers=workers, visits=visits, maps=maps, **knobs))


def main(arguments: list[str] | None = None) -> int:
    """Entry point; errors that a user can mend are printed without a traceback."""
    data = tyro.extras.SubcommandApp()
    data.command(name="synderm")(data_synderm)
    data.command(name="check")(data_check)
    data.command(name="info")(data_info)
    app = tyro.extras.SubcommandApp()
    app.command(name="train")(train)
    app.command(name="predict")(predict)
    app.command(name="evaluate")(evaluate)
    app.command(name="explore")(explore)
    app.command(name="export")(export)
    app.command(data, name="data", help="Make, check or describe a dataset.")
    app.command(reader_study(), name="reader-study", help="Prepare, serve or export a study of human readers.")
    try:
        code = app.cli(
            args=arguments, prog="dermimit", description="Body part, lesion attributes and disease of a photograph."
        )
    except (ValueError, OSError, FloatingPointError, MemoryError, MissingExtraError) as error:
        print(f"dermimit: {error}", file=sys.stderr)
        return 2
    return code or 0
