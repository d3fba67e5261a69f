"""The minutes of one GPU: shares of the time, steps that are stopped, left out or fail, and a rehearsal of all."""

import importlib
import json
import sys
import time

import pytest
import torch

from dermimit.evaluate.runs import read_experiments
from studies.evidence.backbone_runs import TABLE
from studies.speed import gpu

sys.path.append(str(gpu.ROOT / "tests/data"))


def test_without_a_gpu_it_refuses_in_a_line_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--rehearse FOLDER") as refused:
        gpu.main()
    assert "\n" not in str(refused.value)


def test_a_folder_without_photographs_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(SystemExit, match="is missing; --pad"):
        gpu.main(pad=tmp_path, rehearse=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_step_has_its_share_of_what_is_left_and_leaves_what_it_does_not_need():
    assert gpu.share_of(600, [5, 0.5, 3, 1, 1]) == pytest.approx(600 * 5 / 10.5)
    assert gpu.share_of(500, [3, 1, 1]) == 300 and gpu.share_of(42, [1]) == 42


def test_the_steps_are_in_their_order_and_each_is_told_less_than_its_time(monkeypatch, tmp_path, capsys):
    begun = []
    monkeypatch.setattr(gpu, "ended", lambda step, seconds: begun.append((step.name, round(seconds))) or "ended")
    assert gpu.work_off(gpu.real(tmp_path, True), 10.0) == []
    assert [name for name, _ in begun] == [step.name for step in gpu.real(tmp_path, True)]
    assert begun[0][1] == round(600 * 5 / 10.5) and begun[-1][1] == 600  # nothing was needed before
    begun.clear()
    gpu.work_off(gpu.real(None, True), 10.0)
    assert [name for name, _ in begun] == ["models", "epochs, extrapolated", "protocol"]
    assert capsys.readouterr().out.count("left out; give --pad FOLDER") == 2
    assert gpu.real(tmp_path, False)[-1].why.startswith("give --pretrained")
    gpu.work_off(gpu.real(tmp_path, True), 0.0)
    assert capsys.readouterr().out.count("not begun, the time is over") == 5


def test_the_commands_are_those_of_the_scripts():
    models, _, protocol, small, base = gpu.real(gpu.ROOT, True)
    text = " ".join(models.words)
    assert "--device cuda --bf16 --compile reduce-overhead --uncompiled" in text and "224 128 384 48" in text
    assert protocol.words == ("-m", "studies.protocol.measure") and protocol.timed
    tuned = [row for row in read_experiments(TABLE)["row"] if row.startswith("tuned_")]
    assert len(tuned) == 7 and list(small.words[-7:]) == tuned and "--unpublished" in small.words
    assert base.words[-2:] == ("pad_D", "pad_full") and "--pretrained" in base.words


SLEEPS = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)
"""


def test_a_step_is_stopped_with_what_it_started_and_the_next_runs(tmp_path, capsys):
    steps = [
        gpu.Step("sleeper", 1, ("-c", SLEEPS, str(tmp_path / "pid")), timed=False),
        gpu.Step("wrong", 1, ("-c", "raise SystemExit(3)"), timed=False),
        gpu.Step("told", 1, ("-c", "import sys; print(sys.argv)")),
    ]
    began = time.monotonic()
    assert gpu.work_off(steps, 0.15) == ["wrong"]
    assert time.monotonic() - began < 40
    said = capsys.readouterr().out
    assert "sleeper: stopped, its time is over" in said and "wrong: failed (3)" in said and "told: ended" in said
    child = gpu.Path("/proc") / (tmp_path / "pid").read_text() / "cmdline"
    assert not child.exists() or not child.read_text()  # gone, or waiting to be collected


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_steps_are_rehearsed_on_the_processor_and_not_repeated(tmp_path, capfd):
    pad = importlib.import_module("test_pad_ufes_20")
    pad.big_miniature(tmp_path / "pad")
    out = tmp_path / "out"
    gpu.main(minutes=60, pad=tmp_path / "pad", rehearse=out)
    said = capfd.readouterr().out
    assert said.count(": ended after") == 5 and "trainings are published" in said
    (case,) = json.loads((out / "models.json").read_text())["cases"]
    assert len(case["models"]) == 12
    assert json.loads((out / "extrapolation.json").read_text())["assumptions"]
    assert {run["fold"] for run in json.loads((out / "backbones/table.json").read_text())["runs"]} == {0, 1, 2, 3, 4}
    assert (out / "paper/pad_D-seed0/metrics.json").is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*/metrics.json")}
    gpu.main(minutes=60, pad=tmp_path / "pad", rehearse=out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*/metrics.json")} == before
    assert json.loads((out / "models.json").read_text())["cases"] == [case]
