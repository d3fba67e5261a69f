"""The explorers of records in Jupyter: the modules of static pages, with data from any runs and any manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.explore.bundle import module
from dermimit.explore.page import page_html
from dermimit.extras import extra

with extra("explore"):
    import anywidget
    import traitlets


class Browser(anywidget.AnyWidget):
    """One of the explorers of records.

    Where no widget can be shown, a notebook that was executed holds the same as a static page, or a table in its place.

    Args:
        data: what its module draws.
        instead: HTML to show where there is neither kernel nor JavaScript.

    Attributes:
        shown: what the reader has chosen and sees, after each change.
    """

    data = traitlets.Dict().tag(sync=True)
    shown = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _module = ""

    def __init__(self, data: Mapping[str, Any], instead: str = "") -> None:
        super().__init__(data=dict(data))
        self._instead = instead

    def page(self) -> str:
        """As HTML that works without a kernel."""
        return page_html(self._module, self.data, self._instead)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        found = super()._repr_mimebundle_(**kwargs)
        bundle, metadata = found if isinstance(found, tuple) else (found or {}, {})
        return {**bundle, "text/html": self.page()}, metadata


class AblationExplorer(Browser):
    """Rows, metric and subgroup to choose; a forest plot and its table."""

    _esm = module("ablation.js")
    _module = "ablation"


class FailureBrowser(Browser):
    """Wrong answers to filter; a table, the photograph, and maps on it."""

    _esm = module("failures.js")
    _module = "failures"


class DatasetBrowser(Browser):
    """Photographs of a manifest to filter and to leaf through, with counts.

    Args:
        data: what its module draws.
        picture: gives the thumbnail of a row of the manifest, as an address that holds it.
        instead: see `Browser`.
    """

    _esm = module("dataset.js")
    _module = "dataset"

    def __init__(self, data: Mapping[str, Any], picture: Callable[[int], str], instead: str = "") -> None:
        super().__init__(data, instead)
        self._picture = picture
        self.on_msg(self._send_pictures)

    def _send_pictures(self, _: Any, message: dict[str, Any], buffers: list) -> None:
        found = {}
        for row in message["rows"]:
            try:
                found[str(row)] = self._picture(int(row))
            except (OSError, ValueError) as error:
                found[str(row)] = f"error: {error}"
        self.send({"pictures": found})

    def page(self) -> str:
        """As HTML without a kernel: only the thumbnails that are in its data, and the counts of all photographs."""
        return page_html(self._module, {**self.data, "kernel": False}, self._instead)


def ablation_explorer(
    runs: Path | str | pd.DataFrame,
    experiments: Path | str,
    resamples: int = 500,
    reference: str | None = None,
) -> AblationExplorer:
    """Explore the ablation: choose rows, metric and subgroup; the forest plot is drawn anew.

    Args:
        runs: folder of runs with stored probabilities; or the frame that `subgroup_scores` gave.
        experiments: the table of rows, as `dermimit.evaluate.read_experiments` takes it: order, labels, colours.
        resamples: bootstrap samples, where runs are scored here: nine rows of five seeds take about half a minute.
        reference: row that differences are first taken from; the first of the table, if None.

    Raises:
        ValueError: no run has probabilities, or runs were tested on different photographs.
    """
    from dermimit.data.label_space import LabelSpace
    from dermimit.evaluate.runs import read_experiments, read_records
    from dermimit.evaluate.subgroup_scores import subgroup_scores
    from dermimit.explore.ablation_data import ablation_data
    from dermimit.explore.ablation_static import scores_table
    from dermimit.records import read_json

    table = read_experiments(Path(experiments))
    if not isinstance(runs, pd.DataFrame):
        records = read_records(Path(runs))
        spaces = [path / "label_space.json" for path in records["path"] if (path / "label_space.json").is_file()]
        if not spaces:
            raise ValueError(f"{runs}: no finished run with label_space.json below it; name the folder of the runs")
        runs = subgroup_scores(records, table, LabelSpace.from_dict(read_json(spaces[0])), None, resamples)
    return AblationExplorer(ablation_data(runs, table, reference), as_html(scores_table(runs, table)))


def failure_browser(
    run: Any, photos: Any, most: int = 200, tags: pd.DataFrame | None = None, seed: int = 0
) -> FailureBrowser:
    """Browse a run's wrong answers on the test split: filters, table, photograph, maps.

    Args:
        run: a finished run, or its folder.
        photos: the `PhotoSet` that it was tested on, as `dermimit.data.load` gives it.
        most: wrong answers shown at most, chosen at random.
        tags: further error types, from `failures.tags`; those that any run has, if None.
        seed: of the sample.

    Raises:
        ValueError: a photograph of the run is not among `photos`; nothing is wrong.
    """
    from dermimit.explore.failure_data import browser_data_of, cases_table
    from dermimit.train.run import Run, load_run

    run = run if isinstance(run, Run) else load_run(run)
    data = browser_data_of(run, photos, most, tags, seed)
    return FailureBrowser(data, as_html(cases_table(data)))


def dataset_browser(
    root: Path | str, dataset: str = "folder", image_size: int = 96, embedded: int = 0, **options: Any
) -> DatasetBrowser:
    """Leaf through the photographs of any dataset, filtered by label, split and skin type, with counts.

    Thumbnails are sent by the kernel page by page. An executed notebook holds the counts, and of the photographs only
    as many as `embedded` says: none by default, for they may be of patients.

    Args:
        root: folder of the dataset.
        dataset: one of `dermimit.data.DATASETS`; "folder" also reads any manifest in this project's columns.
        image_size: side of the thumbnails in pixels.
        embedded: thumbnails kept in the notebook, of each disease as many as can be.
        options: of the dataset's loader.

    Raises:
        ManifestError: the folder holds no such dataset.
    """
    from dermimit.data import load
    from dermimit.explore.dataset_data import counts_table, dataset_data, thumbnail

    photos = load(dataset, root, image_size, **options)
    data = dataset_data(photos.frame, photos.label_space, photos.root, image_size, embedded)
    picture = lambda row: thumbnail(photos.root / photos.frame["image"].iloc[row], image_size)  # noqa: E731
    return DatasetBrowser(data, picture, as_html(counts_table(photos.frame)))


def as_html(frame: pd.DataFrame) -> str:
    """A frame as a plain table."""
    return frame.to_html(border=0, index=False, justify="left", float_format="{:.3f}".format, na_rep="–")
