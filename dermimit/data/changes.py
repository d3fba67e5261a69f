"""What has become of a dataset since a run was trained on it: photographs added, removed, replaced, labelled anew."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from dermimit.data.cells import as_weights, is_missing
from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import TASKS

TABLE = "photographs.parquet"
"""Name of the file in a run's folder that `table_of` makes."""
LABELS = (*TASKS, "attributes_unknown", WEIGHTS_COLUMN)
SHOWN = 3  # names given of each kind of change


def table_of(frame: pd.DataFrame, root: Path) -> pd.DataFrame:
    """What a run is trained on, small enough to be kept with it.

    Args:
        frame: a manifest with splits.
        root: folder of its photographs.

    Returns:
        a row a photograph: `image`; `split`; the labels as text, missing where unknown; `bytes`, the size of its file,
        -1 where there is none.
    """
    columns = {name: list(map(_as_text, frame[name])) for name in LABELS if name in frame}
    sizes = [_size(root / image) for image in frame["image"]]
    return pd.DataFrame({"image": list(frame["image"]), "split": list(frame["split"]), **columns, "bytes": sizes})


def _as_text(value: object) -> str | None:
    if isinstance(value, dict):
        return json.dumps(as_weights(value), ensure_ascii=False)
    if isinstance(value, str) or is_missing(value):
        return value if isinstance(value, str) else None
    return "; ".join(sorted(map(str, value))) if isinstance(value, Iterable) else str(value)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def holds_photographs(run: Path, root: Path) -> bool:
    """Whether a folder is the one that a run was trained on, as far as its record tells: a file has its size still.

    For the relative path of a folder, which from another place may lead to photographs of somebody else.

    Args:
        run: its folder; without a table of photographs there is nothing to tell by.
        root: the folder.
    """
    if not (run / TABLE).is_file():
        return True
    then = pd.read_parquet(run / TABLE)
    return any(
        size >= 0 and _size(root / image) == size for image, size in zip(then["image"], then["bytes"], strict=True)
    )


def differences(then: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """Each kind of change with its number and first names, such as "2 photographs added (a.jpg, b.jpg)".

    Args:
        then: of `table_of`, as the run keeps it.
        now: the same of the data as they are.
    """
    then, now = then.set_index("image"), now.set_index("image")
    both = now.index[now.index.isin(then.index)]
    said = [
        _counted(now.index[~now.index.isin(then.index)], "added"),
        _counted(then.index[~then.index.isin(now.index)], "removed"),
    ]
    then, now = then.reindex(both), now.loc[both]
    labels = pd.DataFrame({name: _other(then, now, name) for name in LABELS}, index=both)
    said += [
        _counted(both[labels.any(axis=1)], "labelled otherwise"),
        _counted(both[_other(then, now, "split")], "in another split"),
        _counted(both[(then["bytes"] != now["bytes"]) & (now["bytes"] >= 0)], "replaced by a file of another size"),
        _counted(both[(then["bytes"] >= 0) & (now["bytes"] < 0)], "without a file"),
    ]
    return [text for text in said if text]


def new_classes(then: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """The diseases that occur now and did not then, sorted."""
    return sorted(set(now["disease"].dropna()) - set(then["disease"].dropna()))


def _other(then: pd.DataFrame, now: pd.DataFrame, name: str) -> pd.Series:
    one, two = (t[name] if name in t else pd.Series(None, index=now.index, dtype=object) for t in (then, now))
    return (one != two) & ~(one.isna() & two.isna())


def _counted(images: Collection[str], what: str) -> str:
    if not len(images):
        return ""
    names = ", ".join(list(images)[:SHOWN]) + (", …" if len(images) > SHOWN else "")
    return f"{len(images):,} photograph{'s' if len(images) > 1 else ''} {what} ({names})"


def changes(run: Path, now: pd.DataFrame) -> str:
    """What has changed since a run was begun, in one line; empty where nothing has, or where the run kept no table.

    Args:
        run: its folder.
        now: of `table_of`.
    """
    if not (run / TABLE).is_file():
        return ""
    then = pd.read_parquet(run / TABLE)
    added = new_classes(then, now)
    named = [f"new disease{'s' if len(added) > 1 else ''}: {', '.join(added[:SHOWN])}"] if added else []
    return "; ".join([*named, *differences(then, now)])
