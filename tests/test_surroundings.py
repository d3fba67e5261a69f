"""The same run in a bare or narrow world: no home, no path, another language, few open files, small ones, odd names."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import ATTRIBUTES, BODY_PARTS, DISEASES, draw_tiny, tiny_row

from dermimit.data.label_space import LabelSpace
from dermimit.data.stored import save_dataset

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="limits, links and modes are POSIX's")]
ROOT = Path(__file__).parents[1]
ODD = '-it\'s "mine"\n$(touch MARKER);`x` &' + "x" * 190
NUMBERS = ("model.safetensors", "predictions.parquet", "metrics.json", "label_space.json", "calibration.json")
DO = """
import os, sys
if {limits}:
    import resource
    for name, most in {limits}.items():
        resource.setrlimit(getattr(resource, name), (most, most))
os.umask({umask})
sys.path.insert(0, {root!r})
import torch
torch.set_num_threads(1)
from dermimit.cli import main
for words in {words}:
    if main(words):
        sys.exit(1)
"""
MODEL = ["img_size", "16", "patch_size", "4", "embed_dim", "24", "num_heads", "3", "lsm_k", "4"]


def training(photos, out, *more):
    return ["train", f"--data-root={photos}", f"--out={out}", "--image-size", "16", "--samples", "8", "--epochs", "1",
            "--batch-size", "4", "--tracker", "none", *more, "--model-kwargs", *MODEL]  # fmt: skip


def done(folder, *words, limits=None, umask=0o022, **environment):
    """The commands in a Python of their own, in a folder, with this environment and no other."""
    code = DO.format(limits=limits or {}, umask=umask, root=str(ROOT), words=list(words))
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Photographs, and the run that the usual surroundings give."""
    root = tmp_path_factory.mktemp("surroundings")
    for i in range(12):
        draw_tiny(root / "tiny", i)
    space = LabelSpace("tiny", DISEASES, BODY_PARTS, ATTRIBUTES)
    save_dataset(root / "tiny", pd.DataFrame([tiny_row(i) for i in range(12)]), space)
    answers = ["predict", str(root / "run"), str(root / "tiny/images"), "--out", str(root / "answers.csv")]
    ended = done(root, training(root / "tiny", root / "run"), answers, **os.environ)
    assert ended.returncode == 0, ended.stderr
    return root


def assert_same(usual, run, answers):
    for name in NUMBERS:
        assert (run / name).read_bytes() == (usual / "run" / name).read_bytes(), name
    probabilities = [pd.read_csv(path).filter(like="probability") for path in (usual / "answers.csv", answers)]
    pd.testing.assert_frame_equal(*probabilities, check_exact=True)


def test_without_home_path_or_language_under_odd_names_and_through_a_link(usual, tmp_path):
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "photos").symlink_to(usual / "tiny", target_is_directory=True)
    (folder / "place").mkdir()
    (folder / "-run").symlink_to("place", target_is_directory=True)
    bare = {"LC_ALL": "C", "TZ": "Nowhere/None"}
    answers = ["predict", "./-run", str(usual / "tiny/images"), "--out", "./-answers.csv"]
    ended = done(folder, training("photos", "-run"), answers, umask=0o077, **bare)
    assert ended.returncode == 0, ended.stderr
    assert_same(usual, folder / "place", folder / "-answers.csv")
    assert {path.stat().st_mode & 0o077 for path in (folder / "place").iterdir()} == {0}
    assert not list(tmp_path.rglob("MARKER"))


def test_with_few_open_files_and_none_above_a_megabyte(usual, tmp_path):
    answers = ["predict", "run", str(usual / "tiny/images"), "--out", "answers.csv"]
    limits = {"RLIMIT_NOFILE": 64, "RLIMIT_FSIZE": 2**20}
    ended = done(tmp_path, training(usual / "tiny", "run", "--workers", "2"), answers, limits=limits, **os.environ)
    assert ended.returncode == 0, ended.stderr
    assert_same(usual, tmp_path / "run", tmp_path / "answers.csv")


def test_with_hardly_any_open_files_it_is_answered_or_said_in_a_line(usual, tmp_path):
    answers = ["predict", str(usual / "run"), str(usual / "tiny/images"), "--out", "answers.csv"]
    ended = done(tmp_path, answers, limits={"RLIMIT_NOFILE": 12}, **os.environ)
    if ended.returncode:
        assert "Traceback" not in ended.stderr and "Too many open files" in ended.stderr
    else:
        assert_same(usual, usual / "run", tmp_path / "answers.csv")
