"""`dermimit reader-study`: prepare, serve, export."""

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
    seed: int = 0,
    split: Literal["train", "val", "test"] = "test",
    shares: Shares = "equal",
    washout_days: float = 28.0,
    title: str = "Reading study of skin photographs",
    options: dict[str, bool | int | float | str | None] | None = None,
) -> None:
    """Choose cases, ask the model about them and draw up each reader's plan; print the readers' codes.

    Args:
        run: folder of a finished run; its classes must be the dataset's.
        dataset: name of the dataset in `root`.
        root: folder of the dataset.
        out: folder of the study, which must not exist.
        cases: even; at most one photograph of a patient is taken.
        readers: how many codes to make.
        seed: of everything that is left to chance.
        split: photographs to choose from; those of the run's own training are refused.
        shares: as many cases of each disease, or the dataset's own shares.
        washout_days: least days between a reader's two sessions.
        title: shown to readers.
        options: of the dataset's loader, such as `level 19`; without it those of the run, on its own dataset.
    """
    from dermimit.data import load
    from dermimit.reader_study import study as reader_study
    from dermimit.train.run import load_run

    loaded = load_run(run)
    config = loaded.config
    usual = config.data_options if dataset == config.dataset else {}
    photo_set = load(dataset, root, config.image_size, config.split_seed, **(usual if options is None else options))
    settings = reader_study.Settings(title, cases, readers, seed, split, shares, washout_days)
    study = reader_study.prepare(photo_set, loaded, out, settings)
    print(f"{out}: {len(study.key)} cases of {study.key['disease'].nunique()} diseases\nreader codes, to be handed out "
          f"in this order: {' '.join(study.plans)}\nserve it: dermimit reader-study serve {out}")  # fmt: skip


def serve(study: Annotated[Path, tyro.conf.Positional], /, port: int = 8642) -> None:
    """Serve the reading page on this machine; an interrupted study goes on where it stopped.

    Args:
        study: folder that `prepare` wrote.
        port: on the loopback address; another device needs a tunnel.
    """
    from dermimit.reader_study.server import serve

    serve(study, port)


def export(study: Annotated[Path, tyro.conf.Positional], /, out: Path) -> None:
    """Write all answers with truth and scores as one tidy Parquet file, and say what is still missing.

    Args:
        study: folder that `prepare` wrote.
        out: file to write, a row an answer.
    """
    from dermimit.reader_study.export import export_study, missing_answers
    from dermimit.reader_study.study import load_study

    loaded = load_study(study)
    rows = export_study(loaded, out)
    print(f"{out}: {rows} answers")
    for reader, missing in missing_answers(loaded).items():
        print(f"  reader {reader}: {missing} answers missing")


def commands() -> tyro.extras.SubcommandApp:
    """The subcommands."""
    app = tyro.extras.SubcommandApp()
    for command in (prepare, serve, export):
        app.command(name=command.__name__)(command)
    return app
