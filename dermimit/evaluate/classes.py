"""Whose classes are these? The labels of other photographs told in the names that a run knows."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError, suggest

COLUMNS = {"disease": ("disease",), "body_part": ("body_part",), "attributes": ("attributes", "attributes_unknown")}
SHOWN = 10  # classes named in a note; the rest are counted


@dataclass(frozen=True)
class Matched:
    """Photographs whose labels are classes of a run.

    Attributes:
        frame: the manifest, in the run's names; without disease weights, since scores take the heaviest disease.
        space: the run's classes of the tasks that run and dataset share, the dataset's of the others.
        renamed: task -> name in the dataset -> class of the run, where they differ in case, blanks or Unicode form.
        unknown: task -> class that the run does not know -> its photographs; left out.
        absent: task -> classes of the run that no photograph shows, in the run's order.
    """

    frame: pd.DataFrame
    space: LabelSpace
    renamed: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """What a reader of the scores must know, one line each."""
        lines = [
            f"{task}: {theirs!r} is taken for the run's class {ours!r}"
            for task, names in self.renamed.items()
            for theirs, ours in names.items()
        ]
        for task, counts in self.unknown.items():
            what = "photographs" if task == "disease" else "labels"
            lines.append(f"{task}: {sum(counts.values())} {what} of unknown classes left out: {_counted(counts)}")
        for task, missing in self.absent.items():
            n, all_of = len(missing), len(self.space.classes(task))
            shown = ", ".join(missing[:SHOWN]) + (f" and {n - SHOWN} more" if n > SHOWN else "")
            lines.append(
                f"{task}: {n} of the run's {all_of} classes without a photograph here ({shown}); macro averages are "
                f"over the other {all_of - n}"
            )
        return lines


def match_classes(
    run: LabelSpace, data: LabelSpace, frame: pd.DataFrame, tasks: tuple[str, ...], leave_out_unknown: bool = False
) -> Matched:
    """Labels of other photographs in the names of a run, by name: neither order nor number of classes matters.

    Names that differ in case, blanks (or _) or Unicode form alone are the same.

    Args:
        run: its label space.
        data: that of the photographs.
        frame: their manifest.
        tasks: of the run.
        leave_out_unknown: leave out the photographs of diseases that the run does not know, and labels of body parts
            and attributes that it does not know; otherwise they are an error.

    Raises:
        ManifestError: there are classes that the run does not know; a task has one label a photograph here and several
            there; no task is shared, or no photograph is left.
    """
    shared = [task for task in tasks if data.classes(task)]
    if not shared:
        raise ManifestError(f"{data.name} has no labels for what the run was trained on: {', '.join(tasks)}")
    renamed: dict[str, dict[str, str]] = {}
    unknown: dict[str, dict[str, int]] = {}
    absent: dict[str, list[str]] = {}
    first = ["disease"] * (leave_out_unknown and "disease" in shared)  # whose unknown classes take photographs away
    for task in [*first, *(task for task in shared if task not in first)]:
        _check_kind(run, data, task)
        count = Counter(n for column in COLUMNS[task] if column in frame for cell in frame[column] for n in _in(cell))
        known = _known(count, run.classes(task))
        strange = {name: n for name, n in count.items() if name not in known}
        if strange and not leave_out_unknown:
            raise ManifestError(_refusal(task, strange, run, data))
        if task == "disease" and strange:
            frame = frame[~frame["disease"].isin(list(strange))]
            if frame.empty:
                raise ManifestError(f"{data.name}: no photograph is left without {_counted(strange)}")
        for column in [column for column in COLUMNS[task] if column in frame]:
            cells = [_told(cell, known) for cell in frame[column]]
            frame = frame.assign(**{column: pd.Series(cells, frame.index, dtype=object)})
        renamed |= {task: changed} if (changed := {a: b for a, b in known.items() if a != b}) else {}
        unknown |= {task: strange} if strange else {}
        held = {name for cell in frame[task] for name in _in(cell)}
        missing = [name for name in run.classes(task) if name not in held]
        absent |= {task: missing} if missing and held else {}
    frame = frame.drop(columns=WEIGHTS_COLUMN, errors="ignore")
    diseases, body_parts, attributes = (
        (run if task in shared else data).classes(task) for task in ("disease", "body_part", "attributes")
    )
    space = replace(data, diseases=diseases, body_parts=body_parts, attributes=attributes)
    return Matched(frame, space, renamed, unknown, absent)


def same_name(name: str) -> str:
    """What two spellings of a name share: without case, with one blank for blanks and _, in one Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())


def _known(names: Iterable[str], classes: tuple[str, ...]) -> dict[str, str]:
    """Name -> the class that it means: itself, or the only one that is spelt like it."""
    spelt: dict[str, list[str]] = {}
    for name in classes:
        spelt.setdefault(same_name(name), []).append(name)
    near = {name: spelt.get(same_name(name), []) for name in names}
    return {n: n if n in classes else like[0] for n, like in near.items() if n in classes or len(like) == 1}


def _in(cell: object) -> list[str]:
    """The names in a cell of a manifest."""
    return [] if is_missing(cell) else [cell] if isinstance(cell, str) else list(cell)  # type: ignore[call-overload]


def _told(cell: object, known: Mapping[str, str]) -> object:
    if is_missing(cell) or isinstance(cell, str):
        return known.get(cell) if isinstance(cell, str) else None
    return list(dict.fromkeys(known[name] for name in _in(cell) if name in known))


def _check_kind(run: LabelSpace, data: LabelSpace, task: str) -> None:
    if run.multi_label(task) != data.multi_label(task):
        kinds = {True: "any number of classes", False: "one class"}
        kind = f"{kinds[run.multi_label(task)]} a photograph, {data.name} {kinds[data.multi_label(task)]}"
        raise ManifestError(f"{task}: the run was trained with {kind}; train a run of the same kind")


def _counted(names: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} ({n})" for name, n in sorted(names.items(), key=lambda item: (-item[1], item[0])))


def _refusal(task: str, strange: Mapping[str, int], run: LabelSpace, data: LabelSpace) -> str:
    first = max(strange, key=lambda name: (strange[name], name))
    what = "photographs" if task == "disease" else "labels"
    return (
        f"{task}: the run does not know {_counted(strange)} of {data.name}: correct the names, or leave these "
        f"{what} out with --leave-out-unknown; {suggest(first, run.classes(task))}"
    )
