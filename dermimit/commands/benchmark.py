"""`dermimit benchmark` and `dermimit score`."""

from pathlib import Path
from typing import Annotated, Any

import tyro


def list_known() -> None:
    """List the benchmarks: photographs, patients, classes, licence."""
    from dermimit.benchmark.benchmarks import benchmark, names, rule_of, title_of

    for name in names():
        if rule_of(name):
            print(f"{name:<25} {'from your copy':>15}; {title_of(name)}")
            continue
        to = benchmark(name)
        print(f"{name:<25} {len(to.frame):>8,} photographs, {to.frame['patient_id'].nunique():,} patients, "
              f"{len(to.classes)} classes; {to.title}; {to.licence}")  # fmt: skip


def show(name: Annotated[str, tyro.conf.Positional], /, root: Path | None = None, out: Path | None = None) -> None:
    """Show a benchmark: source, how its folds were made, counts by class and fold, hash.

    Args:
        name: of the benchmark.
        root: folder of the dataset, for a benchmark whose table is made from your copy.
        out: file for its table, as CSV: image, patient, lesion, disease, body part, skin type, attributes, fold.
    """
    from dermimit.benchmark.benchmarks import as_csv, benchmark
    from dermimit.records import write_atomically
    from dermimit.spreadsheets import for_spreadsheets

    to = benchmark(name, root)
    print(f"{to.title}\nversion {to.version}, SHA-256 {to.sha256}\n{to.source}; {to.licence}\n")
    print(f"{to.made}\nNot checked: {to.not_checked}\n\n{to.counts.to_string()}")
    if out:
        text = as_csv(for_spreadsheets(to.frame))
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, lambda path: path.write_text(text, encoding="utf-8"))
        print(f"\n{out}")


def verify(
    name: Annotated[str, tyro.conf.Positional],
    root: Annotated[Path, tyro.conf.Positional],
    /,
    labels_only: bool = False,
) -> int:
    """Check a copy of the dataset against a benchmark: missing, extra and changed photographs. Exit code 1 if so.

    Compares labels and counts by class and patient, reads every photograph, and names those that look different, if the
    benchmark knows how photographs look. For a benchmark whose table is made from your copy, prints what differs from
    the authors' counts, and the hash.

    Args:
        name: of the benchmark.
        root: folder of the dataset.
        labels_only: do not read the photographs.
    """
    from dermimit.benchmark.verify import check

    found, facts = check(name, root, photographs=not labels_only)
    said = f"differs from {name}" if found else f"is {name}"
    print("\n".join([f"{root} {said}", *(f"  {line}" for line in found), "", facts]))
    return int(bool(found))


def score(
    answers: Annotated[Path, tyro.conf.Positional],
    /,
    benchmark: str,
    root: Path | None = None,
    against: Path | None = None,
    out: Path | None = None,
    html: Path | None = None,
) -> None:
    """Score predictions for a benchmark: a file with a row for each photograph and a column for each class.

    A model that was trained on the other folds must predict each photograph. No model and no torch is needed.

    Args:
        answers: .csv, .tsv or .parquet with `image` and the classes.
        benchmark: name of the benchmark; `dermimit benchmark list` lists them.
        root: folder of the dataset, for a benchmark whose table is made from your copy.
        against: another file of predictions: also print the difference, on the same resampled patients.
        out: JSON file for the scores.
        html: file for a page like that of `dermimit report`.
    """
    from dermimit.benchmark.answers_file import read_answers_file
    from dermimit.benchmark.benchmarks import benchmark as named
    from dermimit.benchmark.scoring import difference, report
    from dermimit.benchmark.text import as_text, differences_as_text
    from dermimit.files import check_output
    from dermimit.records import write_json

    if out:
        check_output(out, answers, against, suffix=".json")
    if html:
        check_output(html, answers, against)
    to = named(benchmark, root)
    given = read_answers_file(answers, to)
    found: dict[str, Any] = report(to, given)
    print(as_text(found))
    other = None
    if against:
        both = difference(to, given, read_answers_file(against, to))
        found["against"] = {name: vars(one) for name, one in both.items()}
        print(differences_as_text(against.name, both))
        other = against.stem, both
    if html:
        from dermimit.report.benchmark_page import write_benchmark_page

        print(write_benchmark_page(to, answers.stem, given, html, other))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, found)
        print(out)
