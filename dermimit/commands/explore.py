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
    """Open a trained run in Jupyter: its predictions with sliders, switches and maps, on photographs of yours.

    Args:
        run: folder of a finished run, or the name of a published model (`dermimit models`).
        dataset: name of the dataset in `root`, with the run's classes; by default that of the run.
        root: folder of photographs to choose from; by default those that the run was trained on, or, for a run on
            SynDerm, synthetic images made anew.
        split: of that dataset.
        n: largest number of photographs to choose from.
        app: JupyterLab, Jupyter Notebook 7, Voila (the page without its code), or none: only write the notebook.
        out: folder for the notebook; an existing notebook is opened as it is.
        port: of the local server; by default the app's own.
        browser: open a browser.
    """
    from dermimit.explore.launch import open_app, write_notebook
    from dermimit.zoo.resolve import resolve

    where = root.resolve() if root else None
    path, fresh = write_notebook(resolve(run), out, dataset=dataset, root=where and str(where), split=split, n=n)
    print(path if fresh else f"{path} exists already and is opened as it is; delete it to start again")
    return 0 if app == "none" else open_app(app, path, port, browser)
