"""Sweeps, resources and the profiles of clusters, as dry runs; test_slurm.py runs a cluster."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("snakemake")
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow"))
import helpers  # noqa: E402
import needs  # noqa: E402
from snakemake.exceptions import WorkflowError  # noqa: E402


def dry_run(project, profile, *more, target):
    command = [sys.executable, "-m", "snakemake", "-n", "--forceall", "-s", "workflow/Snakefile"]
    command += ["--profile", f"workflow/profiles/{profile}", *more, "--", target]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture
def project(tmp_path):
    for name in ("dermimit", "studies", "workflow", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_needs_are_read_by_row(tmp_path):
    (tmp_path / "t.csv").write_text("row,gpu,memory_mb,minutes\na,2,,90\nb,,,\n")
    assert needs.read_needs(tmp_path / "t.csv") == {"a": {"gpu": 2, "minutes": 90}, "b": {}}
    (tmp_path / "t.csv").write_text("row,tasks\na,disease\n")
    assert needs.read_needs(tmp_path / "t.csv") == {"a": {}}


@pytest.mark.parametrize("value", ["one", "1.5", "-1", "64G"])
def test_wrong_needs_are_explained(tmp_path, value):
    (tmp_path / "t.csv").write_text(f"row,gpu,memory_mb\na,1,4000\nb,1,{value}\n")
    with pytest.raises(
        WorkflowError, match=re.escape(f"t.csv, line 3, memory_mb: expected a whole number or nothing, got '{value}'")
    ):
        needs.read_needs(tmp_path / "t.csv")


def test_a_job_asks_for_the_larger_of_its_rows_needs_and_the_profiles_and_for_twice_as_much_after_a_failure():
    asked = needs.resources(lambda w: {"minutes": 300, "memory_mb": 100}, {"gpu": 1, "memory_mb": 4000, "minutes": 60})
    assert {name: value("wildcards", 1) for name, value in asked.items()} == {"gpu": 1, "mem_mb": 4000, "runtime": 300}
    assert {name: value("wildcards", 3) for name, value in asked.items()} == {
        "gpu": 1,
        "mem_mb": 16000,
        "runtime": 1200,
    }


def test_the_papers_recipe_asks_for_a_gpu_and_the_small_profiles_for_none():
    wanted = {profile: helpers.read_settings({"profile": profile}, ROOT / "workflow") for profile in ("smoke", "paper")}
    assert wanted["smoke"].needs == needs.USUAL and wanted["smoke"].needs["gpu"] == 0
    assert wanted["paper"].needs["gpu"] == 1 and not set(needs.NEEDS) & set(wanted["paper"].training)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "table", "rule", "folder"),
    [
        ("ablation", "ablation", "train", "synderm"),  # other profiles train the rows that they name
        ("smoke", "choices", "experiment", "synderm-evidence/choices"),
    ],
)
def test_a_row_more_is_a_training_more(project, profile, table, rule, folder):
    settings = ["--config", f"profile={profile}", "dataset=synderm"]
    before = dry_run(project, "local", *settings, target="evidence")
    with (project / f"workflow/experiments/{table}.csv").open("a") as file:
        file.write("k9,selected patches,9 patches,disease,true,none,lsm_k=9,nine patches are selected\n")
    after = dry_run(project, "local", *settings, target="evidence")
    counts = [int(re.search(rf"^{rule} +(\d+)$", text, re.M)[1]) for text in (before, after)]
    assert counts[1] == counts[0] + 1
    assert f"results/runs/{profile}/{folder}/k9-seed0/metrics.json" in after and "k9-seed0" not in before


@pytest.mark.slow
def test_on_slurm_each_training_asks_for_what_its_row_says(project):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    text = dry_run(project, "slurm", "--config", "profile=smoke", "dataset=synderm", target="evidence")
    asked = dict(re.findall(r"training baselines, (\w+), seed 0: (mem_mb=\d+, runtime=\d+, gpu=\d)", text))
    assert "mem_mb=5000" in asked["swin"] and asked["swin"].endswith("runtime=240, gpu=0")
    assert "mem_mb=4000" in asked["ffvt"] and asked["ffvt"].endswith("runtime=120, gpu=0")


@pytest.mark.slow
def test_the_kubernetes_profile_as_far_as_a_dry_run_goes(project):
    for plugin in ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_fs"):
        if not find_spec(plugin):
            pytest.skip(f"{plugin} is not installed")
    where = ["--default-storage-prefix", str(project)]
    target = "results/runs/paper/synderm/full-seed0/metrics.json"
    text = dry_run(project, "kubernetes", *where, "--config", "profile=paper", "dataset=synderm", target=target)
    assert "runtime=2880, gpu=1" in text and "mem_mb=64000" in text and "(send to storage)" in text


def test_the_kubernetes_profile_says_that_it_has_not_run():
    assert "CHECKED BY A DRY RUN ONLY" in (ROOT / "workflow/profiles/kubernetes/config.yaml").read_text()
