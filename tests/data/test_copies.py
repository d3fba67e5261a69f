"""Copies of a photograph, byte for byte, are learnt from or tested on, and not both in silence."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from dermimit.data import load
from dermimit.data.copies import same_files

pytestmark = pytest.mark.filterwarnings("ignore:.*no patient_id", "ignore::dermimit.data.measurable.SmallDataWarning")


@pytest.fixture
def tree(tmp_path):
    """20 photographs of each of two diseases, the first five of each there three times."""
    rng = np.random.default_rng(0)
    for disease in ("acne", "eczema"):
        (tmp_path / disease).mkdir()
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(tmp_path / disease / f"{i:02d}.png")
            for copy in ("(1)", "(2)") if i < 5 else ():
                shutil.copy(tmp_path / disease / f"{i:02d}.png", tmp_path / disease / f"{i:02d} {copy}.png")
    return tmp_path


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_dealt_to_one_split(tree, seed):
    photos = load("folder", tree, 16, seed=seed)
    split = photos.frame.assign(name=photos.frame["image"].str[:-4].str.split(" ").str[0])
    assert (split.groupby("name")["split"].nunique() == 1).all() and photos.frame["lesion_id"].isna().all()
    assert set(photos.frame["split"]) == {"train", "val", "test"}


def test_copies_in_two_splits_that_are_given_are_named(tree):
    rows = [f"{path.relative_to(tree)},{path.parent.name},{'test' if '(2)' in path.name else 'train'}"
            for path in sorted(tree.glob("*/*.png"))]  # fmt: skip
    (tree / "manifest.csv").write_text("\n".join(["image,disease,split", *rows]))
    with pytest.warns(UserWarning, match=r"are copies, byte for byte, of one in another split: acne/00"):
        frame = load("folder", tree, 16).frame
    kept = frame[frame["split"] != "test"].assign(name=frame["image"].str[:-4].str.split(" ").str[0])
    assert (kept.groupby("name")["split"].nunique() == 1).all() and set(kept["split"]) == {"train", "val"}


def test_pipes_and_empty_files_are_copies_of_nothing(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        os.mkfifo(tmp_path / name)
    for name in ("c.jpg", "d.jpg"):
        (tmp_path / name).write_bytes(b"")
    for name in ("e.jpg", "f.jpg"):
        (tmp_path / name).write_bytes(b"same")
    assert same_files(tmp_path, [f"{name}.jpg" for name in "abcdefg"]) == {"f.jpg": "e.jpg"}
