"""Write SynDerm to a folder: pictures, masks, maps and the manifest, in parallel and resumable."""

import errno
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from dermimit.data.stored import save_dataset
from dermimit.data.synderm.confounders import Spec
from dermimit.data.synderm.croissant import save_croissant
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.datasheet import save_datasheet
from dermimit.data.synderm.describe import claim, identity
from dermimit.data.synderm.files import Plan, case_files, write_case
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.linked import link_pictures
from dermimit.data.synderm.regimes import VERSION_3
from dermimit.data.synderm.splits import TEST_SEED, split_seed, split_sizes
from dermimit.data.synderm.whole import are_whole, is_whole
from dermimit.lock import LOCK_FILE, locked

RENDERER = VERSION_3.version  # of what is drawn without a regime; a regime has the version of `Regime`
FINAL = ("label_space.json", "manifest.parquet", "DATASHEET.md", "croissant.json")


def write(
    directory: Path | str,
    n: int | Mapping[str, int],
    seed: int = 0,
    image_size: int = 64,
    workers: int = 1,
    fitzpatrick: int | Sequence[int] | Mapping[int, float] | None = None,
    prior: Sequence[float] | Array | None = None,
    confounders: Spec = True,
    zoom: float | None = None,
    camera: Mapping[str, Any] | None = None,
    visits: Sequence[float] = (0,),
    maps: bool = False,
    regime: str | None = None,
    fresh_test: bool = False,
    beside: Path | str | None = None,
) -> Path:
    """Write images/*.png, masks/*.png (255 on lesions), manifest.parquet, label_space.json and what describes them.

    synderm.json holds every setting and a fingerprint of them, DATASHEET.md is for people, croissant.json for tools.
    Each case is a patient of its own. A folder left half-written by a kill is completed; its finished files are kept.

    Args:
        directory: new folder, or one that an earlier call with the same arguments began.
        n: cases by split, keys among "train", "val", "test"; or their sum, see `split_sizes`.
        seed: 0 and up.
        image_size: side of the pictures in pixels.
        workers: processes; the files do not depend on it.
        fitzpatrick, prior, confounders, zoom, camera: as in `SynDerm`.
        visits: days on which each case is photographed, rising from 0 or more; see `SynDerm.visits`. A case's visits
            share patient_id and lesion_id, and so the split.
        maps: also write maps/*.npz, which `files.read_maps` reads.
        regime: as in `SynDerm`. In a noisy one the labels of the training and validation splits are a reader's, with
            the truth in columns true_body_part and true_attributes; those of the test split are true.
        fresh_test: the test split is the fresh test set of the regime: `TEST_CASES` cases, at least 100 of each
            disease, the same whatever `seed` is, so that training sets of several seeds share a test set.
        beside: a folder written before, whose pictures of the same cases are linked and not drawn again; see
            `linked.link_pictures`.

    Returns:
        the folder.

    Raises:
        ValueError: an unknown name or a number out of range.
        FileExistsError: the folder holds something else.
        LockedError: another process draws into it.
        OSError: a file cannot be written; no half-written file is left, and the same call goes on from there.
    """
    root, sizes, days = Path(directory), split_sizes(n, fresh_test), _days(visits)
    if workers < 1:
        raise ValueError(f"workers: must be 1 or more, found {workers}")
    if seed < 0:
        raise ValueError(f"seed: must be 0 or more, found {seed}")
    knobs: dict[str, Any] = {"fitzpatrick": fitzpatrick, "prior": prior, "confounders": confounders}
    knobs |= {"zoom": zoom, "camera": camera, "regime": regime}
    seeds = {s: split_seed(TEST_SEED if fresh_test and s == "test" else seed, s) for s in sizes}
    datasets = {s: SynDerm(count, seeds[s], image_size, **knobs) for s, count in sizes.items()}
    plan = Plan(root, datasets, days, maps)
    try:
        _write(plan, identity(datasets, seed, days, maps, fresh_test), workers, beside)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "free some space and write again with the same arguments; finished files are kept"
            raise OSError(error.errno, f"{root}: the disk is full: {remedy}") from error
        raise
    return root


def _write(plan: Plan, facts: dict[str, Any], workers: int, beside: Path | str | None) -> None:
    root, record = plan.root, claim(plan.root, facts)
    harmed = _harmed(plan) if all((root / name).exists() for name in FINAL) else None
    if harmed == []:
        if (root / LOCK_FILE).exists():
            with suppress(OSError), locked(root):  # removes it, if the process that made it was killed
                pass
        return
    if harmed:
        more = f" and {len(harmed) - 1} more files are" if len(harmed) > 1 else " is"
        print(f"{root}: {harmed[0]}{more} damaged: made again", file=sys.stderr)
    with locked(root):
        for folder in plan.folders:
            (root / folder).mkdir(exist_ok=True)
        if beside is not None:
            link_pictures(root, facts, Path(beside))
        _draw(plan, record, workers)


def _harmed(plan: Plan) -> list[str]:
    """The files of a finished folder that are missing, cut short or changed."""
    cases = ((split, i) for split, dataset in plan.datasets.items() for i in range(len(dataset)))
    visits = (visit for split, i in cases for visit in case_files(plan, split, i))
    harmed = [path for visit in visits for path in visit.values() if not is_whole(path)]
    names = [path.relative_to(plan.root).as_posix() for path in harmed]
    return names if are_whole(plan.root, FINAL) else [*names, FINAL[1]]


def _draw(plan: Plan, record: dict[str, Any], workers: int) -> None:
    root = plan.root
    jobs = [(split, i) for split, dataset in plan.datasets.items() for i in range(len(dataset))]
    rows = [row for rows in _run(partial(write_case, plan), jobs, workers) for row in rows]
    for draft in (d for folder in plan.folders for d in (root / folder).glob(".*.*.[0-9]*")):
        draft.unlink(missing_ok=True)  # of a process that was killed
    save_dataset(root, pd.DataFrame(rows), LABEL_SPACE)
    save_datasheet(root, record, next(iter(plan.datasets.values())))
    save_croissant(root, record)


def _days(visits: Sequence[float]) -> tuple[float, ...]:
    """The days of the visits as checked numbers."""
    days = tuple(float(day) for day in visits)
    rising = all(a < b for a, b in itertools.pairwise(days))
    if not days or not rising or not all(math.isfinite(day) and day >= 0 for day in days):
        raise ValueError(f"visits: must be days that rise from 0 or more, found {list(visits)}")
    return days


def _run(task: Any, jobs: list[tuple[str, int]], workers: int) -> list[list[dict[str, Any]]]:
    """Run the task over the jobs, in order, with a bar when a person is watching."""
    bar = partial(tqdm, total=len(jobs), unit="case", desc="synderm", disable=not sys.stderr.isatty())
    if workers == 1:
        return list(bar(map(task, jobs)))
    method = next(name for name in ("forkserver", "spawn") if name in get_all_start_methods())
    context = get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])  # import once, then fork each worker
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(bar(pool.map(task, jobs, chunksize=max(1, min(64, len(jobs) // (4 * workers))))))
