"""The kills of `survival.py` that hit the workflow: Snakemake, papermill and the kernel, in a copy of the project."""

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import pandas as pd
import yaml

from dermimit.data import load
from dermimit.records import read_json

ROOT = Path(__file__).parents[1]
PARTS = ("workflow", "notebooks", "dermimit", "studies", "pyproject.toml")
SMALL = {"n_train": 60, "n_val": 20, "n_test": 20, "samples": 160, "epochs": 5, "batch_size": 16, "image_size": 64}
RUN = "results/runs/smoke/synderm/D_B_A-seed0"
TRIES = 20
PATIENCE = 5  # starts after a kill: processes that the kill left over may still hold the run's folder


def copy_of_the_project(folder: Path) -> Path:
    """What the workflow needs, with a smaller profile `smoke`."""
    folder.mkdir()
    for name in PARTS:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name, **(
            {"ignore": ignored} if source.is_dir() else {}))  # fmt: skip
    path = folder / "workflow/config/smoke.yaml"
    sections = yaml.safe_load(path.read_text())
    sections["synderm"] |= SMALL
    path.write_text(yaml.safe_dump(sections))
    return folder


def start(folder: Path) -> Popen:
    """Snakemake in the copy, with a process group of its own: it draws the dataset and trains one row."""
    command = [sys.executable, "-m", "snakemake", "-s", "workflow/Snakefile", "--profile", "workflow/profiles/local"]
    command += ["--cores", "1", "--config", "profile=smoke", "dataset=synderm", "--", f"{RUN}/metrics.json"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE")}
    environment |= {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return Popen(command, cwd=folder, env=environment, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)


def state(folder: Path) -> dict[str, Any]:
    """The numbers of the run and the table of the dataset."""
    out = folder / RUN
    history = pd.read_parquet(out / "history.parquet").drop(columns="seconds").to_json(double_precision=15)
    predictions = pd.read_parquet(out / "predictions.parquet").to_json(double_precision=15)
    drawn = load("synderm", folder / "results/data/synderm-smoke", SMALL["image_size"]).frame.to_json()
    files = sorted(name for name in os.listdir(out) if name != "report.json")
    return {"files": files, "metrics": read_json(out / "metrics.json"), "history": history} | {
        "predictions": predictions, "dataset": drawn,
    }  # fmt: skip


def workflow_trials(count: int, scratch: Path, seed: int) -> list[dict[str, Any]]:
    """Kill Snakemake alone, or it and all it started, in turn; start it again until it ends, and compare."""
    draw, rows = random.Random(seed), []
    begun = time.perf_counter()
    whole_folder = copy_of_the_project(scratch / "workflow-whole")
    if start(whole_folder).wait():
        raise RuntimeError("the workflow fails without a kill")
    usual, whole = time.perf_counter() - begun, state(whole_folder)
    for number in range(count):
        for again in range(TRIES):
            folder = copy_of_the_project(scratch / f"workflow-{number}-{again}")
            seconds = usual * draw.random()
            if killed(start(folder), seconds, alone=number % 2 == 0):
                break
            shutil.rmtree(folder)
        rows.append(outcome(folder, whole) | {"share_of_time": round(seconds / usual, 3), "alone": number % 2 == 0})
        print("workflow", number, rows[-1], flush=True)
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def killed(process: Popen, seconds: float, alone: bool) -> bool:
    """Wait, then kill Snakemake alone or its whole group with signal 9; whether it was at work."""
    time.sleep(seconds)
    if process.poll() is not None:
        return False
    (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
    process.wait()
    return True


def outcome(folder: Path, whole: dict[str, Any]) -> dict[str, Any]:
    """Start again, several times if what was left over is still at work, and compare."""
    row = {"activity": "workflow", "survived": False, "done_twice": 0, "why": ""}
    for starts in range(1, PATIENCE + 1):
        if start(folder).wait() == 0:
            there = state(folder)
            differ = sorted(name for name in {**whole, **there} if whole.get(name) != there.get(name))
            return row | {"survived": not differ, "why": ", ".join(differ), "starts": starts}
        time.sleep(10)
    return row | {"why": "the workflow does not end", "starts": PATIENCE}
