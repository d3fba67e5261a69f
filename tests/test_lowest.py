"""The lowest versions that pyproject.toml admits: a run is trained there and asked, as with the newest."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_setup import draw_folder

pytest.importorskip("uv")
ROOT = Path(__file__).parents[1]
MODEL = ["img_size", "16", "patch_size", "4", "embed_dim", "24", "num_heads", "3", "lsm_k", "4"]
TRAIN = ["train", "--dataset", "folder", "--data-root", "photos", "--out", "run", "--image-size", "16", "--samples",
         "8", "--tasks", "disease", "--no-lsm", "--fusion", "none", "--epochs", "1", "--batch-size", "4", "--tracker",
         "none", "--model-kwargs", *MODEL]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("DERMIMIT_LOWEST" not in os.environ, reason="fetches 3 GB of packages: set DERMIMIT_LOWEST=1")
def test_the_lowest_versions_train_and_answer(tmp_path):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (tmp_path / "wanted.txt").write_text("\n".join(wanted))
    uv = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
    for words in (
        ["venv", "--python", "3.11", "env"],
        ["pip", "install", "--python", "env", "--resolution", "lowest-direct", "-r", "wanted.txt"],
        ["build", "--wheel", "--out-dir", "wheel", str(ROOT)],
    ):
        subprocess.run([*uv, *words], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    subprocess.run([*uv, "pip", "install", "--python", "env", "--no-deps", str(wheel)], cwd=tmp_path, check=True)
    draw_folder(tmp_path)
    for words in (TRAIN, ["predict", "run", "photo.jpg", "--figure", "answer.png", "--out", "answers.csv"],
                  ["evaluate", "run", "--dataset", "folder", "--root", "photos", "--out", "scores"],
                  ["report", "run", "--out", "page.html", "--no-data-check"]):  # fmt: skip
        done = subprocess.run([tmp_path / "env/bin/dermimit", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "answers.csv").stat().st_size and (tmp_path / "answer.png").stat().st_size
