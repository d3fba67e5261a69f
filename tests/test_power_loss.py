"""A loss of power leaves empty, torn and changed files: they are found and made again, and nothing else is."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import draw_tiny
from PIL import Image

from dermimit import records
from dermimit.data.cache import PhotoCache
from dermimit.data.photos import read_photo
from dermimit.data.synderm import datasheet, write
from dermimit.data.synderm.whole import is_whole
from dermimit.records import publish, write_atomically, write_json, write_parquet
from dermimit.train.checkpoint import save_tensors

ROOT = Path(__file__).parents[1]


def empty(path):
    path.write_bytes(b"")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[100 if path.suffix == ".npz" else len(content) // 2] ^= 16  # in a zip file, not where only its date is
    path.write_bytes(content)


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


HARMS = [empty, truncate, flip, zeros]


@pytest.fixture(autouse=True)
def few_simulated(monkeypatch):
    monkeypatch.setattr(datasheet, "SIMULATED", 500)


# ---------------------------------------------------------------- what is written is on the disk


@pytest.fixture
def calls(monkeypatch):
    """What is synced and renamed, in order."""
    done = []

    def sync(handle, real=os.fsync):
        done.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    def replace(source, target, real=os.replace):
        done.append(("rename", str(target)))
        real(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from Linux's /proc")
@pytest.mark.parametrize("kind", ["json", "parquet", "tensors", "text"])
def test_a_file_and_its_name_are_on_the_disk_before_it_counts(tmp_path, calls, kind):
    path = tmp_path / "file"
    {"json": lambda: write_json(path, [1]), "parquet": lambda: write_parquet(path, pd.DataFrame({"a": [1]})),
     "tensors": lambda: save_tensors(path, {"a": torch.ones(2)}, {}),
     "text": lambda: write_atomically(path, lambda p: p.write_text("a"))}[kind]()  # fmt: skip
    assert calls == [("sync", f"{tmp_path}/.file.{os.getpid()}"), ("rename", str(path)), ("sync", str(tmp_path))]


def test_what_cannot_be_written_is_said_of_the_file_that_was_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"its folder is not there.*new/a\.json'"):
        write_json(tmp_path / "new/a.json", [1])
    with pytest.raises(IsADirectoryError, match="a folder: name a file"):
        write_json(tmp_path, [1])
    assert os.listdir(tmp_path) == []


def test_a_disk_that_is_found_full_while_syncing_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_json(tmp_path / "a.json", [1])
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.json: the disk is full; nothing is half-written"):
        write_json(tmp_path / "a.json", [2])
    assert os.listdir(tmp_path) == ["a.json"] and (tmp_path / "a.json").read_text() == "[\n 1\n]\n"


@pytest.mark.parametrize(("number", "passes"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_syncs_no_folders_is_no_error(tmp_path, monkeypatch, number, passes):
    def fails(handle, real=os.fsync):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(number, "no")
        real(handle)

    monkeypatch.setattr(os, "fsync", fails)
    if passes:
        write_json(tmp_path / "a.json", [2])
    else:
        with pytest.raises(OSError, match="no"):
            write_json(tmp_path / "a.json", [2])


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX's")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_every_file_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", [1])
        write_parquet(tmp_path / "a.parquet", pd.DataFrame({"a": [1]}))
        save_tensors(tmp_path / "a.safetensors", {"a": torch.ones(2)}, {})
    finally:
        os.umask(before)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "a.json": oct(mode), "a.parquet": oct(mode), "a.safetensors": oct(mode)
    }  # fmt: skip


# ---------------------------------------------------------------- drawings


SIZES = {"train": 6, "val": 2, "test": 2}


def contents(root, pattern="*.*"):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob(pattern)) if p.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasheet, "SIMULATED", 500)
        return write(tmp_path_factory.mktemp("data") / "sd", SIZES, image_size=32, maps=True, visits=(0, 30))


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "begun"])
@pytest.mark.parametrize("harm", HARMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("folder", ["images", "masks", "maps"])
def test_a_harmed_picture_is_drawn_again(drawn, tmp_path, capsys, folder, harm, finished):
    root = Path(shutil.copytree(drawn, tmp_path / "sd"))
    whole, path = contents(root), sorted((root / folder).iterdir())[3]
    others = {p: p.stat().st_mtime_ns for p in root.rglob("*.png") if p != path}
    harm(path)
    assert not is_whole(path)
    if not finished:
        (root / "manifest.parquet").unlink()
    write(root, SIZES, image_size=32, maps=True, visits=(0, 30))
    assert contents(root) == whole
    assert {p: p.stat().st_mtime_ns for p in others} == others
    if finished:
        assert f"{folder}/{path.name} is damaged: made again" in capsys.readouterr().err


TABLES = [(name, harm) for name in ("manifest.parquet", "label_space.json") for harm in HARMS]
TABLES += [("DATASHEET.md", empty), *(("croissant.json", harm) for harm in (empty, truncate, zeros))]  # text for people


@pytest.mark.parametrize(("name", "harm"), TABLES)
def test_a_harmed_table_is_written_again(drawn, tmp_path, name, harm):
    root = Path(shutil.copytree(drawn, tmp_path / "sd"))
    whole = contents(root)
    harm(root / name)
    write(root, SIZES, image_size=32, maps=True, visits=(0, 30))
    assert contents(root) == whole


def test_a_finished_folder_that_is_whole_is_left_alone(drawn, tmp_path, capsys):
    root = Path(shutil.copytree(drawn, tmp_path / "sd"))
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    write(root, SIZES, image_size=32, maps=True, visits=(0, 30))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == times and not capsys.readouterr().err


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_any_changed_byte_of_a_picture_is_noticed(drawn, tmp_path, place):
    for path in (sorted((drawn / "images").iterdir())[0], sorted((drawn / "masks").iterdir())[0]):
        content = bytearray(path.read_bytes())
        for at in (place, len(content) - 1 - place, len(content) // 2 + place):
            changed = bytearray(content)
            changed[at] ^= 1
            (tmp_path / "a.png").write_bytes(changed)
            assert not is_whole(tmp_path / "a.png"), at
        (tmp_path / "a.png").write_bytes(content + b"\0")
        assert not is_whole(tmp_path / "a.png")
        (tmp_path / "a.png").write_bytes(content)
        assert is_whole(tmp_path / "a.png")


# ---------------------------------------------------------------- cache


def folder_instead(path):
    path.unlink()
    (path / "deep").mkdir(parents=True)
    (path / "deep/file").write_text("x")


def pipe_instead(path):
    path.unlink()
    os.mkfifo(path)


def link_instead(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("harm", [*HARMS, folder_instead, pipe_instead, link_instead], ids=lambda f: f.__name__)
def test_a_harmed_entry_of_the_cache_is_made_again(tmp_path, harm):
    draw_tiny(tmp_path, 3)
    photo, cache = tmp_path / "images/03.png", PhotoCache(tmp_path / "cache")
    whole = read_photo(photo, 16, cache)
    entry = cache.entry(photo.read_bytes(), 16)
    content = entry.read_bytes()
    harm(entry)
    assert torch.equal(read_photo(photo, 16, cache), whole)
    assert entry.read_bytes() == content and not entry.is_symlink()
    assert not list((cache.unfinished).iterdir())


# ---------------------------------------------------------------- published records


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    write_json(root / "config.json", {"data_root": "/somewhere/data", "out": "x"})
    write_json(root / "metrics.json", {"test": {"disease/accuracy": 0.5}})
    write_json(root / "provenance.json", {"seed": 0})
    write_json(root / "label_space.json", {"name": "x", "diseases": ["a", "b"]})
    rows = {"image": ["a", "b"], "split": ["val", "test"], "patient_id": ["1", "2"], "disease": ["a", "b"]}
    rows |= {"disease_prob": [np.float32([0.4, 0.6])] * 2}
    write_parquet(root / "predictions.parquet", pd.DataFrame(rows))
    write_parquet(root / "history.parquet", pd.DataFrame({"epoch": [0]}))
    return root


@pytest.mark.parametrize("harm", HARMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("predictions", ["all", "answers"])
def test_a_harmed_published_record_is_written_again(run, tmp_path, harm, predictions):
    publish(run, tmp_path / "out", predictions)
    whole = contents(tmp_path / "out")
    for name in whole:
        harm(tmp_path / "out" / name)
        publish(run, tmp_path / "out", predictions)
        assert contents(tmp_path / "out") == whole


# ---------------------------------------------------------------- killed at any moment


KILLED = """
import os, signal, sys
from pathlib import Path
def dies(*words, real=os.replace):
    real(*words)
    os.kill(os.getpid(), signal.SIGKILL)
os.replace, out = dies, sys.argv[1] + "/killed"
"""
WATCHED = """
import os, shutil, sys
from pathlib import Path
folder = Path(sys.argv[1])
def keep():
    shutil.copytree(folder / "whole", folder / f"{len(os.listdir(folder)):03}", symlinks=True)
def watched(*words, real=os.replace):
    keep()
    real(*words)
    keep()
def work(out):
    WORK
os.replace, real = watched, os.replace
work(folder / "whole")
os.replace = real
states = sorted(name for name in os.listdir(folder) if name.isdigit())
for left in ["killed", *states[:: -(-len(states) // AGAIN)]]:
    work(shutil.copytree(folder / left, folder / f"{left} again", symlinks=True))
"""
AGAIN = 3  # of the folders that a kill can leave are worked on again, from the first to the last
WORK = {
    "publish": "from dermimit.records import publish; publish(Path({run!r}), Path(out))",
    "report": "from dermimit.cli import main; main(['report', {run!r}, '--out', f'{{out}}/page.html', "
              "'--no-data-check', '--no-photographs'])",
    "export": "from dermimit.cli import main; main(['export', {run!r}, '--onnx', f'{{out}}/model.onnx'])",
    "tables": "import sys; sys.argv = ['x', '--out', str(out)]; import runpy; "
              "runpy.run_module('studies.evidence.measure_tables', run_name='__main__')",
}  # fmt: skip


def readable(path):
    """Whether a file can be read to its end by what reads it."""
    if path.suffix == ".json":
        yaml.safe_load(path.read_text())
    elif path.suffix == ".parquet":
        pd.read_parquet(path)
    elif path.suffix == ".csv":
        assert len(pd.read_csv(path))
    elif path.suffix in (".html", ".svg"):
        assert path.read_text().rstrip().endswith(("</html>", "</svg>"))
    elif path.suffix == ".onnx":
        import onnx

        onnx.load(path)
    elif path.suffix in (".png", ".jpg"):
        Image.open(path, formats=["PNG", "JPEG"]).load()
    return True


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from dermimit.train import TrainConfig, fit

    root = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasheet, "SIMULATED", 500)
        write(root / "data", {"train": 12, "val": 6, "test": 6}, image_size=16)
    model = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    return fit(TrainConfig(data_root=root / "data", out=root / "run", image_size=16, model_kwargs=model, samples=8,
                           epochs=1, batch_size=4, tracker="none"))  # fmt: skip


def finished(out):
    """The files in a folder that count; what is being written starts with a dot."""
    return [path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("work", WORK)
def test_a_kill_leaves_nothing_half_written(trained, tmp_path, work):
    """What a kill leaves is the folder as it is then: it is copied before and after each file gets its name."""
    (tmp_path / "killed").mkdir(), (tmp_path / "whole").mkdir()
    words = WORK[work].format(run=str(trained))
    start = [sys.executable, "-c"]
    done = subprocess.run([*start, KILLED + words, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    script = WATCHED.replace("WORK", words).replace("AGAIN", str(AGAIN))
    subprocess.run([*start, script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)

    files = {
        folder.name: [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
        for folder in tmp_path.iterdir()
    }
    assert all(readable(path) for paths in files.values() for path in paths)
    whole = {path.relative_to(tmp_path / "whole") for path in files["whole"]}
    again = [name for name in files if name.endswith("again")]
    assert whole and not files["002"] and len(again) > 2  # two folders were there before
    assert all({path.relative_to(tmp_path / name) for path in files[name]} == whole for name in again)
    assert records.write_atomically is write_atomically
