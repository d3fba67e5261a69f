"""What happens when something goes wrong: a clear error, nothing half-written, and the same numbers afterwards."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from test_train import MODEL, RECORD, assert_same_run, config  # noqa: F401

from dermimit.data import PhotoDataset
from dermimit.evaluate.folder import evaluate
from dermimit.lock import LockedError, locked
from dermimit.records import read_json, write_json, write_parquet
from dermimit.train import (
    CompileError,
    NonFiniteLossError,
    OutOfMemoryError,
    TrainConfig,
    WorkerDiedError,
    engine,
    fit,
    load_run,
    resuming,
)
from dermimit.train import checkpoint as checkpoint_module
from dermimit.train.checkpoint import CheckpointError, load_tensors, save_tensors

resource = pytest.importorskip("resource")
ROOT = Path(__file__).parents[2]
NO_BATCH_NORM = {"model": "dermimitformer_small_patch16_224", "model_kwargs": MODEL | {"depth": 4}}
HOLD = """import os, sys, time
from pathlib import Path
from dermimit.lock import locked
with locked(Path(sys.argv[1])):
    if sys.argv[2:] and os.fork() == 0:
        os.close(1)
        time.sleep(60)
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder, *more):
    """Another process that holds the folder's lock."""
    command = [sys.executable, "-c", HOLD, str(folder), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, start_new_session=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def largest_file(size):
    """Inside it the system refuses to let a file grow beyond `size` bytes, as a full disk would."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.fixture
def broken(config, monkeypatch):  # noqa: F811
    """A run that was interrupted after two of its three epochs."""

    def make(out="broken", **changes):
        real = engine.train_one_epoch

        def stops(*arguments):
            if arguments[5] == 2:
                raise KeyboardInterrupt
            return real(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(engine, "train_one_epoch", stops)
            with pytest.raises(KeyboardInterrupt):
                fit(config(out, **changes))
        return config(out, **changes)

    return make


# ---------------------------------------------------------------- two processes, one folder


def test_a_second_process_is_refused_by_name_and_a_dead_one_is_taken_over(config):  # noqa: F811
    run = config()
    with holder(run.out) as other:
        with pytest.raises(LockedError, match=rf"process {other.pid} on .* since .*name another folder"):
            fit(run)
        assert sorted(os.listdir(run.out)) == [".lock", ".lock.json"]
        other.kill()
        other.wait()
        assert read_json(run.out / ".lock.json")["pid"] == other.pid
        fit(run)
    assert sorted(os.listdir(run.out)) == RECORD


def test_a_child_of_a_dead_process_does_not_hold_its_lock(tmp_path):
    with holder(tmp_path, "and fork") as parent:
        parent.kill()
        parent.wait()
        with locked(tmp_path):
            assert read_json(tmp_path / ".lock.json")["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def test_a_process_does_not_lock_itself_out_in_silence(tmp_path):
    with locked(tmp_path), pytest.raises(LockedError, match="this process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


SAVING = """
import sys
import numpy as np
from safetensors.numpy import save_file
while True:
    save_file({"a": np.zeros(20_000_000)}, sys.argv[1])
"""


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / ".last.safetensors.4711").write_bytes(b"half")
    (tmp_path / ".keep.me").write_text("mine")
    with subprocess.Popen([sys.executable, "-c", SAVING, str(tmp_path / ".best.safetensors.4712")]) as saving:
        while not list(tmp_path.glob(".tmp*")):  # the name under which safetensors writes
            assert saving.poll() is None
        saving.kill()
    with locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == [".keep.me"]


# ---------------------------------------------------------------- checkpoints


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_one_bit(path):
    content = bytearray(path.read_bytes())
    content[-50] ^= 4
    path.write_bytes(content)


def damage_empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [damage_cut, damage_one_bit, damage_empty], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", ["last", "best"])
def test_a_damaged_checkpoint_is_named_before_training_goes_on(broken, harm, name):
    run = broken()
    harm(run.out / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match=rf"{name}.safetensors is damaged .*delete it"):
        fit(run)


def test_a_damaged_checkpoint_that_is_deleted_costs_time_and_no_number(config, broken):  # noqa: F811
    whole, run = fit(config("whole")), broken()
    for name in ("last", "best"):
        (run.out / f"{name}.safetensors").unlink()
    assert_same_run(whole, fit(run))


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_checkpoint_of_another_configuration_is_refused(broken, name):
    run, other = broken(), broken("other", seed=1)
    os.replace(other.out / f"{name}.safetensors", run.out / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match=rf"{name}.safetensors is a checkpoint of another run \(seed: 1, here 0"):
        fit(run)


def test_a_best_checkpoint_that_is_missing_or_of_another_epoch_is_refused(broken):
    run = broken()
    path, (tensors, meta) = run.out / "best.safetensors", load_tensors(run.out / "best.safetensors")
    save_tensors(path, tensors, meta | {"epoch": 1 - meta["epoch"]})
    with pytest.raises(CheckpointError, match="is of epoch"):
        fit(run)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"best.safetensors is missing: delete last.safetensors too"):
        fit(run)


def scored(monkeypatch, *scores):
    """From now on, the epochs have these validation scores, one after the other."""
    ahead = iter(scores)
    monkeypatch.setattr(engine, "score", lambda *_: {"disease/macro_f1": next(ahead)})


STEPS = {"save_tensors": resuming, "save_training": resuming, "replace": Path}
"""What writes an epoch's checkpoints, in order; of `replace` the one that is not of `write_atomically`."""


@contextmanager
def killed_before(step):
    """Inside it, a run is killed in its second epoch, just before it writes this."""
    owner, calls = STEPS[step], iter(range(2))
    real = getattr(owner, step)

    def stops(*arguments):
        if next(calls, 1):
            raise KeyboardInterrupt
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, step, stops)
        with pytest.raises(KeyboardInterrupt):
            yield


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("again", [0.9, 0.1], ids=["the best again", "no longer the best"])
def test_a_kill_between_the_checkpoints_of_a_best_epoch_costs_that_epoch_at_most(config, monkeypatch, step, again):  # noqa: F811
    """The epoch that is done again may have another score, as on a GPU."""
    done = step == "replace"  # the second epoch is on the disk
    scored(monkeypatch, 0.5, 0.9 if done else again, 0.2)
    whole = fit(config("whole"))
    scored(monkeypatch, 0.5, 0.9)
    with killed_before(step):
        fit(config())
    scored(monkeypatch, *(() if done else (again,)), 0.2)
    run = fit(config())
    assert sorted(os.listdir(run)) == RECORD
    assert_same_run(whole, run)
    best = 1 if done or again > 0.5 else 0
    assert load_tensors(run / "model.safetensors")[1]["epoch"] == best


def test_a_changed_weight_of_a_finished_run_is_noticed(config):  # noqa: F811
    run = fit(config())
    damage_one_bit(run / "model.safetensors")
    with pytest.raises(CheckpointError, match="checksum"):
        load_run(run)


def test_weights_without_a_checksum_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(3)}, tmp_path / "old.safetensors", metadata={"meta": '{"epoch": 2}'})
    with pytest.raises(CheckpointError, match=r"old\.safetensors .*'crc32' is missing.*: delete it"):
        load_tensors(tmp_path / "old.safetensors")


# ---------------------------------------------------------------- a full disk


@pytest.mark.parametrize("kind", ["checkpoint", "parquet", "json"])
def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, kind):
    path = tmp_path / "file"
    numbers = np.random.default_rng(0).random(100_000)
    small, large = {
        "checkpoint": (lambda: save_tensors(path, {"a": torch.ones(2)}, {}),
                       lambda: save_tensors(path, {"a": torch.from_numpy(numbers)}, {})),
        "parquet": (lambda: write_parquet(path, pd.DataFrame({"a": [1.0]})),
                    lambda: write_parquet(path, pd.DataFrame({"a": numbers}))),
        "json": (lambda: write_json(path, [1]), lambda: write_json(path, numbers.tolist())),
    }[kind]  # fmt: skip
    small()
    before = path.read_bytes()
    with largest_file(20_000), pytest.raises(OSError, match=rf"{path}: files may not become this large.*make room"):
        large()
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["file"]
    large()
    assert path.stat().st_size > 20_000


@pytest.mark.parametrize("name", ["last.safetensors", "predictions.parquet"])
def test_training_goes_on_after_a_full_disk(config, monkeypatch, name):  # noqa: F811
    whole, real = fit(config("whole")), checkpoint_module.write_atomically

    def full(path, write):
        def fails(draft):
            draft.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        real(path, fails if path.name == name and full.calls else write)
        full.calls += path.name == name

    full.calls = int(name.endswith("parquet"))
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint_module, "write_atomically", full)
        patched.setattr("dermimit.records.write_atomically", full)
        with pytest.raises(OSError, match=rf"{name}: the disk is full; nothing is half-written: make room"):
            fit(config())
    left = set(os.listdir(config().out))
    assert {"last.safetensors", "best.safetensors"} < left and not [n for n in left if n.startswith(".")]
    assert_same_run(whole, fit(config()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_kill_while_a_cache_is_filled_changes_no_number(config, monkeypatch, tmp_path):  # noqa: F811
    whole, died = fit(config("whole")), []
    for moment in (1, 4, 9, 14, 18):  # files that are still put in place before the kill
        run, left = config(f"run{moment}", cache=str(tmp_path / f"cache{moment}")), iter(range(moment))
        child = os.fork()
        if not child:
            real = os.replace
            monkeypatch.setattr(
                os, "replace", lambda *a, n=left, r=real: os._exit(9) if next(n, None) is None else r(*a)
            )
            fit(run)
            os._exit(0)
        died.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert_same_run(whole, fit(run))
    assert died == [9] * 5 and len(list((tmp_path / "cache1").rglob("*"))) > 12


# ---------------------------------------------------------------- numbers, memory, workers


def test_an_exploding_gradient_stops_with_advice(config, monkeypatch):  # noqa: F811
    monkeypatch.setattr("accelerate.Accelerator.clip_grad_norm_", lambda *_: torch.tensor(torch.inf))
    with pytest.raises(NonFiniteLossError, match=r"norm of the gradient is not finite at step 0 .*lower lr .*warmup"):
        fit(config())


def test_a_loss_that_really_becomes_nan_stops(config):  # noqa: F811
    with pytest.raises(NonFiniteLossError, match="not finite at step"):
        fit(config(lr=1e30, clip_norm=1e30, warmup=0.0))


def no_memory_on_the_card(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")


def no_memory(*_):
    torch.empty(2**55)


@pytest.mark.parametrize("fault", [no_memory_on_the_card, no_memory], ids=lambda f: f.__name__)
def test_out_of_memory_says_what_to_change(config, monkeypatch, fault):  # noqa: F811
    monkeypatch.setattr(engine, "train_one_epoch", fault)
    said = r"4 photographs of 16 pixels .*accumulate=2 .*unless chance is in the model.*batch_size=2"
    with pytest.raises(OutOfMemoryError, match=said):
        fit(config())


@pytest.mark.slow
def test_without_a_compiler_the_error_says_how_to_go_on(config, monkeypatch):  # noqa: F811
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    with pytest.raises(CompileError, match=r"take compile=no .*(InvalidCxxCompiler|no-such-compiler)"):
        fit(config(compile="default"))
    assert load_run(fit(config("eager"))).metrics


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_worker_that_dies_is_explained_and_fewer_workers_go_on(config, monkeypatch):  # noqa: F811
    whole, real = fit(config("whole")), PhotoDataset.__getitem__

    def deadly(photos, i):
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(photos, i)

    with monkeypatch.context() as patched:
        patched.setattr(PhotoDataset, "__getitem__", deadly)
        with pytest.raises(WorkerDiedError, match="workers=1, 0 loads in the training process"):
            fit(config(workers=1))
    assert_same_run(whole, fit(config(workers=0)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_change_no_number(config):  # noqa: F811
    assert_same_run(fit(config("none")), fit(config("two", workers=2)))


def test_parts_of_a_batch_add_up_to_the_batch(config):  # noqa: F811
    changes = dict(samples=24, batch_size=8, epochs=3) | NO_BATCH_NORM
    whole, parts = (load_run(fit(config(f"in_{n}", accumulate=n, **changes))) for n in (1, 3))
    losses = [n for n in whole.history if n.startswith("loss")]
    pd.testing.assert_frame_equal(whole.history[losses], parts.history[losses], rtol=1e-4)
    for name in ("disease_prob", "attributes_prob", "body_part_prob"):
        one, other = (np.stack(run.predictions[name]) for run in (whole, parts))
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("wrong", [{"balance": "pcgrad"}, {"watch_gradients": 1}])
def test_what_keeps_the_graph_is_not_compiled(config, wrong):  # noqa: F811
    with pytest.raises(ValueError, match=r"compile.*no with balance=pcgrad or watch_gradients"):
        config(compile="default", **wrong)


def test_replayed_graphs_do_not_add_up_parts(config):  # noqa: F811
    with pytest.raises(ValueError, match=r"compile='reduce-overhead': must be default with accumulate"):
        config(compile="reduce-overhead", accumulate=2)


@pytest.mark.parametrize("wrong", [{"accumulate": 9}, {"accumulate": 2, "balance": "pcgrad"}, {"accumulate": 0}])
def test_parts_that_cannot_be_are_refused(config, wrong):  # noqa: F811
    with pytest.raises(ValueError, match="accumulate"):
        config(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"accumulate": 2}, r"accumulate=2: must be 1 with cim_shuffled: .*not of its part"),
        ({"batch_size": 1}, r"batch_size=1: must be 2 or more with cim_shuffled: .*another one of its batch"),
    ],
)
def test_a_photograph_that_would_ask_one_of_its_part_is_refused(config, wrong, said):  # noqa: F811
    shuffled = {"model_kwargs": MODEL | {"cim_shuffled": True}}
    assert config(**shuffled).accumulate == 1
    with pytest.raises(ValueError, match=said):
        config(**shuffled, **wrong)


# ---------------------------------------------------------------- the world around


def test_a_clock_that_is_set_back_changes_no_number(config, monkeypatch):  # noqa: F811
    whole, now = fit(config("whole")), iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: next(now))
    run = fit(config())
    assert_same_run(whole, run)
    assert (pd.read_parquet(run / "history.parquet")["seconds"] > 0).all()
    assert read_json(run / "provenance.json")["seconds"] == 0


def test_nothing_is_written_into_a_dataset_that_is_read_only(config, tmp_path):  # noqa: F811
    root = config().data_root
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}
    try:
        run = fit(config(in_memory=False))
        evaluate(run, "synderm", root, tmp_path / "evaluation", cache=tmp_path / "cache")
        assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in [root, *root.rglob("*")]} == before
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_checkpoint_names_the_settings_that_matter(tmp_path):
    usual = TrainConfig(data_root=tmp_path, out=tmp_path)
    moved = TrainConfig(data_root=tmp_path / "a", out=tmp_path / "b", workers=3, cache="c")
    assert usual.identity() == moved.identity()
    assert usual.identity() != TrainConfig(data_root=tmp_path, out=tmp_path, in_memory=False).identity()
