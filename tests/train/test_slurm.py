"""The workflow on a cluster: Debian's Slurm on this machine, through the profile that the book names."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("snakemake_executor_plugin_slurm")
from slurm_cluster import cluster, slurm, wait_until, why_not

ROOT = Path(__file__).parents[2]
ROW = "row,tasks,lsm,fusion,settings,gpu,memory_mb,minutes\none,disease,true,none,,1,,200\n"
TRAINED = "results/runs/smoke/synderm/full-seed0"
EXPERIMENT = "results/runs/smoke/synderm-evidence/mine/one-seed0"
TARGETS = (f"{TRAINED}/metrics.json", f"{EXPERIMENT}/metrics.json")
EPOCHS = 4


@pytest.fixture
def slurm_environment(tmp_path) -> Iterator[dict[str, str]]:
    if reason := why_not():
        pytest.skip(reason)
    (tmp_path / "slurm").mkdir()
    with ExitStack() as ends:
        try:
            environment = ends.enter_context(cluster(tmp_path / "slurm"))
        except TimeoutError as error:
            pytest.skip(f"Slurm does not start here: {error}")
        yield environment


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the workflow, with a table of its own and trainings long enough to be met in the middle."""
    copy = tmp_path / "project"
    for name in ("dermimit", "studies", "workflow", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "workflow/experiments/mine.csv").write_text(ROW)
    path = copy / "workflow/config/smoke.yaml"
    path.write_text(path.read_text().replace("epochs: 2", f"epochs: {EPOCHS}"))
    return copy


def snakemake(project: Path, environment: dict[str, str], profile: str, *more: str) -> subprocess.Popen:
    """The workflow at work; what it says goes to <profile>.txt."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        "workflow/Snakefile",
        "--profile",
        f"workflow/profiles/{profile}",
    ]
    command += [*more, "--config", "profile=smoke", "dataset=synderm", "--", *TARGETS]
    environment = environment | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    with (project / f"{profile}.txt").open("wb") as out:
        return subprocess.Popen(command, cwd=project, env=environment, stdout=out, stderr=out)


def jobs(environment: dict[str, str]) -> dict[str, str]:
    """Running jobs of the cluster: comment, which names the rule, and number."""
    lines = slurm(environment, "squeue", "-h", "-t", "running", "-o", "%k|%i").splitlines()
    return dict(line.rsplit("|", 1) for line in lines)


def job_of(environment: dict[str, str], rule: str) -> str:
    return next((number for comment, number in jobs(environment).items() if rule in comment), "")


def kill_training(environment: dict[str, str], job: str) -> None:
    """kill -9 of the process that trains, found among those of the job alone."""
    for line in slurm(environment, "scontrol", "listpids", job).splitlines()[1:]:
        command = Path(f"/proc/{line.split()[0]}/cmdline")
        words = command.read_bytes().split(b"\0") if command.exists() else []
        if words[1:2] == [b"workflow/scripts/experiment.py"]:
            os.kill(int(line.split()[0]), 9)


@pytest.mark.slow
def test_killed_jobs_of_the_slurm_profile_run_again_and_give_the_numbers_of_an_unbroken_run(project, slurm_environment):
    run = snakemake(project, slurm_environment, "slurm", "--slurm-init-seconds-before-status-checks", "4")
    try:
        wait_until(lambda: (project / EXPERIMENT / "last.safetensors").exists() or run.poll(), 600, "an epoch")
        job = job_of(slurm_environment, "rule_experiment")
        asked = slurm(slurm_environment, "scontrol", "show", "job", job)
        kill_training(slurm_environment, job)
        wait_until(lambda: (project / TRAINED / "last.safetensors").exists() or run.poll(), 600, "an epoch")
        slurm(slurm_environment, "scancel", job_of(slurm_environment, "rule_train"))
        run.wait(900)
    finally:
        run.kill()
    said = (project / "slurm.txt").read_text()
    assert run.returncode == 0, said[-3000:]
    assert "TimeLimit=03:20:00" in asked and "MinMemoryNode=4000M" in asked and "gres:gpu:1" in asked, asked
    assert len(re.findall(r"SLURM status is: '(FAILED|CANCELLED)'", said)) == 2, said[-3000:]
    assert "going on after epoch" in (project / "results/notebooks/smoke/synderm/mine-one-seed0.log").read_text()
    assert "going on after epoch" in (project / "results/notebooks/smoke/synderm/03_train-full-seed0.ipynb").read_text()

    (project / "results/runs").rename(project / "on-slurm")
    unbroken = snakemake(project, slurm_environment, "local")
    assert unbroken.wait(900) == 0, (project / "local.txt").read_text()[-3000:]
    for folder in (TRAINED, EXPERIMENT):
        here, there = project / folder, project / "on-slurm" / Path(folder).relative_to("results/runs")
        assert (here / "metrics.json").read_text() == (there / "metrics.json").read_text()
        one, other = (pd.read_parquet(place / "predictions.parquet") for place in (here, there))
        pd.testing.assert_frame_equal(one, other)
        assert len(pd.read_parquet(there / "history.parquet")) == EPOCHS
