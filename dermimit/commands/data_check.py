"""`dermimit data check` and `dermimit data info`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import tyro

from dermimit.commands import Options


def check(
    root: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    skip_broken: Path | None = None,
    strict: bool = False,
    split_seed: int = 0,
    options: Options | None = None,
) -> int:
    """Check every row and image of a dataset: missing, broken, duplicate, in two splits. Exit code 1 on faults.

    Args:
        root: folder of the dataset.
        dataset: its name.
        as_json: print one JSON object instead of the table.
        skip_broken: write the images that cannot be read into this file, for `dermimit train --quarantine`.
        strict: also count near-duplicates across splits as faults.
        split_seed: of the split at random, where the dataset has none of its own; as in `dermimit train`.
        options: of the dataset's loader, such as `fold 3`.
    """
    from dermimit.data.check import check
    from dermimit.data.quarantine import check_list, write_quarantine

    if skip_broken is not None:
        check_list(skip_broken)
    report = check(dataset, root, strict, options=options, split_seed=split_seed)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if as_json else report.table())
    if skip_broken is not None:
        print(f"{skip_broken}: {write_quarantine(report.unreadable, skip_broken)} photographs listed", file=sys.stderr)
    return 1 if report.faults() else 0


def info(name: Annotated[str, tyro.conf.Positional], /) -> None:
    """Print what is known of a dataset: counts, licence, where to get it, the files expected, known faults.

    Args:
        name: of the dataset.
    """
    from dermimit.data.facts import print_info

    print(print_info(name))
