"""The page as a whole: the parts in order, in one file that loads nothing."""

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dermimit.records import write_atomically
from dermimit.report.answers import Answers, AnyOf, OneOf, answers_to
from dermimit.report.caveats import caveats
from dermimit.report.classes import classes_section
from dermimit.report.confusion import confusion_table
from dermimit.report.curves import learning_curves
from dermimit.report.data import data_section, manifest, training_counts
from dermimit.report.document import document
from dermimit.report.errors import errors_section
from dermimit.report.markup import Markup, bullets, el, joined, paragraphs, percent, section, table
from dermimit.report.overview import score_table, scores_of, sentences, tiles
from dermimit.report.provenance import provenance_section
from dermimit.report.record import Record, Scored, other_data, own_test, read_record
from dermimit.report.reliability import reliability_part
from dermimit.report.summary import head_of_page
from dermimit.report.words import KINDS, TASK_LABELS, and_list

CONTENTS = (
    ("scores", "Scores"),
    ("curves", "Learning curves"),
    ("classes", "Classes"),
    ("confusion", "Confusion"),
    ("reliability", "Reliability"),
    ("errors", "Worst errors"),
    ("data", "Data check"),
    ("provenance", "Provenance"),
)


def write_report(
    run: Path,
    out: Path,
    dataset: str | None = None,
    root: Path | None = None,
    split: str | None = None,
    photographs: bool = True,
    data_check: bool = True,
    options: Mapping[str, Any] | None = None,
    leave_out_unknown: bool = False,
    quarantine: str = "",
) -> Path:
    """Writes the page of a run, from its own record or scored on other photographs.

    Args:
        run: folder of a finished run; without weights where `root` is not given.
        out: file to write, whole or not at all.
        dataset, root: photographs to score instead of the run's own test split.
        split: of those; None for all of them.
        photographs: whether the page may hold photographs and the names of their files.
        data_check: whether all photographs are read and checked.
        options: of the dataset's loader.
        leave_out_unknown: leave out, and count, what is labelled with classes that the run does not know.
        quarantine: file that names photographs of those to leave out.

    Raises:
        FileNotFoundError: the folder holds no finished run.
        ValueError: one of `dataset` and `root` without the other, or `split` without them; `out` is no .html file.
        ManifestError: the photographs cannot be scored.
    """
    if (dataset is None) != (root is None):
        raise ValueError("report: give --dataset and --root together, or neither for the run's own test split")
    if dataset is None and (split or options is not None or leave_out_unknown or quarantine):
        raise ValueError("report: --split, --options, --leave-out-unknown and --quarantine are of other photographs: "
                         "give --dataset and --root too")  # fmt: skip
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{out}: the report is an HTML page: give a name that ends in .html")
    record = read_record(run)
    if dataset and root:
        scored = other_data(record, dataset, root, split or "all", options, leave_out_unknown, quarantine)
    else:
        scored = own_test(record)
    text = page(record, scored, datetime.now(UTC).date().isoformat(), photographs, data_check)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, lambda path: path.write_text(text, encoding="utf-8"))
    return out


def page(record: Record, scored: Scored, date: str, photographs: bool = True, data_check: bool = True) -> str:
    """The page as text; the same record gives the same text but for `date`."""
    answers = _answers(record, scored)
    with warnings.catch_warnings():  # the data check lists them
        warnings.simplefilter("ignore")
        frame = manifest(record, scored)
    training = training_counts(record, frame)
    one_of = [task for task in answers if isinstance(task, OneOf)]
    errors, shown = (
        errors_section(record, scored, answers[0], photographs)
        if answers
        else (section("errors", "Worst errors", el("p", "There are no predictions to show.")), False)
    )
    parts = [
        head_of_page(record, scored, answers, frame, date),
        el("nav", [el("a", title, href=f"#{name}") for name, title in CONTENTS], aria_label="Contents"),
        _scores(record, scored, answers),
        learning_curves(record),
        section(
            "classes", "Classes", classes_section(answers, training) or el("p", "There are no predictions to count.")
        ),
        section("confusion", "Confusion", _each(one_of, confusion_table)),
        section("reliability", "Reliability", _each(one_of, reliability_part, titled=True)),
        errors,
        data_section(record, scored, frame, data_check, photographs),
        provenance_section(record, scored),
        el("footer", el("p", _holds(shown))),
    ]
    return document(f"{record.name}: report", joined(parts))


def _answers(record: Record, scored: Scored) -> list[Answers]:
    if scored.frame is None or not len(scored.frame):
        return []
    found = (answers_to(task, scored.frame, record.label_space) for task in record.tasks)
    return [answers for answers in found if answers is not None]


def _scores(record: Record, scored: Scored, answers: list[Answers]) -> Markup:
    if not answers:
        return section("scores", "Scores", _stored_scores(record))
    pairs: list[tuple[OneOf | AnyOf, Any]] = [(task, scores_of(task)) for task in answers]
    told = [text for task, scores in pairs for text in sentences(task, scores)]
    missing = [TASK_LABELS[task] for task in record.tasks if task not in [a.task for a in answers]]
    told += (
        [
            f"Nothing is scored for {and_list(missing)}: the photographs have no label for it, or only predictions of "
            "the disease were kept."
        ]
        if missing
        else []
    )
    limits = caveats(pairs, scored.facts)
    return section(
        "scores",
        "Scores",
        tiles(*pairs[0]),
        bullets(told),
        el("h3", "Limits of these numbers"),
        bullets(limits),
        el("h3", "All scores"),
        [score_table(task, scores) for task, scores in pairs],
    )


def _stored_scores(record: Record) -> list[Markup]:
    """The scores as the record holds them, where there are no predictions to compute intervals from."""
    values = record.metrics.get("test", {})
    rows = [
        [name.replace("/", ": ").replace("_", " "), percent(float("nan") if v is None else v)]
        for name, v in values.items()
    ]
    why = (
        "No predictions with a label were kept, so there are no intervals, no chance levels and no single predictions."
    )
    return [*paragraphs([why]), table("Scores on the test split, as recorded", ["score", "value"], rows, numbers=(1,))]


def _each(tasks: list[OneOf], part: Any, titled: bool = False) -> list[Markup]:
    if not tasks:
        return [el("p", "No task with one correct class was scored.")]
    return [joined([None if titled else el("h3", KINDS[task.task][1].capitalize()), part(task)]) for task in tasks]


def _holds(photographs: bool) -> str:
    if photographs:
        return "This page holds photographs of the dataset: pass it on only where these may be passed on."
    return "This page holds no photographs."
