"""`dermimit predict`."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

FIGURES = (".png", ".svg", ".pdf", ".jpg", ".jpeg")
MANY = 20  # photographs whose predictions are printed where there is also a table


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
    """Predict photographs with a trained run. Exit code 1 if some could not be read, 2 if none could.

    Args:
        run: folder of a finished run, or the name of a published model (`dermimit models`).
        paths: image files; folders, searched to any depth; patterns in quotes, such as "photos/*.jpg"; tables of paths
            (.csv, .tsv, .txt, .parquet) with a column image, file or path, or one path on each line.
        top: number of diseases in the differential.
        out: also write a table of all probabilities, a row for each photograph (.csv, .parquet or .json); with more
            than 20 photographs, only a summary is printed.
        calibrated: scale the probabilities by a temperature that was fitted on the run's validation split.
        abstain: withhold the least confident predictions, so that at most this share of the others is wrong on the
            run's validation split, such as 0.1.
        figure: draw the first photograph's selected patches and probabilities into this file (.png, .svg, .pdf).
        figures: folder for such a figure of each photograph.
        maps: draw an attribution map of each prediction by this method, such as integrated_gradients.
        maps_out: folder for the maps; by default that of the figures.
        batch_size: photographs in one pass; the results do not depend on it.
    """
    from dermimit.files import check_output
    from dermimit.predict.inputs import find_photographs
    from dermimit.predict.printing import Showing, remarks, summary
    from dermimit.predict.rules import reading_of
    from dermimit.predict.table import check_table, predict_photos, write_table
    from dermimit.prediction import DISCLAIMER
    from dermimit.train import load_run
    from dermimit.zoo.resolve import resolve

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show stops nothing
    if out is not None:
        check_output(out, *(Path(path) for path in paths if Path(path).is_file()))
        check_table(out)
    if figure is not None and (figure.is_dir() or figure.suffix.lower() not in FIGURES):
        raise ValueError(f"figure: {figure}: name a file that ends in {', '.join(FIGURES)}")
    for folder in (figures, maps_out):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is a file: name a folder for the figures")
    if maps is not None and not (maps_out or figures):
        raise ValueError("maps: name a folder for them, with --maps-out or --figures")
    if maps_out is not None and maps is None:
        raise ValueError("maps_out: say which maps to draw, such as --maps integrated_gradients")
    found = find_photographs(paths)
    if figure is not None:
        check_output(figure, *found.files)
    read_from = {file.resolve().parent for file in found.files}
    for folder in filter(None, (figures, maps_out)):
        if folder.resolve() in read_from:
            raise ValueError(f"{folder} holds photographs that are read, and a figure may bear the name of one: name "
                             "another folder for the figures")  # fmt: skip
    loaded = load_run(resolve(run))
    reading = reading_of(loaded, calibrated, abstain)
    brief = out is not None and len(found.files) > MANY
    show = Showing(loaded, reading, 0 if brief else top, figure, figures, maps, maps_out or figures)
    table = predict_photos(loaded, found, top=top, batch_size=batch_size, progress=brief, show=show, reading=reading)
    if out is not None:
        write_table(table, out)
    print(summary(table, reading, brief, out), end="")
    unread = int(table["error"].notna().sum())
    if unread < len(table):
        print(DISCLAIMER)
    for line in remarks(table, reading, found, show.figure):
        print(line, file=sys.stderr)
    return 0 if not unread else 1 if unread < len(table) else 2
