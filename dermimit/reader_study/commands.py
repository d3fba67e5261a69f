"""`dermimit reader-study`: prepare, serve, export, correct-clock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dermimit.reader_study import Shares


def prepare(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str,
    root: Path,
    out: Path,
    cases: int = 60,
    readers: int = 12,
    seed: int | None = None,
    split: Literal["train", "val", "test"] = "test",
    shares: Shares = "equal",
    washout_days: float = 28.0,
    title: str = "Reading study of skin photographs",
    options: dict[str, bool | int | float | str | None] | None = None,
) -> None:
    """Choose cases, predict them and make a plan for each reader; print the readers' codes.

    Args:
        run: folder of a finished run; its classes must be the dataset's.
        dataset: name of the dataset in `root`.
        root: folder of the dataset.
        out: folder of the study, which must not exist.
        cases: number of cases, even; at most one photograph of each patient.
        readers: number of reader codes.
        seed: of cases, halves, sequences and orders, not of codes; by default a secret one, kept in study.json. Whoever
            knows it knows what each reader will see.
        split: photographs to choose from; those of the run's own training are refused.
        shares: the same number of cases of each disease, or the proportions of the dataset.
        washout_days: minimum days between the two sessions of a reader.
        title: shown to readers.
        options: of the dataset's loader, such as `level 19`; by default those of the run, on its own dataset.
    """
    import secrets

    from dermimit.data import load
    from dermimit.reader_study import study as reader_study
    from dermimit.train.run import load_run

    loaded = load_run(run)
    config = loaded.config
    usual = config.data_options if dataset == config.dataset else {}
    photo_set = load(dataset, root, config.image_size, config.split_seed, **(usual if options is None else options))
    seed = secrets.randbits(32) if seed is None else seed
    settings = reader_study.Settings(title, cases, readers, seed, split, shares, washout_days)
    study = reader_study.prepare(photo_set, loaded, out, settings)
    print(f"{out}: {len(study.key)} cases of {study.key['disease'].nunique()} diseases\nreader codes, to be handed out "
          f"in this order: {' '.join(study.plans)}\nserve it: dermimit reader-study serve {out}")  # fmt: skip


def serve(
    study: Annotated[Path, tyro.conf.Positional],
    /,
    port: int = 8642,
    allowed_host: tuple[str, ...] = (),
) -> None:
    """Serve the reading page on this machine; an interrupted study continues where it stopped.

    Args:
        study: folder that `prepare` wrote.
        port: on the loopback address; another device needs a tunnel, or a web server with TLS before this program.
        allowed_host: names of that web server, such as study.clinic.example.
    """
    from dermimit.reader_study.server import serve

    serve(study, port, allowed_host)


def export(study: Annotated[Path, tyro.conf.Positional], /, out: Path) -> None:
    """Write all answers with truth and scores as one Parquet file, and list the missing answers.

    Args:
        study: folder that `prepare` wrote.
        out: file to write, with a row for each answer.
    """
    from dermimit.files import check_output
    from dermimit.reader_study.export import export_study, missing_answers
    from dermimit.reader_study.study import load_study

    check_output(out, *(study / name for name in ("key.parquet", "study.json", "answers", "evidence", "photos")))
    loaded = load_study(study)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = export_study(loaded, out)
    print(f"{out}: {rows} answers")
    for reader, missing in missing_answers(loaded).items():
        print(f"  reader {reader}: {missing} answers missing")


def correct_clock(
    study: Annotated[Path, tyro.conf.Positional],
    /,
    why: str,
    reader: str | None = None,
    ended: str | None = None,
) -> None:
    """Record that the clock was wrong and is right now; for a reader also the true end of the first session.

    No answer is changed. answers/corrections.jsonl keeps what was corrected, by whom and why.

    Args:
        study: folder that `prepare` wrote; stop serving it first.
        why: what was wrong.
        reader: code of the reader whose washout was counted from a wrong time.
        ended: true end of that reader's first session, with time zone: 2026-03-01T17:00+01:00.
    """
    from datetime import datetime

    from dermimit.reader_study.clock import StudyClock
    from dermimit.reader_study.server import only_one
    from dermimit.reader_study.study import load_study

    loaded = load_study(study)
    try:
        when = None if ended is None else datetime.fromisoformat(ended)
    except ValueError as error:
        raise ValueError(f"--ended {ended}: give a time such as 2026-03-01T17:00+01:00") from error
    with only_one(study):
        line = StudyClock(loaded).correct(why, reader, when)
    print(f"{study}: the clock counts as correct since {line['made']}" + (
        f"; the washout of {reader} counts from {line['ended']}" if reader else ""))  # fmt: skip


def commands() -> tyro.extras.SubcommandApp:
    """The subcommands."""
    app = tyro.extras.SubcommandApp()
    for command in (prepare, serve, export, correct_clock):
        app.command(name=command.__name__.replace("_", "-"))(command)
    return app
