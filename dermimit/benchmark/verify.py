"""Is a user's copy of a dataset the benchmark's? Missing, surplus and changed photographs, counts, and the hash."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.benchmark.benchmarks import COLUMNS, Benchmark, benchmark, image_name, rule_of
from dermimit.benchmark.looks import FAR, looks_of, read_looks
from dermimit.data.loaders import LOADERS
from dermimit.data.official import count, count_classes, differences, official_counts
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import collect_problems

SHOWN = 5
LABELS = [column for column in COLUMNS if column != "fold"]


def check(name: str, root: Path, photographs: bool = True) -> tuple[list[str], str]:
    """Check a copy of a dataset against a benchmark.

    Args:
        name: of the benchmark.
        root: folder of the copy.
        photographs: whether they are read.

    Returns:
        a line for each kind of difference; and the benchmark's counts by class, with the hash.

    Raises:
        ValueError: there is no such benchmark.
        ManifestError: the copy has no table, or one without the dataset's columns.
    """
    if rule_of(name):
        found, to = against_official(name, root), benchmark(name, root)
        hashes = f"SHA-256 of the table {to.sha256}: compare it with that of others"
    else:
        to = benchmark(name)
        frame, problems = copy_of(to, root)
        found = verify(to, frame, whole_of(to)) or problems[:SHOWN]
        here = labels_hash(frame[frame["image"].isin(to.frame["image"])])
        hashes = f"SHA-256 of the labels, here: {here}\n{name}, version {to.version}: {labels_hash(to.frame)}"
    found += verify_photographs(to, root) if photographs else []
    return found, f"{name}, photographs and patients:\n{to.counts[['all', 'patients']].to_string()}\n{hashes}"


def copy_of(to: Benchmark, root: Path) -> tuple[pd.DataFrame, list[str]]:
    """The manifest of a copy as far as it can be read, `image` being the stem of a file, and what is wrong with it.

    Args:
        to: the benchmark.
        root: folder of the copy.

    Raises:
        ManifestError: its table is missing, or lacks columns.
    """
    with collect_problems() as problems:
        frame = LOADERS[to.dataset](root)[0]
    if to.dataset == "synderm":
        frame = frame[frame["split"] == "test"]
    return frame.assign(image=frame["image"].map(image_name)), problems


def verify(to: Benchmark, theirs: pd.DataFrame, more: Sequence[str] = ()) -> list[str]:
    """What differs between the table of a user's copy and the benchmark; empty where nothing does.

    Args:
        to: the benchmark.
        theirs: the manifest of the copy, from `copy_of`.
        more: images that may be there too, such as those of a larger set that the benchmark is a part of.

    Returns:
        a line for each kind of difference, with how many and the first few; and counts where they differ.
    """
    theirs = theirs.assign(image=theirs["image"].map(image_name))
    twice = theirs.loc[theirs["image"].duplicated(), "image"]
    lines = _line("is", "are", "in the table twice", list(twice))
    theirs = theirs.drop_duplicates("image").set_index("image")
    ours = to.frame.set_index("image")
    lines += _line("is", "are", "missing in the table", [name for name in ours.index if name not in theirs.index])
    known = {*ours.index, *more}
    lines += _line("is", "are", "not in the benchmark", [name for name in theirs.index if name not in known])
    shared = [name for name in ours.index if name in theirs.index]
    for column in [c for c in LABELS if c in theirs]:
        a, b = (_plain(part.loc[shared, column]) for part in (ours, theirs))
        changed = [(name, x, y) for name, x, y in zip(shared, a, b, strict=True) if x != y]
        shown = [f"{name} ({y or 'empty'}, not {x or 'empty'})" for name, x, y in changed]
        lines += _line("has", "have", f"another {column}", shown)
    return lines + _counts(ours, theirs.loc[shared])


def verify_photographs(to: Benchmark, root: Path) -> list[str]:
    """Which photographs have no file, several, one that cannot be read, or one that looks like another photograph."""
    found, known = find_photos(root), read_looks(to)
    lines = _line("has", "have", "no file", [name for name in to.frame["image"] if name not in found])
    lines += _line("has", "have", "several files", [name for name in to.frame["image"] if len(found.get(name, ())) > 1])
    looks = looks_of(root, {name: found[name][0] for name in to.frame["image"] if name in found})
    broken = [f"{name} ({look.reason})" for name, look in looks.items() if look.reason]
    lines += _line("has", "have", "a file that cannot be read", broken)
    other = [n for n, look in looks.items() if n in known and not look.reason and distance(look.phash, known[n]) > FAR]
    return lines + _line("looks", "look", "like another photograph", other)


def distance(one: int, other: int) -> int:
    """Bits in which two looks differ."""
    return (one ^ other).bit_count()


def labels_hash(frame: pd.DataFrame) -> str:
    """SHA-256 of the labels of photographs, whatever their order, and however a table writes them."""
    table = pd.DataFrame({column: _plain(frame[column]) for column in LABELS if column in frame})
    return hashlib.sha256(table.sort_values("image").to_csv(index=False, lineterminator="\n").encode()).hexdigest()


def whole_of(to: Benchmark) -> list[str]:
    """The photographs of the larger benchmark that this one is a part of."""
    return list(benchmark(to.part_of).frame["image"]) if to.part_of else []


def against_official(name: str, root: Path) -> list[str]:
    """Where the counts of a copy differ from those that the dataset's authors give."""
    rule = rule_of(name)
    frame, space = LOADERS[rule["dataset"]](root, **rule.get("options", {}))
    official, _ = official_counts(rule["dataset"], list(frame["image"]))
    found = {"images": len(frame)} | count(frame, space)
    return differences(official, found, count_classes(frame, space))


def _counts(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """Photographs and patients of each disease, where they differ."""
    tables = [part.groupby("disease")["patient_id"].agg(["size", "nunique"]) for part in (theirs, ours)]
    lines = []
    for disease in sorted({*tables[0].index, *tables[1].index}):
        here, there = (t.loc[disease].to_list() if disease in t.index else [0, 0] for t in tables)
        if here != there:
            lines.append(f"{disease}: {here[0]} photographs of {here[1]} patients here, "
                         f"{there[0]} of {there[1]} in the benchmark")  # fmt: skip
    return lines


def _line(one: str, many: str, what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = ", ..." if len(names) > SHOWN else ""
    count = f"1 photograph {one}" if len(names) == 1 else f"{len(names)} photographs {many}"
    return [f"{count} {what}: {', '.join(names[:SHOWN])}{more}"]


def _plain(values: pd.Series) -> list[str]:
    """Values as text, a number without its decimals, "" where there is none."""
    texts = []
    for value in values:
        if isinstance(value, list | tuple | np.ndarray):
            texts.append("; ".join(sorted(value)))
        elif pd.isna(value):
            texts.append("")
        elif isinstance(value, float) and value.is_integer():
            texts.append(str(int(value)))
        else:
            texts.append(str(value))
    return texts
