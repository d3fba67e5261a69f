"""The explorer over torch in Jupyter: the kernel answers, for any run, any dataset and any photograph."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from dermimit import data
from dermimit.data import PhotoSet
from dermimit.data.problems import ManifestError
from dermimit.data.synderm import LABEL_SPACE
from dermimit.explain.figures import answer_figure
from dermimit.explore.bundle import module
from dermimit.explore.cases import case_file, curated, picture, png_address
from dermimit.explore.torch_model import TorchModel
from dermimit.extras import extra
from dermimit.prediction import Prediction
from dermimit.records import read_json
from dermimit.train.run import Run, load_run

with extra("explore"):
    import anywidget
    import traitlets


class TorchExplorer(anywidget.AnyWidget):
    """A finished run under sliders and switches, with maps on demand; where no page is alive, its first answer.

    Args:
        run: a finished run.
        cases: photographs to choose from, as `cases_of` and `curated` give them.
        case: which of them to show first.

    Attributes:
        answer: what the page shows now, by task and class name: probabilities, patches, choices.
    """

    _esm = module("explorer.js")
    assets_url = traitlets.Unicode("").tag(sync=True)
    in_kernel = traitlets.Bool(True).tag(sync=True)
    case = traitlets.Int(0).tag(sync=True)
    answer = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, run: Run, cases: Sequence[Mapping[str, Any]], case: int = 0) -> None:
        if not 0 <= case < len(cases):
            raise ValueError(f"case={case}: there are {len(cases)} cases, from 0")
        super().__init__(case=case)
        self.model, self._cases = TorchModel(run), list(cases)
        self.on_msg(self._reply)

    def _reply(self, _: Any, message: dict[str, Any], buffers: list) -> None:
        """Send a file, an answer or a map; an error goes to the page."""
        if "asset" in message:
            content = self.model.facts if message["asset"] == "facts.json" else case_file(self._cases)
            self.send({"asset": message["asset"]}, [gzip.compress(json.dumps(content).encode())])
            return
        try:
            photo = self._pixels(buffers[0])
            found = self._map(photo, message["map"]) if "map" in message else self.model(photo, message["choice"])
        except (ValueError, KeyError, RuntimeError) as error:
            self.send({"reply": message["ask"], "error": str(error)})
            return
        self.send({"reply": message["ask"], "found": found})

    def _pixels(self, buffer: Any) -> np.ndarray:
        """RGBA of the page, as RGB."""
        height, width = self.model.facts["image_size"]
        return np.frombuffer(buffer, np.uint8).reshape(height, width, 4)[..., :3].copy()

    def _map(self, photo: np.ndarray, asked: Mapping[str, str]) -> dict[str, Any]:
        values, delta = self.model.map(photo, asked["task"], asked["class"], asked["method"])
        colours = (255 * matplotlib.colormaps["viridis"](values)[..., :3]).round().astype(np.uint8)
        return {"picture": png_address(colours), "delta": delta}

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and its first answer as a picture for pages without a kernel."""
        bundle = super()._repr_mimebundle_(**options)
        parts = list(bundle) if isinstance(bundle, tuple) else [bundle or {}, {}]
        return parts[0] | {"text/html": self._still()}, parts[1]

    def _still(self) -> str:
        """The first answer as a figure in HTML."""
        case = self._cases[self.case]
        photo = photo_of(case)
        found, facts, run = self.model(photo), self.model.facts, self.model.run
        answers = {
            task: pd.Series(found[task], names).sort_values(ascending=False) for task, names in facts["classes"].items()
        }
        selected = {task: np.array(found[f"{task}_ranked"][: facts["k"]]) for task in facts["selecting"]}
        several = tuple(task for task in answers if run.label_space.multi_label(task))
        figure = answer_figure(Prediction(photo, answers, selected, tuple(facts["grid"]), several))
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=110)
        plt.close(figure)
        still = base64.b64encode(file.getvalue()).decode()
        asked = answers["disease"] if "disease" in answers else next(iter(answers.values()))
        best = html.escape(", ".join(f"{name} {p:.0%}" for name, p in asked.head(3).items()))
        return f'<img alt="Answer of the run for its first case: {best}" src="data:image/png;base64,{still}">'


def photo_of(case: Mapping[str, Any]) -> np.ndarray:
    """The case's photograph that the page shows first, uint8 (H, W, 3)."""
    address = case["photos"].get(str(case["truth"].get("fitzpatrick"))) or next(iter(case["photos"].values()))
    return picture(address)


def cases_of(photos: PhotoSet, split: str = "test", n: int = 24) -> list[dict[str, Any]]:
    """The first photographs of a split, one of each disease before the second of any, with what is recorded of them.

    Args:
        photos: a dataset, prepared as the model expects.
        split: of its manifest.
        n: photographs at most.

    Returns:
        for each case `name`, `truth` (what is known of disease, body_part, attributes, fitzpatrick) and `photos`, as
        `curated` gives them.
    """
    shown = photos.photos(split)
    frame = shown.frame.reset_index(drop=True)
    turn = frame.groupby(frame["disease"].astype(str)).cumcount()
    cases = []
    for i in turn.sort_values(kind="stable").index[:n]:
        pixels = photos.prepared.denormalise(shown[i]["image"]).permute(1, 2, 0).numpy()
        truth = {key: known(frame[key][i]) for key in ("disease", "body_part", "attributes", "fitzpatrick")}
        truth = {key: value for key, value in truth.items() if value is not None}
        address = {str(truth.get("fitzpatrick", 0)): png_address(pixels)}
        cases.append({"name": frame["image"][i], "truth": truth, "photos": address})
    return cases


def known(value: Any) -> Any:
    """A cell of a manifest as JSON, None where nothing is recorded."""
    if isinstance(value, list | tuple | np.ndarray):
        return [str(name) for name in value]
    if pd.isna(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else str(value)


def explore(
    run: Run | Path | str,
    dataset: str | None = None,
    root: Path | str | None = None,
    split: str = "test",
    n: int = 24,
    case: int = 0,
) -> TorchExplorer:
    """A run under the reader's hands, in JupyterLab, Notebook 7, Voilà (these are tested) or another host of anywidget.

    Args:
        run: a finished run, or its folder.
        dataset, root: a dataset with the run's classes, whose photographs are offered. Without a root: those that the
            run was trained on; for a run on SynDerm, cases drawn anew in several skin types, in the regime that its
            data say, or in the oldest one where its data are gone.
        split: of that dataset.
        n: photographs offered at most, from 1.
        case: which is shown first.

    Raises:
        FileNotFoundError: no finished run, or no photographs.
        ManifestError: the dataset has other classes, or is wrong.
        ValueError: n is below 1; or a split or dataset is named for cases that are drawn anew.
    """
    check_number(n)
    run = run if isinstance(run, Run) else load_run(run)
    if root is None and run.label_space.to_dict() == LABEL_SPACE.to_dict():
        if split != "test" or dataset not in (None, "synderm"):
            raise ValueError("a run on SynDerm is shown cases drawn anew, which are of no split and no other dataset: "
                             "name a folder too (root)")  # fmt: skip
        most = min(n, len(LABEL_SPACE.diseases))
        return TorchExplorer(run, curated(most, image_size=run.config.image_size, regime=regime_of(run)), case)
    return TorchExplorer(run, cases_of(photos_for(run, dataset, root), split, n), case)


def check_number(n: int) -> None:
    """Raises ValueError for a number of photographs below 1."""
    if n < 1:
        raise ValueError(f"n={n}: offer at least one photograph")


def regime_of(run: Run) -> str | None:
    """The regime of SynDerm that a run was trained in, as its data say; None, the oldest, where they are gone."""
    record = run.config.data_root / "synderm.json"
    return read_json(record).get("regime") if record.is_file() else None


def photos_for(run: Run, dataset: str | None = None, root: Path | str | None = None) -> PhotoSet:
    """A dataset for a run: its own, or another with its classes.

    Args:
        run: a finished run.
        dataset, root: as for `explore`.

    Raises:
        ManifestError: the dataset has other classes, or is wrong.
    """
    config = run.config
    same = dataset in (None, config.dataset)
    options = config.data_options if same else {}
    photos = data.load(
        dataset or config.dataset, root or config.data_root, run.preprocessing, config.split_seed, **options
    )
    for task in run.model.tasks:
        if tuple(photos.label_space.classes(task)) != tuple(run.label_space.classes(task)):
            raise ManifestError(f"{photos.root}: its classes of {task} are not the run's: give a dataset of its kind")
    return photos
