"""A dataset on disk in this project's own form: a checked manifest beside its label space."""

import json
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.schema import validate_manifest
from dermimit.records import write_atomically

MANIFEST_FILE, LABEL_SPACE_FILE = "manifest.parquet", "label_space.json"


def save_dataset(root: Path | str, frame: pd.DataFrame, label_space: LabelSpace) -> None:
    """Check a manifest against the files in `root`, then write it there with its label space.

    Raises:
        ManifestError: as `validate_manifest`; nothing is written.
    """
    root = Path(root)
    frame = validate_manifest(frame, label_space, root)
    text = json.dumps(label_space.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_atomically(root / LABEL_SPACE_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    write_atomically(root / MANIFEST_FILE, lambda path: frame.to_parquet(path))


def load_dataset(root: Path | str) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest and label space that `save_dataset` wrote in `root`, checked again.

    Raises:
        ManifestError: a file is absent, unreadable or wrong.
    """
    root = Path(root)
    for name in (LABEL_SPACE_FILE, MANIFEST_FILE):
        if not (root / name).is_file():
            raise ManifestError(f"{root / name}: no such file; photographs of your own are read with dataset 'folder', "
                                "synthetic images are written there with `dermimit data synderm`")  # fmt: skip
    try:
        label_space = LabelSpace.from_dict(json.loads((root / LABEL_SPACE_FILE).read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"{root / LABEL_SPACE_FILE}: not a label space ({error}); write the dataset again"
        ) from error
    frame = read_parquet(root / MANIFEST_FILE)
    return validate_manifest(frame, label_space, root, source=str(root / MANIFEST_FILE)), label_space


def read_parquet(path: Path) -> pd.DataFrame:
    """A manifest from a Parquet file, unchecked.

    Raises:
        ManifestError: it is no Parquet file, or a damaged one.
    """
    try:
        parquet.read_table(path).validate(full=True)  # text that is not UTF-8 would only be found when it is used
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow and pandas raise anything on a broken file
        raise ManifestError(
            f"{path}: not a parquet file ({type(error).__name__}: {error}); write the dataset again"
        ) from error
