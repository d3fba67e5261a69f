"""Kills training, evaluation, drawing and the workflow at random moments, and counts what was lost.

Each trial is a process killed with signal 9 at a random moment of its work and started again. It has survived if it
then ends with the files of an undisturbed one: every number bit for bit, no record lost, at most one epoch done twice.

    python benchmarks/survival.py

Other faults are tests, which `python -m studies.survival.measure` runs. Fifteen minutes on one core.
"""

import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import tyro

from dermimit.data import load, synderm
from dermimit.evaluate.folder import evaluate
from dermimit.records import provenance, read_json, write_json
from dermimit.train import TrainConfig, engine, fit
from dermimit.train.checkpoint import load_tensors

sys.path.insert(0, str(Path(__file__).parent))
from survival_workflow import workflow_trials

ROOT = Path(__file__).parents[1]
MODEL = {"embed_dim": 48, "num_heads": 3, "lsm_k": 4}
TRIES = 20  # kills that came too late, before a trial is given up


@dataclass
class Trial:
    """One kind of work: how it is done, what it leaves, and what would be a loss.

    Args:
        name: of the activity.
        work: does it in a folder, from the start or from where it was left.
        state: what a folder holds, comparable with `==`.
        lost: given the folder at the kill and the end of the second attempt, the units of work done twice.
    """

    name: str
    work: Callable[[Path], None]
    state: Callable[[Path], dict[str, Any]]
    before: Callable[[Path], Any] = field(default=lambda folder: None)
    lost: Callable[[Path, Any], int] = field(default=lambda folder, before: 0)


def in_child(work: Callable[[Path], None], folder: Path) -> int:
    """Start the work in a forked process whose output is thrown away; its number."""
    pid = os.fork()
    if pid:
        return pid
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    try:
        work(folder)
    except BaseException:
        folder.with_suffix(".error").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)


def killed(trial: Trial, folder: Path, seconds: float) -> bool:
    """Start, wait, kill with signal 9; whether the kill hit the process at work."""
    pid = in_child(trial.work, folder)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def attempt(trial: Trial, folder: Path) -> float:
    """Do the work to its end; seconds.

    Raises:
        RuntimeError: it failed.
    """
    begun = time.perf_counter()
    if os.waitpid(in_child(trial.work, folder), 0)[1]:
        raise RuntimeError(folder.with_suffix(".error").read_text())
    return time.perf_counter() - begun


def kill_and_resume(trial: Trial, count: int, scratch: Path, seed: int) -> list[dict[str, Any]]:
    """`count` trials of one kind of work; for each, when it was killed, what it did twice, whether the end is equal."""
    draw, rows = random.Random(f"{seed} {trial.name}"), []
    usual = attempt(trial, scratch / f"{trial.name}-whole")
    whole = trial.state(scratch / f"{trial.name}-whole")
    for number in range(count):
        for again in range(TRIES):
            folder, seconds = scratch / f"{trial.name}-{number}-{again}", usual * draw.random()
            if killed(trial, folder, seconds):
                break
        else:
            raise RuntimeError(f"{trial.name}: ended before the kill in each of {TRIES} tries")
        rows.append(outcome(trial, folder, whole) | {"share_of_time": round(seconds / usual, 3)})
        print(trial.name, number, rows[-1], flush=True)
    return rows


def outcome(trial: Trial, folder: Path, whole: dict[str, Any]) -> dict[str, Any]:
    """Start again after the kill, and compare with an undisturbed folder."""
    row = {"activity": trial.name, "survived": False, "done_twice": 0, "why": ""}
    try:
        before = trial.before(folder)
        attempt(trial, folder)
        there = trial.state(folder)
        differ = sorted(name for name in {**whole, **there} if whole.get(name) != there.get(name))
        lost = trial.lost(folder, before)
        return row | {"survived": not differ and lost <= 1, "done_twice": lost, "why": ", ".join(differ)}
    except (RuntimeError, OSError, ValueError) as error:
        return row | {"why": str(error).strip().splitlines()[-1]}


# ---------------------------------------------------------------- training


def training(data: Path) -> Trial:
    """A tiny run of six epochs."""

    def work(out: Path) -> None:
        real = engine.train_one_epoch

        def noted(*arguments: Any) -> dict[str, float]:
            with out.with_suffix(".epochs").open("a") as log:
                log.write(f"{arguments[5]}\n")
            return real(*arguments)

        engine.train_one_epoch = noted
        fit(TrainConfig(data_root=data, out=out, image_size=32, model_kwargs=MODEL | {"img_size": 32}, samples=192,
                        epochs=6, batch_size=16, lr=0.01, optimizer="adamw", ema=0.9))  # fmt: skip

    return Trial("training", work, state_of_run, before=epochs_begun, lost=epochs_twice)


def epochs_begun(out: Path) -> list[int]:
    """The epochs that were begun, in order."""
    log = out.with_suffix(".epochs")
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def epochs_twice(out: Path, before: list[int]) -> int:
    """How many epochs were begun both before and after the kill."""
    return len(set(before) & set(epochs_begun(out)[len(before) :]))


def state_of_run(out: Path) -> dict[str, Any]:
    """Everything in a run's record that is no time, place or duration."""
    state: dict[str, Any] = {"files": sorted(os.listdir(out)), "metrics": read_json(out / "metrics.json")}
    state["history"] = pd.read_parquet(out / "history.parquet").drop(columns="seconds").to_json(double_precision=15)
    state["predictions"] = pd.read_parquet(out / "predictions.parquet").to_json(double_precision=15)
    tensors = load_tensors(out / "model.safetensors")[0]
    return state | {f"weight {name}": value.numpy().tobytes() for name, value in tensors.items()}


# ---------------------------------------------------------------- evaluation and drawing


def evaluation(run_folder: Path, data: Path) -> Trial:
    """A finished run scored on a folder."""

    def state(out: Path) -> dict[str, Any]:
        predictions = pd.read_parquet(out / "predictions.parquet").to_json(double_precision=15)
        return {"files": sorted(os.listdir(out)), "metrics": read_json(out / "metrics.json"), "rows": predictions}

    def before(out: Path) -> None:
        if (out / "metrics.json").exists():
            state(out)  # what says that it is there, is there and whole

    return Trial("evaluation", lambda out: evaluate(run_folder, "synderm", data, out), state, before)


def drawing() -> Trial:
    """SynDerm drawn into a folder."""

    def work(out: Path) -> None:
        synderm.write(out, 40, image_size=32)

    def state(out: Path) -> dict[str, Any]:
        load("synderm", out, 32)
        pictures = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}
        table = pd.read_parquet(out / "manifest.parquet").to_json(double_precision=15)
        return pictures | {"table": table, "files": sorted(p.relative_to(out).as_posix() for p in out.rglob("*"))}

    def finished(out: Path) -> dict[Path, int]:
        whole = [path for path in out.rglob("*.png") if not path.name.startswith(".")]
        return {path: path.stat().st_mtime_ns for path in whole}

    def again(out: Path, before: dict[Path, int]) -> int:
        return sum(path.stat().st_mtime_ns != when for path, when in before.items())

    return Trial("drawing", work, state, finished, again)


# ---------------------------------------------------------------- the record


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Kills tried, survived and lost, and epochs or files done twice at most, by activity."""
    lines = []
    for name, trials in pd.DataFrame(rows).groupby("activity", sort=False):
        survived = int(trials["survived"].sum())
        line = {"activity": name, "tried": len(trials), "survived": survived, "lost": len(trials) - survived}
        lines.append(line | {"done_twice_at_most": int(trials["done_twice"].max())})
    return lines


def main(
    out: Path = ROOT / "results/published/survival/faults.json",
    trainings: int = 30,
    evaluations: int = 12,
    drawings: int = 12,
    workflows: int = 6,
    seed: int = 0,
) -> None:
    """Kill, start again, compare, and write the record.

    Args:
        out: file to write.
        trainings, evaluations, drawings, workflows: kills of each.
        seed: of the moments.
    """
    started = time.time()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        data = synderm.write(scratch / "data", {"train": 60, "val": 20, "test": 20}, image_size=32)
        one, kinds = training(data), [(drawing(), drawings)]
        attempt(one, scratch / "run")
        kinds = [(one, trainings), (evaluation(scratch / "run", data), evaluations), *kinds]
        rows = [row for kind, count in kinds if count for row in kill_and_resume(kind, count, scratch, seed)]
        rows += workflow_trials(workflows, scratch, seed) if workflows else []
        frame = load("synderm", data, 32).frame
    found = {"summary": summary(rows), "kills": rows}
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found | {"provenance": provenance(frame, started, {"device": "cpu", "seed": seed})})
    print(pd.DataFrame(found["summary"]).to_string(index=False))
    print(out)


if __name__ == "__main__":
    tyro.cli(main)
