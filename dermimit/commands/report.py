"""`dermimit report`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dermimit.commands import Options


def report(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    out: Path | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    split: Literal["all", "train", "val", "test"] | None = None,
    photographs: bool = True,
    data_check: bool = True,
    options: Options | None = None,
    leave_out_unknown: bool = False,
    quarantine: str = "",
) -> None:
    """Write a report on a trained run, as one HTML page that needs no network: scores, chance, curves, errors, data.

    Args:
        run: folder of a finished run, also one without weights, or the name of a published model
            (`dermimit models`).
        out: file to write; by default RUN-report.html.
        dataset: name of the dataset in `root`, to score the run on other photographs than its own test split.
        root: folder of that dataset.
        split: photographs of that dataset; without it all of them.
        photographs: show photographs and file names in the page; turn off for data of people that may not be
            redistributed.
        data_check: read and check all photographs of the dataset.
        options: of that dataset's loader, such as `level 19`; by default those that the run was trained with.
        leave_out_unknown: leave out, and count, photographs with classes that the run does not know.
        quarantine: file that names photographs of that dataset to leave out.
    """
    from dermimit.report.page import write_report
    from dermimit.zoo.resolve import is_published, resolve

    run = resolve(run)
    if is_published(run) and dataset is None:
        raise ValueError(f"report: the published model {run.name} has no test split of its own: give --dataset and "
                         f"--root, or see its card, dermimit models show {run.name}")  # fmt: skip
    where = f"folder-{root.resolve().name}" if dataset == "folder" and root else dataset
    other = f"-on-{where}-{split or 'all'}" if dataset else ""
    path = out or Path(f"{run.resolve().name}{other}-report.html")
    of_others = (options, leave_out_unknown, quarantine)
    print(write_report(run, path, dataset, root, split, photographs, data_check, *of_others))
