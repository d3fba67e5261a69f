"""The page of a file of answers to a benchmark: the parts of a run's page that need no run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dermimit.benchmark.answers_file import TASKS, Given
from dermimit.benchmark.benchmarks import Benchmark
from dermimit.benchmark.scoring import LEAST, by_skin_type
from dermimit.benchmark.text import label_of
from dermimit.evaluate.estimate import Estimate, estimate
from dermimit.evaluate.out_of_fold import patients_text
from dermimit.prediction import DISCLAIMER
from dermimit.records import write_atomically
from dermimit.report.answers import Answers, OneOf, answers_to
from dermimit.report.caveats import caveats
from dermimit.report.classes import classes_section
from dermimit.report.confusion import confusion_table
from dermimit.report.document import document
from dermimit.report.markup import Markup, bullets, count, el, joined, section, table
from dermimit.report.overview import score_table, scores_of, sentences, tiles
from dermimit.report.reliability import reliability_part


def write_benchmark_page(
    to: Benchmark,
    name: str,
    given: Given,
    out: Path,
    other: tuple[str, Mapping[str, Estimate]] | None = None,
) -> Path:
    """Writes the page, whole or not at all; it loads nothing and holds no photograph.

    Args:
        to: the benchmark.
        name: of the file of answers.
        given: from `read_answers_file`.
        out: file to write, .html.
        other: name of another file, and what this one scores more, from `benchmark.difference`.

    Raises:
        ValueError: `out` is no .html file.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{out}: the report is an HTML page: give a name that ends in .html")
    answers = _answers(to, given)
    pairs: list[tuple[Any, Any]] = [(task, scores_of(task)) for task in answers]
    one_of = [task for task in answers if isinstance(task, OneOf)]
    parts = [
        _head(to, name),
        section(
            "scores", "Scores", tiles(*pairs[0]), bullets(line for pair in pairs for line in sentences(*pair)),
            el("h3", "What to bear in mind"), bullets(caveats(pairs, None)),
            el("h3", "All scores"), [score_table(*pair) for pair in pairs], _against(name, other),
        ),
        section("skin-types", "Skin types", _skin_types(to, given)),
        section("classes", "Classes", classes_section(answers, {})),
        section("confusion", "Confusion", [confusion_table(one) for one in one_of]),
        section("reliability", "Reliability", [reliability_part(one) for one in one_of]),
        section("data", "The benchmark", _facts(to)),
        el("footer", el("p", "This page holds no photographs.")),
    ]  # fmt: skip
    text = document(f"{name}: answers to {to.name}", joined(parts))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, lambda path: path.write_text(text, encoding="utf-8"))
    return out


def _answers(to: Benchmark, given: Given) -> list[Answers]:
    """The answers to each task that the file answers and the benchmark has labels for."""
    frame, found = to.frame.assign(split="test"), []
    for task in TASKS:
        probability = getattr(given, task)
        if probability is not None:
            frame[f"{task}_prob"] = list(probability.astype(np.float32))
            found.append(answers_to(task, frame, to.label_space))
    return [answers for answers in found if answers is not None]


def _skin_types(to: Benchmark, given: Given) -> Markup:
    """Accuracy of the disease by Fitzpatrick type."""
    rows = []
    for name, line in by_skin_type(to, given.disease).items():
        told = estimate(line, "accuracy").percent() if "accuracy" in line else f"fewer than {LEAST} photographs"
        rows.append([name, count(line["photographs"], "photograph"), told])
    heads = ["Fitzpatrick type", "photographs", "accuracy, % (95 % interval)"]
    note = "Types differ in their diseases too: a gap between two of them need not be one of skin."
    return joined([table("Accuracy of the disease by skin type", heads, rows, numbers=(2,)), el("p", note)])


def _head(to: Benchmark, name: str) -> Markup:
    named = to.frame["patient_id"]
    patients = patients_text({"patients": named.nunique(), "without_patient": int(named.isna().sum())})
    own = "its own fold" if to.frame["fold"].nunique() > 1 else "any of them"
    facts = [
        ("Answers", name),
        ("Benchmark", f"{to.title}, version {to.version}"),
        ("Scored on", f"{count(len(to.frame), 'photograph')}, {patients}"),
        ("Condition", f"no photograph was answered by a model trained on {own}; this page cannot check that"),
    ]
    rows = [el("div", el("dt", label), el("dd", value)) for label, value in facts]
    date = datetime.now(UTC).date().isoformat()
    written = el("p", "Page of ", el("time", date, datetime=date), ".", class_="muted")
    title = el("h1", f"{name}: answers to {to.name}")
    return el("header", title, el("p", DISCLAIMER, class_="disclaimer"), written, el("dl", rows))


def _against(name: str, other: tuple[str, Mapping[str, Estimate]] | None) -> Markup | None:
    """The difference from another file of answers."""
    if other is None:
        return None
    rows = [[label_of(key), found.points(), found.verdict()] for key, found in other[1].items()]
    note = (
        "Judge by macro-F1 of the disease: intervals are not corrected for the number of scores. They are of these two "
        "files: another training of the same model would give another difference."
    )
    told = table("Differences on the same patients", ["score", "difference in points (95 % interval)", "verdict"], rows)
    return joined([el("h3", f"{name} minus {other[0]}"), told, el("p", note)])


def _facts(to: Benchmark) -> Markup:
    """Source, folds and counts."""
    counts = [[str(row), *map(int, values)] for row, values in zip(to.counts.index, to.counts.to_numpy(), strict=True)]
    numbers = tuple(range(1, len(to.counts.columns) + 1))
    return joined([
        bullets([f"{to.source}; {to.licence}.", to.made, to.not_checked, f"SHA-256 of the table: {to.sha256}."]),
        table("Photographs by disease and fold", ["", *to.counts.columns], counts, numbers=numbers),
    ])  # fmt: skip
