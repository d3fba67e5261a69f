"""`dermimit predict`."""

from pathlib import Path
from typing import Annotated

import tyro


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
