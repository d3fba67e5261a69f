"""`dermimit explore`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


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
        run: folder of a finished run, or the name of a published model (`dermimit models`).
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
    from dermimit.zoo.resolve import resolve

    where = root.resolve() if root else None
    path, fresh = write_notebook(resolve(run), out, dataset=dataset, root=where and str(where), split=split, n=n)
    print(path if fresh else f"{path} is there already and is opened as it is; delete it to begin anew")
    return 0 if app == "none" else open_app(app, path, port, browser)
