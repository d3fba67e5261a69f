"""Training on several processes: the numbers of one, nobody evaluated twice, and what Slurm says is understood."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator, DistributedType
from conftest import needs_compiler
from test_faults import NO_BATCH_NORM
from test_train import MODEL, config  # noqa: F401

from dermimit.records import read_json
from dermimit.train import fit, load_run
from dermimit.train.losses import masked_bce, soft_cross_entropy
from dermimit.train.processes import first_node, shares, understand_slurm

ROOT = Path(__file__).parents[2]
USUAL = dict(samples=36, epochs=3, batch_size=4, cutmix_probability=0.0) | NO_BATCH_NORM
TRAIN = """import json, sys
from dermimit.train import TrainConfig, engine, fit
values, stop = json.loads(sys.argv[1]), int(sys.argv[2])
real = engine.train_one_epoch
def stops(*arguments):
    if arguments[5] == stop:
        sys.exit(0)
    return real(*arguments)
engine.train_one_epoch = stops
fit(TrainConfig.from_dict(values))
"""
EVALUATE = """import sys
import pandas as pd
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from dermimit.data import PhotoDataset
from dermimit.evaluate.predictions import predict
from dermimit.train.assemble import load_photos
from dermimit.train import load_run
run = load_run(sys.argv[1])
photos = load_photos(run.config)
accelerator = Accelerator(dataloader_config=DataLoaderConfiguration(split_batches=True))
for size in (1, 2, 3, 5, 8, 12):
    data = PhotoDataset(photos.frame.head(size), photos.label_space, photos.root, photos.photos("val").transform)
    frame = predict(run.model, data, 4, accelerator)
    if accelerator.is_main_process:
        frame.to_parquet(f"{sys.argv[2]}/{size}.parquet")
"""


def together(count, code, *arguments):
    """The code in `count` processes that torchrun would have started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = os.environ | {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, stderr=subprocess.PIPE,
                         env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, text=True)
        for rank in range(count)
    ]  # fmt: skip
    errors = [process.communicate(timeout=900)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * count, errors


def as_text(run):
    import json

    return json.dumps(run.to_dict())


def assert_alike(one, other):
    """Equal but for rounding."""
    for name in ("disease_prob", "attributes_prob", "body_part_prob"):
        first, second = (np.stack(run.predictions[name]).astype(float) for run in (one, other))
        np.testing.assert_allclose(first, second, atol=2e-3)
    assert list(one.predictions["image"]) == list(other.predictions["image"])
    assert one.metrics["test"] == pytest.approx(other.metrics["test"], nan_ok=True, abs=1e-3)
    losses = [name for name in one.history if name.startswith(("loss", "lr"))]
    pd.testing.assert_frame_equal(one.history[losses], other.history[losses], rtol=1e-4)


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one_and_hand_over_to_one(config, tmp_path):  # noqa: F811
    one = load_run(fit(config("one", **USUAL)))
    together(2, TRAIN, as_text(config("two", **USUAL)), 9)
    assert_alike(one, load_run(tmp_path / "two"))
    together(2, TRAIN, as_text(config("handed", **USUAL)), 1)  # stopped after the first epoch
    assert not (tmp_path / "handed" / "metrics.json").exists()
    assert_alike(one, load_run(fit(config("handed", **USUAL))))


@pytest.mark.slow
def test_two_processes_train_the_answers_alone(config, tmp_path):  # noqa: F811
    after = USUAL | {"supervise": "after", "optimizer": "adamw", "lr": 0.001}
    one = load_run(fit(config("one", **after)))
    together(2, TRAIN, as_text(config("two", **after)), 9)
    assert_alike(one, load_run(tmp_path / "two"))


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_compiled_training_gives_the_numbers_of_eager_training(config, tmp_path, count):  # noqa: F811
    changes = USUAL | {"batch_size": 8, "ema": 0.9, "accumulate": 2}
    eager = load_run(fit(config("eager", **changes)))
    together(count, TRAIN, as_text(config("compiled", compile="default", **changes)), 1)  # stopped after an epoch
    together(count, TRAIN, as_text(config("compiled", compile="default", **changes)), 9)
    compiled = load_run(tmp_path / "compiled")  # refuses a checkpoint whose names are not the model's
    assert compiled.config.compile == "default"
    assert_alike(eager, compiled)


@pytest.mark.slow
def test_sharded_evaluation_neither_drops_nor_repeats(config, tmp_path):  # noqa: F811
    run = fit(config("run"))
    for count in (1, 2, 4):
        (tmp_path / str(count)).mkdir()
        together(count, EVALUATE, run, tmp_path / str(count))
    for size in (1, 2, 3, 5, 8, 12):
        alone, *shared = (pd.read_parquet(tmp_path / str(count) / f"{size}.parquet") for count in (1, 2, 4))
        assert len(alone) == size
        for frame in shared:
            assert list(frame["image"]) == list(alone["image"])
            for name in ("disease_prob", "attributes_prob"):
                np.testing.assert_allclose(np.stack(frame[name]), np.stack(alone[name]), atol=2e-3)


@pytest.mark.slow
def test_batch_normalisation_is_the_same_on_both_processes(config, tmp_path):  # noqa: F811
    together(2, TRAIN, as_text(config("run", batch_size=4, ema=0.9)), 9)
    run = load_run(tmp_path / "run")
    recorded = np.stack(run.predictions["disease_prob"])
    together(1, EVALUATE, tmp_path / "run", tmp_path)  # by the saved weights alone
    alone = pd.read_parquet(tmp_path / "12.parquet").set_index("image")["disease_prob"]
    np.testing.assert_allclose(np.stack(alone[run.predictions["image"]]), recorded, atol=2e-3)
    assert read_json(tmp_path / "run" / "metrics.json")["test"]


@pytest.mark.slow
def test_torchrun_starts_the_command(config, tmp_path):  # noqa: F811
    root, out = config().data_root, tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += [
        "dermimit",
        "train",
        "--data-root",
        str(root),
        "--out",
        str(out),
        "--image-size",
        "16",
        "--samples",
        "8",
    ]
    command += ["--epochs", "1", "--batch-size", "4", "--model-kwargs", "img_size", "16", "patch_size", "4"]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/1") == 1 and (out / "metrics.json").exists() and not (out / ".lock").exists()


def test_parts_of_one_photograph_are_not_compiled(config):  # noqa: F811
    with pytest.raises(ValueError, match=r"compile='default': needs parts of two photographs .*share their memory"):
        fit(config(compile="default", batch_size=4, accumulate=4))
    assert not config().out.exists()


def test_shared_weights_are_refused(config, monkeypatch):  # noqa: F811
    monkeypatch.setattr("accelerate.Accelerator.distributed_type", DistributedType.FSDP)
    with pytest.raises(ValueError, match=r"FSDP, which shares the weights .*start it without"):
        fit(config())
    assert not config().out.exists()


def test_parts_count_by_the_labels_they_know():
    draw = torch.Generator().manual_seed(0)
    targets = {
        "attributes": torch.rand(8, 4, generator=draw).round(),
        "disease": torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]],
    }
    targets["attributes"][0], targets["attributes"][5, 2], targets["disease"][3] = torch.nan, torch.nan, torch.nan
    logits = {task: torch.randn(target.shape, generator=draw) for task, target in targets.items()}
    for parts in (1, 2, 3, 8):
        factors = shares(targets, parts, ["attributes"], Accelerator())
        for task, loss in {"attributes": masked_bce, "disease": soft_cross_entropy}.items():
            pairs = zip(logits[task].tensor_split(parts), targets[task].tensor_split(parts), strict=True)
            added = sum(share[task] * loss(z, t) for share, (z, t) in zip(factors, pairs, strict=True))
            torch.testing.assert_close(added, loss(logits[task], targets[task]))


SRUN = {
    "SLURM_JOB_ID": "40123", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[03-04]", "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_JOB_NODELIST": "gpu[03-09]",
}  # fmt: skip


def test_what_srun_says_is_understood():
    environment = dict(SRUN)
    understand_slurm(environment)
    said = {name: value for name, value in environment.items() if name not in SRUN}
    assert said == {
        "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "gpu03",
        "MASTER_PORT": "20123",
    }  # fmt: skip


@pytest.mark.parametrize(
    "environment",
    [{}, {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, SRUN | {"SLURM_STEP_NUM_TASKS": "1"}, SRUN | {"RANK": "0"}],
    ids=["no Slurm", "a batch script", "one task", "torchrun"],
)
def test_a_single_process_and_torchrun_are_left_alone(environment):
    before = dict(environment)
    understand_slurm(environment)
    assert environment == before


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu03", "gpu03"), ("gpu[03-05,9],cpu1", "gpu03"), ("a1,b2", "a1"), ("n[7,9]", "n7"), ("r[1-2]n3", "r1n3"),
     ("a1,b[2-3]", "a1")],
)  # fmt: skip
def test_the_first_node_of_a_list(nodes, first):
    assert first_node(nodes) == first


def test_a_batch_that_cannot_be_shared_is_refused(config, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Accelerator, "num_processes", property(lambda self: 3))
    with pytest.raises(ValueError, match="batch_size=4: must be a multiple of the 3 processes"):
        fit(config())


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ({"group_dro": 0.1}, "group_dro=0.1"),
        ({"balance": "uncertainty"}, "balance=uncertainty"),
        ({"model_kwargs": MODEL | {"cim_shuffled": True}}, "cim_shuffled=True"),
    ],
)
def test_what_reads_the_whole_batch_is_trained_by_one_process(config, monkeypatch, whole, said):  # noqa: F811
    monkeypatch.setattr(Accelerator, "num_processes", property(lambda self: 2))
    with pytest.raises(ValueError, match=rf"TrainConfig: {said} reads the whole batch, which 2 .*start one"):
        fit(config(**whole))
    assert not config().out.exists()
