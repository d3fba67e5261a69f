"""What is known of the photographs: their splits, whether they are those of the training, what the check found."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.changes import TABLE, differences, table_of
from dermimit.data.columns import SPLITS
from dermimit.data.label_space import TASKS
from dermimit.data.problems import ManifestError
from dermimit.extras import MissingExtraError
from dermimit.records import data_fingerprint
from dermimit.report.markup import Markup, bullets, el, section, table
from dermimit.report.record import Record, Scored

EXAMPLES = 3  # of a finding


def manifest(record: Record, scored: Scored) -> pd.DataFrame | None:
    """The run's own photographs as they lie there now; None where they are not at hand or cannot be read."""
    if scored.other or scored.root is None:
        return None
    from dermimit.train.assemble import load_photos
    from dermimit.train.config import TrainConfig

    config = TrainConfig.from_dict(record.config | {"out": record.path, "cache": ""})
    try:
        return load_photos(config).frame
    except (ManifestError, OSError, ValueError):
        return None  # the check says why


def training_counts(record: Record, frame: pd.DataFrame | None) -> dict[str, dict[str, int]]:
    """Task -> class -> training photographs, where the photographs are those that the run was trained on."""
    if frame is None or not unchanged(record, frame):
        return {}
    train = frame[frame["split"] == "train"]
    return {task: _named([v for v in train[task] if not is_missing(v)]) for task in TASKS if task in record.trained}


def _named(values: list[Any]) -> dict[str, int]:
    names = pd.Series([n for v in values for n in ([v] if isinstance(v, str) else v)], dtype=object)
    return {str(name): int(n) for name, n in names.value_counts().items()}


def unchanged(record: Record, frame: pd.DataFrame) -> bool:
    """Whether the manifest is the one that the run was trained with."""
    return record.provenance.get("data_fingerprint") == data_fingerprint(frame)


def data_section(record: Record, scored: Scored, frame: pd.DataFrame | None, look: bool, names: bool) -> Markup:
    """The section.

    Args:
        frame: the manifest of the run's own data, where it is at hand.
        look: whether to read every photograph.
        names: whether names of files and patients may be passed on.
    """
    texts: list[str] = []
    if frame is not None:
        texts.append(
            "The table of photographs is the one that the run was trained with (same fingerprint)."
            if unchanged(record, frame)
            else "The table of photographs is not the one that the run was trained with: rows, labels, splits or "
            "the code that reads them have changed since."
        )
        texts += _changed(record, frame, scored.root, names)
    if scored.root is None:
        return section(
            "data", "Data check", el("p", "The photographs are not on this machine, so the data check was not run.")
        )
    if not look:
        return section("data", "Data check", bullets([*texts, "The data check was left out on request."]))
    from dermimit.data.check import check

    try:
        report = check(
            scored.dataset, scored.root, options=scored.options, split_seed=record.config.get("split_seed", 0)
        )
    except MissingExtraError as error:
        return section("data", "Data check", bullets([*texts, f"The data check was not run: {error}"]))
    faults = report.faults()
    found = {_group_name(name): len(items) for name, items in report.findings().items() if items}
    said = {name: f"{name} ({n:,})" for name, n in found.items()}
    texts.append(
        f"The check of all photographs found faults: {', '.join(said[name] for name in faults)}."
        if faults
        else "The check of all photographs found no fault."
    )
    if others := [words for name, words in said.items() if name not in faults]:
        texts.append(f"It also found, without calling it a fault: {', '.join(others)}.")
    if not names:
        texts.append("Names of files and patients were left out on request.")
    parts = [bullets(texts), _findings(report, names, scored.root)]
    notes = [_without_root(note, scored.root) for note in (*report.differences(), *report.notes)]
    if notes and names:
        parts += [el("h3", "Notes of the check"), bullets(notes)]
    return section("data", "Data check", parts)


def _changed(record: Record, frame: pd.DataFrame, root: Path | None, names: bool) -> list[str]:
    """What has become of the photographs since the training, where the run keeps a table of them."""
    if root is None or not (record.path / TABLE).is_file():
        return []
    found = differences(pd.read_parquet(record.path / TABLE), table_of(frame, root))
    told = found if names else [re.sub(r" \(.*\)$", "", text) for text in found]
    return [f"Changed since the training: {'; '.join(told)}."] if found else []


def _findings(report: Any, names: bool, root: Path) -> Markup:
    counts = [*report.counts.items(), *((f"split {s}", report.splits.get(s, 0)) for s in SPLITS)]
    here = table(
        "What lies in the folder", ["what", "number"], [[k.replace("_", " "), f"{n:,}"] for k, n in counts], (1,)
    )
    names = names and any(report.findings().values())
    faults = report.faults()
    heads = ["finding", "number", *(["fault"] if faults else []), *(["first examples"] if names else [])]
    rows: list[list[object]] = []
    for name, found in report.findings().items():
        row: list[object] = [
            _group_name(name),
            f"{len(found):,}",
            *(["fault" if name in faults else ""] if faults else []),
        ]
        if names:
            examples = [] if name.endswith(", groups") else found[:EXAMPLES]
            more = len(found) - len(examples) if examples else 0
            text = "; ".join(_without_root(str(item), root) for item in examples)
            row.append(text + (f" and {more:,} more" if more else ""))
        rows.append(row)
    return el("div", here, table("What the check found", heads, rows, numbers=(1,)), class_=None if names else "charts")


def _group_name(name: str) -> str:
    """`duplicates, groups` as `groups of duplicates`."""
    return f"groups of {name.removesuffix(', groups')}" if name.endswith(", groups") else name


def _without_root(text: str, root: Path) -> str:
    """A message without the path of the folder on this machine."""
    for path in dict.fromkeys((str(root.resolve()), root.resolve().as_posix(), str(root), root.as_posix())):
        text = text.replace(path, root.resolve().name) if len(path) > 1 else text
    return text
