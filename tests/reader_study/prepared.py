"""Fixtures of the reader study's tests (`pytest_plugins`): a small prepared study, and a server of it."""

import shutil
import threading
from dataclasses import replace

import pytest
from reading import Clock

from dermimit.data import load
from dermimit.data.synderm import write
from dermimit.reader_study.server import ReadingServer
from dermimit.reader_study.session import Sessions
from dermimit.reader_study.study import Settings, load_study, prepare
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run on synthetic images, their `PhotoSet`, and a prepared study."""
    folder = tmp_path_factory.mktemp("reader")
    write(folder / "data", {"train": 8, "val": 4, "test": 8}, image_size=16)
    shape = dict(image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4)
    run = load_run(fit(TrainConfig(data_root=folder / "data", out=folder / "run", **shape)))
    photos = load("synderm", folder / "data", 16)
    return run, photos, prepare(photos, run, folder / "study", Settings(cases=4, readers=2, seed=0, washout_days=1))


@pytest.fixture
def run(trained):
    """The run."""
    return trained[0]


@pytest.fixture
def photos(trained, tmp_path):
    """A copy that a test may damage."""
    shutil.copytree(trained[1].root, tmp_path / "data")
    return replace(trained[1], root=tmp_path / "data")


@pytest.fixture
def study(trained, tmp_path):
    """A copy without answers."""
    shutil.copytree(trained[2].folder, tmp_path / "copied")
    return load_study(tmp_path / "copied")


@pytest.fixture
def served(study):
    """A server of it, in a thread."""
    server = ReadingServer(Sessions(study, Clock().of(study)), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
