"""`dermimit benchmark` and `dermimit score`."""

from pathlib import Path
from typing import Annotated, Any

import tyro


def list_known() -> None:
    """List the benchmarks: photographs, patients, classes, licence."""
    from dermimit.benchmark.benchmarks import benchmark, names, rule_of, title_of

    for name in names():
        if rule_of(name):
            print(f"{name:<20} {'from your copy':>15}; {title_of(name)}")
            continue
        to = benchmark(name)
        print(f"{name:<20} {len(to.frame):>8,} photographs, {to.frame['patient_id'].nunique():,} patients, "
              f"{len(to.classes)} classes; {to.title}; {to.licence}")  # fmt: skip


def show(name: Annotated[str, tyro.conf.Positional], /, root: Path | None = None, out: Path | None = None) -> None:
    """Show a benchmark: source, how its folds were made, counts by class and fold, hash.

    Args:
        name: of the benchmark.
        root: folder of the dataset, for a benchmark whose table is made from your copy.
        out: file for its table, as CSV: image, patient, lesion, disease, body part, skin type, attributes, fold.
    """
    from dermimit.benchmark.benchmarks import LISTS, benchmark

    to = benchmark(name, root)
    print(f"{to.title}\nversion {to.version}, SHA-256 {to.sha256}\n{to.source}; {to.licence}\n")
    print(f"{to.made}\nNot checked: {to.not_checked}\n\n{to.counts.to_string()}")
    if out:
        to.frame.assign(**{column: to.frame[column].map("; ".join) for column in LISTS}).to_csv(out, index=False)
        print(f"\n{out}")


def verify(name: Annotated[str, tyro.conf.Positional], root: Annotated[Path, tyro.conf.Positional], /) -> int:
    """Check a copy of the dataset against a benchmark: missing, surplus and changed photographs. Exit code 1 if so.

    Of a benchmark whose table is made from your copy, what differs from the authors' counts is told, and the hash.

    Args:
        name: of the benchmark.
        root: folder of the dataset.
    """
    from dermimit.benchmark.benchmarks import benchmark, rule_of
    from dermimit.benchmark.verify import against_official, verify
    from dermimit.data.loaders import LOADERS

    if rule_of(name):
        found, to = against_official(name, root), benchmark(name, root)
        hint = f"SHA-256 {to.sha256}: compare it with that of others"
    else:
        to = benchmark(name)
        frame = LOADERS[to.dataset](root)[0]
        found = verify(to, frame[frame["split"] == "test"] if to.dataset == "synderm" else frame)
        hint = f"the {len(to.frame):,} photographs of {name}, version {to.version}"
    print("\n".join(found) if found else f"{root}: {hint}")
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
    """Score anybody's answers to a benchmark: a file with a row a photograph and a column of given a class.

    Every photograph must be answered by a model that was trained on the other folds. No model and no torch is needed.

    Args:
        answers: .csv, .tsv or .parquet with `image` and the classes.
        benchmark: name of the benchmark; `dermimit benchmark list` lists them.
        root: folder of the dataset, for a benchmark whose table is made from your copy.
        against: another file of answers: also print the difference, on the same drawn patients.
        out: JSON file for the scores.
        html: file for a page as `dermimit report` writes it; this needs torch.
    """
    from dermimit.benchmark.answers_file import read_answers_file
    from dermimit.benchmark.benchmarks import benchmark as named
    from dermimit.benchmark.scoring import as_text, difference, report
    from dermimit.records import write_json

    to = named(benchmark, root)
    given = read_answers_file(answers, to)
    found: dict[str, Any] = report(to, given)
    print(as_text(found))
    other = None
    if against:
        both = difference(to, given, read_answers_file(against, to))
        found["against"] = {name: vars(one) for name, one in both.items()}
        print(f"minus {against.name}")
        for name, label in (("macro_f1", "macro-F1"), ("accuracy", "accuracy")):
            print(f"  {label:<18} {both[name].signed()}: {both[name].verdict()}")
        print("  of these two files; another training of the same model would give another")
        other = against.stem, both
    if html:
        from dermimit.report.benchmark_page import write_benchmark_page

        print(write_benchmark_page(to, answers.stem, given, html, other))
    if out:
        write_json(out, found)
        print(out)
