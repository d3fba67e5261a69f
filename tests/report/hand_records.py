"""Records written by hand, so that what a page must say of them can be counted on one's fingers."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.report.page import page
from dermimit.report.record import own_test, read_record
from dermimit.train.config import TrainConfig

VOID = {"meta", "img", "br", "hr"}


class Parsed(HTMLParser):
    """A page taken apart: its text, tags with attributes, tables as lists of cells; unbalanced tags are an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert not self.open, self.open
        self.text = " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "caption" in self.open:
            self._caption = data
        elif {"td", "th"} & set(self.open):
            self._rows[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")
        self.words.append(data)

    def table(self, start: str) -> dict[str, list[str]]:
        """The rows of the table whose caption starts so, by their first cell."""
        (rows,) = [rows for caption, rows in self.tables.items() if caption.startswith(start)]
        return {row[0]: row[1:] for row in rows}


@pytest.fixture
def record(tmp_path: Path):
    """Writes a record: `record(space, frame, tasks=..., history=..., **config)` gives its folder."""

    def write(space: LabelSpace, frame: pd.DataFrame | None, tasks=("disease",), history=None, name="run", **config):
        folder = tmp_path / name
        folder.mkdir()
        root = config.pop("data_root", Path("/nowhere/at/all/photographs"))
        settings = TrainConfig(data_root=root, out=folder, dataset="folder", tasks=tuple(tasks), **config).to_dict()
        facts = {"commit": "abc123", "parameters": 1234567, "started": "2026-01-02T03:04:05+00:00", "seconds": 61.5}
        test = {"disease/accuracy": 0.5, "disease/macro_f1": None}
        for file, content in (("config", settings), ("label_space", space.to_dict()), ("provenance", facts)):
            (folder / f"{file}.json").write_text(json.dumps(content), encoding="utf-8")
        (folder / "metrics.json").write_text(json.dumps({"test": test}), encoding="utf-8")
        if history is not None:
            pd.DataFrame(history).to_parquet(folder / "history.parquet")
        if frame is not None:
            frame.to_parquet(folder / "predictions.parquet")
        return folder

    return write


@pytest.fixture
def show(monkeypatch):
    """The page of a record, taken apart, and as text; few resamples, for speed."""
    monkeypatch.setattr("dermimit.report.draws.RESAMPLES", 200)

    def of(folder: Path, **options) -> tuple[Parsed, str]:
        found = read_record(folder)
        html = page(found, own_test(found), "2026-03-04", **options)
        return Parsed(html), html

    return of


def predictions(truth: list, prob: list[list[float]], patients: list | None = None, **more) -> pd.DataFrame:
    """Disease answers to test photographs."""
    n = len(truth)
    return pd.DataFrame(
        {
            "image": [f"p{i:02d}.jpg" for i in range(n)],
            "split": ["test"] * n,
            "patient_id": pd.Series(patients or [None] * n, dtype=object),
            "fitzpatrick": pd.Series([None] * n, dtype="Int64"),
            "disease": pd.Series(truth, dtype=object),
            "disease_prob": prob,
            **more,
        }
    )
