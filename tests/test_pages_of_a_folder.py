"""The pages of the book for photographs of one's own: diseases only, no body part, no attribute, no outline."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermimit.data.synderm import SynDerm

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with nothing in it but the notebooks, and a folder of folders of photographs."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "workflow"):
        (folder / name).symlink_to(ROOT / name)
    cases = SynDerm(120, seed=5, image_size=48)
    for i in range(60):
        disease = ("eczema", "psoriasis", "wart")[i % 3]
        (folder / "photos" / disease).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(cases[i].image)).save(folder / "photos" / disease / f"{i}.jpg")
    return folder


def execute(project, notebook, *parameters):
    command = [sys.executable, "-m", "papermill", f"notebooks/{notebook}.ipynb", f"{notebook}.ipynb", "-k", "python3"]
    given = {"profile": "smoke", "dataset": "folder", "data_root": str(project / "photos")} | dict(parameters)
    words = [word for name, value in given.items() for word in ("-p", name, value)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, "--no-progress-bar", *words], cwd=project, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_every_page_of_the_workflow_runs(project):
    short = (("samples", "64"), ("epochs", "1"), ("batch_size", "16"))
    plain = (("row", "D"), ("tasks", "disease"), ("lsm", "False"), ("fusion", "none"))
    for notebook, parameters in (
        ("01_data", ()), ("03_train", (*short, *plain)), ("03_train", (*short, ("row", "full"))),
        ("04_ablation", ()), ("05_attention", ()),
    ):  # fmt: skip
        result = execute(project, notebook, *parameters)
        assert result.returncode == 0, f"{notebook}: {result.stderr[-2000:]}"
