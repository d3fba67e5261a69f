"""The benchmark scripts run; times are not asserted."""

import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import needs_compiler
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from studies.protocol.runs import read_models
from studies.speed.tables import MODELS

MODES = ("reduce-overhead", "default", "no")
FOLDER = Path(__file__).parent.parent / "benchmarks"
sys.path.append(str(FOLDER))  # as when a script is run


def script(name):
    return importlib.import_module(name)


def test_every_script_is_in_the_list():
    listed = set(re.findall(r"benchmarks/(\w+)\.py", (FOLDER / "README.md").read_text("utf-8")))
    assert listed == {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text("utf-8")}


def test_synderm_speed_runs(tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    script("synderm_speed").main(out, sizes=(16, 24), images=1, batch=2, repeats=1)
    found = json.loads(out.read_text("utf-8"))
    assert [(r["size"], r["source"]) for r in found["images"]] == [
        (size, source) for size in (16, 24) for source in ("SynDerm", "JPEG", "FakeData")
    ]
    assert 0 < found["training"]["share_of_drawing"] < 1
    assert "images/s" in capsys.readouterr().out


def test_input_speed_runs(tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    script("input_speed").main(out, photos=((120, 90), (80, 100)), image_size=24, images=2, repeats=1)
    found = json.loads(out.read_text("utf-8"))
    assert [(s["photo"], [w["way"] for w in s["ways"]]) for s in found["sizes"]] == [
        (photo, ["ImageFolder", "full size", "reduced", "cache"]) for photo in ([120, 90], [80, 100])
    ]
    assert found["sizes"][0]["cache_bytes"] == 16 + 3 * 60 * 45 and found["least_side"] == 36
    for row in (row for size in found["sizes"] for row in size["ways"]):
        assert row["images_per_second_cpu"]["median"] > 0 and row["ratio_wall"]["min"] > 0
    assert "x ImageFolder" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # timm leaves its files to be collected
def test_predict_speed_runs(tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    script("predict_speed").main(out, ((120, 90), (80, 100)), ("tiny",), images=3, repeats=1, batch_size=2, workers=0)
    found = json.loads(out.read_text("utf-8"))
    assert [(s["photo"], [w["way"] for w in s["ways"]]) for s in found["sizes"]] == [
        (photo, ["timm", "same model", "dermimit"]) for photo in ([120, 90], [80, 100])
    ]
    assert found["sizes"][0]["ways"][0]["ratio"]["median"] == 1
    assert found["sizes"][0]["ways"][2]["images_per_second"]["min"] > 0
    assert "x timm" in capsys.readouterr().out
    gc.collect()


def test_the_photographs_and_the_transform_of_input_speed_are_like_real_ones():
    speed = script("input_speed")
    photo = speed.draw_photo(300, 200, 0)
    assert photo.size == (300, 200) and photo.getextrema()[0][1] - photo.getextrema()[0][0] > 100
    theirs = speed.torchvision_transform(32)(photo)
    assert theirs.shape == (3, 32, 32) and -1.3 < theirs.min() < theirs.max() < 1.3


def test_the_straightforward_variant_keeps_every_matrix_and_narrows_the_last_block():
    model = script("overhead_models").KeepsMatrices("vit_tiny_patch16_224")
    assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 49)
    shapes = [tuple(matrix.shape) for matrix in model.kept]
    assert shapes == [(1, 3, 197, 197)] * 11 + [(1, 3, 25, 25)]


@needs_compiler
@pytest.mark.slow
def test_small_training_runs(tmp_path):
    out = tmp_path / "small.json"
    options = ["--out", str(out), "--batch", "2", "--repeats", "1", "--side", "64", "--backend", "aot_eager"]
    command = [sys.executable, str(FOLDER / "small_training.py"), *options]  # checked types cannot be compiled
    said = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=True).stdout
    found = json.loads(out.read_text("utf-8"))
    a_step = found["flops"] * 2 / (found["tflops"]["float32"]["median"] * 1e12)
    assert found["images_per_second"]["float32"]["median"] == pytest.approx(2 / a_step)
    assert 2e8 < found["flops"] < 1e9 and found["times_as_long"]["float32"] == {"median": 1, "min": 1, "max": 1}
    assert set(found["times_as_long"]) == set(found["images_per_second"]) == set(script("small_training").WAYS)
    assert "the first compiled step took" in said


TINY = "vit_tiny_patch16_224"


@pytest.mark.parametrize("what", ["DermImitFormer", "TransFG-style, one task"])
def test_operations_counted_on_shapes_are_those_of_tensors(what):
    models = script("overhead_models")
    how = models.How(backbone=TINY)
    model, (images, targets) = models.build(what, 96, how), models.inputs(1, 96, "cpu")
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        models.loss_of(model.train(), images, targets, how).backward()
    assert models.flops(what, 96, TINY)["training"] == counter.get_total_flops() > 1e9


def test_the_models_of_one_task_select_as_the_planned_rivals_do():
    models, rows = script("overhead_models"), read_models()
    for what, row in ((models.FFVT, "ffvt_lr10"), (models.TRANSFG, "transfg_lr10")):
        model = models.build(what, 96, models.How(backbone=TINY))
        assert rows.loc[row, "tasks"] == "disease" and model.tasks == ("disease",)
        assert f"selection={model.config.selection} " in rows.loc[row, "settings"]
    assert models.KINDS == MODELS


@pytest.mark.slow
def test_model_overhead_runs(tmp_path, capsys):
    out = tmp_path / "new" / "overhead.json"
    script("model_overhead").main(out, cases=((224, 1),), repeats=1, backbone=TINY)
    (case,) = json.loads(out.read_text("utf-8"))["cases"]
    rows = {(row["model"], row["work"]): row for row in case["models"]}
    assert len(rows) == 12 and rows["ViT", "training"]["ratio"]["median"] == 1
    bare = rows["three tasks, no LSM, no CIM", "training"]
    assert rows["DermImitFormer", "training"]["flop_ratio"] > bare["flop_ratio"] > 1
    assert all(row["memory_mb"] > 100 for row in case["models"] if row["work"] == "training")
    assert set(case["shares"]) == {"LSM", "CIM", "update of the CIM's weights", "together"}
    assert "FLOP ratio" in capsys.readouterr().out


@pytest.fixture
def overhead(tmp_path, monkeypatch):
    """Calls the script with works that take no time; `calls` has the models that were built, with how they were."""
    module, calls = script("model_overhead"), []

    def works(what, size, batch, how):
        calls.append((what, size, how.compile))
        if how.compile in refused.get((what, size), ()):
            raise RuntimeError("skipping cudagraphs\n due to a reason")
        return {"training": lambda: sum(range(1000)), "inference": lambda: sum(range(1000))}

    refused = {}
    monkeypatch.setattr(module, "works", works)
    monkeypatch.setattr(module, "parts", lambda *_: {"LSM": lambda: sum(range(1000))})
    monkeypatch.setattr(module, "memory", lambda *_: 1.0)
    monkeypatch.setattr(module, "flops", lambda *_: {"training": 3.0, "inference": 1.0})
    monkeypatch.setattr(module, "strict", lambda: None)
    out = tmp_path / "record.json"

    def run(**options):
        calls.clear()
        module.main(out, **{"cases": ((224, 2), (384, 1)), "repeats": 1} | options)
        return json.loads(out.read_text("utf-8"))

    run.calls, run.refused, run.module, run.out = calls, refused, module, out
    return run


@pytest.mark.slow
def test_a_finished_case_is_not_measured_again_unless_asked(overhead, monkeypatch):
    assert [case["size"] for case in overhead()["cases"]] == [224, 384]
    assert {size for _, size, _ in overhead.calls} == {224, 384}
    before = overhead()
    assert overhead.calls == []
    overhead(again=True)
    assert {size for _, size, _ in overhead.calls} == {224, 384}
    where = before["cases"][0]["provenance"]
    monkeypatch.setattr(overhead.module, "where_from", lambda *_: where | {"commit": "another"})
    assert {case["provenance"]["commit"] for case in overhead()["cases"]} == {"another"}


@pytest.mark.slow
def test_what_a_killed_run_measured_is_kept_model_by_model(overhead, monkeypatch):
    works = overhead.module.works

    def killed(what, size, batch, how):
        if (what, size) == ("FFVT-style, one task", 384):
            raise KeyboardInterrupt
        return works(what, size, batch, how)

    monkeypatch.setattr(overhead.module, "works", killed)
    with pytest.raises(KeyboardInterrupt):
        overhead()
    first, second = json.loads(overhead.out.read_text("utf-8"))["cases"]
    assert len(first["models"]) == 12 and "shares" in first
    assert [row["model"] for row in second["models"][::2]] == list(overhead.module.KINDS[:3])
    monkeypatch.setattr(overhead.module, "works", works)
    again = overhead()["cases"]
    assert again[0] == first and again[1]["models"][:6] == second["models"] and len(again[1]["models"]) == 12
    assert {size for _, size, _ in overhead.calls} == {384}


@pytest.mark.slow
def test_a_whole_case_of_another_commit_stays_until_its_successor_is_whole(overhead, monkeypatch):
    old = overhead()
    for case in old["cases"]:
        case["provenance"]["commit"] = "another"
    overhead.out.write_text(json.dumps(old))
    found = overhead(minutes=1e-9)
    assert found["cases"] == old["cases"]
    found = overhead(cases=((384, 1),))
    assert found["cases"][0] == old["cases"][0] and found["cases"][1]["provenance"]["commit"] != "another"


@pytest.mark.slow
def test_what_cannot_be_captured_is_run_in_a_simpler_way_and_says_why(overhead, capsys):
    overhead.refused |= {("DermImitFormer", 224): ["reduce-overhead"], ("ViT, matrices kept", 224): list(MODES)}
    (case,) = overhead(cases=((224, 2),), compile="reduce-overhead")["cases"]
    rows = {row["model"]: row for row in case["models"]}
    assert rows["DermImitFormer"]["compile"] == "default" and rows["ViT"]["compile"] == "reduce-overhead"
    assert rows["DermImitFormer"]["why"] == "reduce-overhead: RuntimeError: skipping cudagraphs due to a reason"
    (left,) = case["left_out"]
    assert left["model"] == "ViT, matrices kept" and left["why"].count("a reason") == 3
    said = capsys.readouterr().out
    assert "left out: ViT, matrices kept" in said and "cannot be run as reduce-overhead" in said
    both = overhead(cases=((224, 2),), compile="reduce-overhead", uncompiled=True)["cases"]
    assert [case["compile"] for case in both] == ["reduce-overhead", "no"] and both[0]["models"] == case["models"]


KILLED = """
import sys, time
import model_overhead
model_overhead.memory = lambda *_: 1.0
shares, given = model_overhead.shares, []
def waiting(size, *rest):
    if size == 112:
        print("second", flush=True)
        time.sleep(60)
    return shares(size, *rest)
model_overhead.shares = waiting
model_overhead.main(model_overhead.Path(sys.argv[1]), ((96, 1), (112, 1)), 1, backbone="vit_tiny_patch16_224")
"""


@pytest.mark.slow
def test_a_signal_in_the_second_case_leaves_the_first(tmp_path):
    out = tmp_path / "record.json"
    path = os.pathsep.join([str(FOLDER), str(FOLDER.parent)])
    words = [sys.executable, "-c", KILLED, str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}) as process:
        assert process.stdout.readline() == "second\n"
        process.terminate()
    assert process.returncode == -signal.SIGTERM
    first, second = json.loads(out.read_text("utf-8"))["cases"]
    assert len(first["models"]) == len(second["models"]) == 12 and "shares" in first and "shares" not in second


def test_exponents_of_power_laws_are_found_with_intervals_that_widen_where_they_bend():
    x = np.array([1.0, 2, 4, 8])
    found = script("growth").exponent(list(x), list(3 * x**1.5))
    assert found["exponent"] == pytest.approx(1.5) and found["high"] - found["low"] < 1e-6
    bent = script("growth").exponent(list(x), list(1 + x**2))
    assert bent["low"] < bent["exponent"] < bent["high"] and bent["high"] - bent["low"] > 0.3


@pytest.mark.slow
def test_growth_runs(tmp_path, monkeypatch, capsys):
    growth = script("growth")
    monkeypatch.setattr(growth, "AXES", {"tasks": (1, 2, 3), "K": (1, 6, 24)})
    growth.main(tmp_path / "growth.json", axes=("tasks", "K"), batch=1, repeats=1)
    tasks, k = json.loads((tmp_path / "growth.json").read_text("utf-8"))["axes"]
    assert [p["value"] for p in tasks["points"]] == [1, 2, 3]
    assert tasks["operations"]["exponent"] > k["operations"]["exponent"] > 0
    assert "exponent of time" in capsys.readouterr().out


LOG = """[Wed Nov 25 20:13:42 2026]
rule train:
    input: a
    jobid: 1
    wildcards: row=full, seed=0
[Wed Nov 25 20:13:44 2026]
localrule pages:
    jobid: 2
[Wed Nov 25 20:14:42 2026]
Finished jobid: 1 (Rule: train)
[Wed Nov 25 20:14:50 2026]
Error in rule pages:
    jobid: 2
"""


def test_stages_are_read_from_the_workflows_log(tmp_path):
    stages = script("book_stages")
    (tmp_path / "a.log").write_text(LOG)
    (row,) = stages.stages(stages.read_log(tmp_path / "a.log"))
    assert (row["stage"], row["jobs"], row["seconds"], row["longest"]) == ("train", 1, 60, "row=full, seed=0")
    (tmp_path / "b.log").write_text("Building DAG of jobs...")
    with pytest.raises(ValueError, match="no finished job"):
        stages.read_log(tmp_path / "b.log")
    with pytest.raises(SystemExit, match="run `make book` first"):
        stages.newest_log(tmp_path / "nowhere")


def test_an_epoch_on_many_gpus_is_computing_and_exchange():
    paper = script("extrapolation")
    given = {line["name"]: line["value"] for line in paper.assumptions(None, 100_000_000)}
    alone = paper.gpu_epoch(9600, 1, 1e12, given)
    assert alone["steps"] == 100 and alone["exchange_seconds"] == 0
    assert alone["seconds"] == pytest.approx(9600 * 1e12 / (989e12 * 0.45))
    many = paper.gpu_epoch(9600, 2, 1e12, given)
    assert many["computing_seconds"] == pytest.approx(alone["seconds"] / 2)
    assert many["exchange_seconds"] == pytest.approx(50 * 100e6 * 4 / 50e9)  # each GPU sends all gradients once
