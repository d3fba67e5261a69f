"""The Snakefile plans every profile and dataset; settings and staging are checked without running anything."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch

pytest.importorskip("snakemake")
ROOT = Path(__file__).parents[1]
TEMPLATES = len([*(ROOT / "notebooks").glob("*.ipynb")])
sys.path.insert(0, str(ROOT / "workflow"))
import helpers  # noqa: E402
import imports  # noqa: E402
from snakemake.exceptions import WorkflowError  # noqa: E402

from dermimit.data.synderm import LABEL_SPACE, write  # noqa: E402
from dermimit.evaluate.runs import read_experiments  # noqa: E402
from dermimit.records import RESULT_CODE, read_json  # noqa: E402
from dermimit.train import TrainConfig, with_settings  # noqa: E402
from dermimit.train.assemble import build_model  # noqa: E402
from studies.shared.training import run_config, run_of_row  # noqa: E402

PROFILES = ("smoke", "quick", "ablation", "published", "paper")


@pytest.fixture
def pad(tmp_path):
    (tmp_path / "metadata.csv").write_text("")
    return tmp_path


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_both_datasets(profile, pad):
    drawn = helpers.read_settings({"profile": profile}, ROOT / "workflow")
    assert drawn.data_files == [f"results/data/synderm-{profile}/manifest.parquet"]
    assert drawn.sizes["n_train"] > 0
    config = {"profile": profile, "dataset": "pad_ufes_20", "data_root": str(pad)}
    real = helpers.read_settings(config, ROOT / "workflow")
    assert real.sizes == {} and real.training["samples"] > 0


@pytest.mark.parametrize("dataset", ["synderm", "pad_ufes_20"])
def test_the_paper_s_profile_is_the_paper_s_recipe(dataset, pad):
    root = {} if dataset == "synderm" else {"data_root": str(pad)}
    training = helpers.read_settings({"profile": "paper", "dataset": dataset} | root, ROOT / "workflow").training
    assert training["optimizer"] == "sgd" and training["cutmix_probability"] == 0.5 and training["pretrained"]
    assert training["model"].startswith("dermimitformer_base_patch16")


def test_a_training_waits_for_the_run_that_it_starts_from():
    rows = helpers.read_experiments(ROOT / "workflow/experiments/rare_diseases.csv")
    there = "results/runs/smoke/synderm-evidence"
    assert helpers.started_from(rows["full_decoupled"], there, 2) == [f"{there}/reference/full-seed2/metrics.json"]
    assert f"start_from={there}/reference/full-seed2 " in helpers.completed(rows["full_decoupled"], there, 2)["more"]
    assert helpers.started_from(rows["full_focal"], there, 2) == []
    assert not any("{" in helpers.completed(row, there, 0)["more"] for row in rows.values())


@pytest.mark.parametrize(
    ("cpuinfo", "precision"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", "bf16"),
        ("processor : 0\nFeatures : fp asimd bf16\n", "bf16"),
        ("flags\t\t: fpu avx512f\nmodel name : not_bf16 bf16\n", "no"),
        (None, "no"),
    ],
)
def test_the_precision_is_that_of_the_processor(cpuinfo, precision, tmp_path):
    file = tmp_path / "cpuinfo"
    if cpuinfo:
        file.write_text(cpuinfo)
    assert helpers.fastest_precision(file) == precision
    assert helpers.read_settings({"profile": "quick"}, ROOT / "workflow").training["precision"] in ("bf16", "no")


@pytest.mark.parametrize(
    ("dataset", "file"),
    [("dermacon_in", "METADATA/train_split.csv"), ("scin", "scin_labels.csv"), ("folder", "melanoma/a.jpg")],
)
def test_other_datasets_take_the_settings_for_real_photographs(dataset, file, tmp_path):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    config = {"profile": "quick", "dataset": dataset, "data_root": str(tmp_path), "data_options": "level=19"}
    settings = helpers.read_settings(config, ROOT / "workflow")
    assert settings.data_files == ([] if dataset == "folder" else [str(path)])
    assert settings.training["samples"] > 0 and settings.data_options == "level=19"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"profile": "fast"}, "Unknown profile 'fast': choose one of ablation, paper, published, quick, smoke"),
        ({"dataset": "isic"}, "Unknown dataset 'isic': choose one of synderm, pad_ufes_20, dermacon_in"),
        ({"dataset": "pad_ufes_20"}, "data_root=/path/to"),
        ({"dataset": "pad_ufes_20", "data_root": "/"}, "metadata.csv not found"),
        ({"dataset": "pad_ufes_20", "data_root": "/nowhere"}, "no such folder"),
        ({"dataset": "ddi"}, "Unknown dataset 'ddi'"),
        ({"data_root": "/somewhere"}, "leave out data_root"),
        ({"pofile": "smoke"}, "unknown key pofile"),
    ],
)
def test_wrong_config_is_explained(config, message):
    with pytest.raises(WorkflowError, match=re.escape(message)):
        helpers.read_settings(config, ROOT / "workflow")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr: 1e-4", "lr: expected float, got '1e-4'"),
        ("samples: -1", "samples: must be positive"),
        ("seeds: 0", "seeds: expected a list"),
        ("sample: 10", "unknown key sample"),
        ("pretrained: 1", "pretrained: expected bool"),
    ],
)
def test_wrong_profile_is_explained(tmp_path, line, message):
    text = (ROOT / "workflow/config/smoke.yaml").read_text().split("real:")[0]
    kept = [old for old in text.splitlines() if not old.strip().startswith(line.split(":")[0] + ":")]
    (tmp_path / "config").mkdir()
    (tmp_path / "config/mine.yaml").write_text("\n".join([*kept, f"  {line}\n"]))
    with pytest.raises(WorkflowError, match=re.escape(message)):
        helpers.read_settings({"profile": "mine"}, tmp_path)


TABLES = sorted((ROOT / "workflow/experiments").rglob("*.csv"))
TABLES = [path for path in TABLES if path.name not in ("runs.csv", "contrasts.csv")]  # a plan, and what is judged
SMALL = [path for path in TABLES if not path.stem.endswith("_backbones")]  # those: tests/studies/test_backbones.py


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_experiments_tables_mean_the_same_to_the_workflow_and_to_the_pages(path):
    frame, rows = read_experiments(path), helpers.read_experiments(path)
    frame = frame.rename(columns={"settings": "more"}).set_index("row")
    assert rows == frame[["tasks", "lsm", "fusion", "more"]].to_dict("index")
    assert frame[["group", "label", "description"]].ne("").all(axis=None)


SHAPING = ("model", "model_kwargs", "tasks", "lsm", "fusion", "second_loss", "image_size", "drop_path", "lesion_map")
BUILT: list[dict] = []


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_row_of_the_experiments_is_a_model_that_can_be_built(path, tmp_path):
    recipe = path.parent / "recipe.json"
    shared = read_json(recipe) if recipe.is_file() else {"training": {}, "settings": ""}
    for row in read_experiments(path).to_dict("records"):
        run = {"tasks": tuple(row["tasks"].split("+")), "lsm": row["lsm"], "fusion": row["fusion"]}
        plain = TrainConfig(data_root=tmp_path, out=tmp_path / row["row"], **run, **shared["training"])
        config = with_settings(plain, f"{shared['settings']} {row['settings']}".strip())
        shape = {name: getattr(config, name) for name in SHAPING}
        if shape in BUILT:  # other rows of the tables train the same model otherwise
            continue
        BUILT.append(shape)
        model = build_model(config.without_pretraining(), LABEL_SPACE).eval()
        with torch.no_grad():
            logits, _ = model(torch.zeros(1, 4 if config.lesion_map else 3, config.image_size, config.image_size))
        assert set(logits) == set(config.tasks)


@pytest.mark.parametrize("dataset", ["synderm", "pad_ufes_20"])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_row_is_the_same_run_as_a_script_and_as_a_page(profile, dataset, pad):
    source = next(c.source for c in nbformat.read(ROOT / "notebooks/03_train.ipynb", as_version=4).cells
                  if "parameters" in c.metadata.get("tags", []))  # fmt: skip
    page = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    where = {"data_root": str(pad)} if dataset != "synderm" else {}
    settings = helpers.read_settings({"profile": profile, "dataset": dataset, **where}, ROOT / "workflow")
    for name, row in helpers.read_experiments(ROOT / "workflow/experiments/selection.csv").items():
        given = {"profile": profile, "dataset": dataset, "data_root": str(pad), "data_options": "fold=3", "row": name}
        given |= {**row, "seed": 2, "out": str(pad / name), "report": "", "replace": True, **settings.training}
        config = run_of_row(given)
        assert config == run_config(page | given)
        assert (
            config.seed == 2 and config.data_options == {"fold": 3} and config.samples == settings.training["samples"]
        )


def test_rows_of_the_ablation():
    frame = read_experiments(ROOT / "workflow/experiments/ablation.csv").set_index("row")
    assert list(frame.index[:2]) == ["D", "D_LSM"] and frame.index[-1] == "full"
    full = frame.loc["full"]
    assert full["tasks"] == "disease+body_part+attributes" and bool(full["lsm"]) and full["fusion"] == "cim"


@pytest.mark.parametrize("line", ["a/b,disease,true,none", "D,disease,maybe,none", "D,,true,none"])
def test_wrong_experiments_are_explained(tmp_path, line):
    (tmp_path / "t.csv").write_text(f"row,tasks,lsm,fusion\n{line}\n")
    with pytest.raises(WorkflowError, match=r"t\.csv, line 2"):
        helpers.read_experiments(tmp_path / "t.csv")


def test_what_training_depends_on_is_what_its_fingerprint_covers():
    assert helpers.RESULT_CODE == RESULT_CODE


def test_code_lists_only_what_is_named(monkeypatch):
    monkeypatch.chdir(ROOT)
    training = helpers.code("data", "model", "train", "evaluate/metrics.py")
    assert "dermimit/data/synderm/knowledge.yaml" in training
    assert not any("explain" in path or "notebook.py" in path for path in training)
    assert len(helpers.code(*helpers.MANIFEST_CODE)) == len(helpers.MANIFEST_CODE)


def test_prose_and_figures_of_the_training_notebook_do_not_count(tmp_path):
    notebook = nbformat.read(ROOT / "notebooks/03_train.ipynb", as_version=4)
    before = helpers.training_cells(str(ROOT / "notebooks/03_train.ipynb"))
    notebook.cells[0].source += " More."
    nbformat.write(notebook, tmp_path / "prose.ipynb")
    assert helpers.training_cells(str(tmp_path / "prose.ipynb")) == before
    next(cell for cell in notebook.cells if "fit(" in cell.source).source += "\npass"
    nbformat.write(notebook, tmp_path / "code.ipynb")
    assert helpers.training_cells(str(tmp_path / "code.ipynb")) != before


def test_staged_pages_hold_no_machine_paths(tmp_path):
    default = nbformat.v4.new_code_cell("seed: int = 0", metadata={"tags": ["parameters"]})
    cell = nbformat.v4.new_code_cell("seed = 3", metadata={"tags": ["injected-parameters"], "papermill": {"x": 1}})
    notebook = nbformat.v4.new_notebook(cells=[cell, default], metadata={"papermill": {"input_path": "/home/me"}})
    nbformat.write(notebook, tmp_path / "run.ipynb")
    helpers.stage(tmp_path / "run.ipynb", tmp_path / "pages" / "run.ipynb")
    staged = nbformat.read(tmp_path / "pages" / "run.ipynb", as_version=4)
    assert "papermill" not in staged.metadata and "papermill" not in staged.cells[0].metadata
    assert staged.cells[0].metadata.tags == ["injected-parameters", "remove-input"]
    assert staged.cells[1].metadata.tags == ["parameters", "remove-input"]
    with pytest.raises(WorkflowError, match="forcerun page"):
        helpers.stage(tmp_path / "gone.ipynb", tmp_path / "page.ipynb")


def dry_run(*config, target="book", more=()):
    """What Snakemake says of a run that assumes nothing is there yet."""
    command = [sys.executable, "-m", "snakemake", "-n", "--forceall", *more, "-s", "workflow/Snakefile"]
    command += ["--profile", "workflow/profiles/local", "--config", *config, "--", target]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_bytecode_is_no_source_of_the_book(tmp_path, monkeypatch):
    """It is written while the book is built: the next build would find other sources."""
    monkeypatch.chdir(tmp_path)
    for name in ("book/index.md", "book/extensions/a.py", "book/extensions/__pycache__/a.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert helpers.files_under("book") == ["book/extensions/a.py", "book/index.md"]


def plan(*config, target="book"):
    """Job counts of a dry run."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", dry_run(*config, target=target), re.M)}


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "runs"), [("smoke", 3), ("quick", 3), ("ablation", 9), ("published", 45)])
def test_plan_with_synderm(profile, runs):
    expected = {"dataset": 1, "train": runs, "page": TEMPLATES, "pages": 1, "explorer": 1, "book": 1}
    expected["total"] = sum(expected.values())
    assert plan(f"profile={profile}", "dataset=synderm") == expected


@pytest.mark.slow
def test_plan_of_what_is_published():
    tables = {path.stem: len(helpers.read_experiments(path)) for path in (ROOT / "workflow/experiments").glob("*.csv")}
    runs = sum((5 if name == "controls" else 3) * n for name, n in tables.items() if name != "ablation")
    expected = {"dataset": 1, "train": 45, "outlines": 2, "experiment": runs, "publish": 1, "total": 49 + runs}
    assert plan("profile=published", "dataset=synderm", target="publish") == expected


@pytest.mark.slow
def test_plan_with_photographs(pad):
    expected = {"train": 3, "page": TEMPLATES, "pages": 1, "explorer": 1, "book": 1}
    expected["total"] = sum(expected.values())
    assert plan("profile=quick", "dataset=pad_ufes_20", f"data_root={pad}") == expected


@pytest.mark.slow
def test_a_page_is_given_what_it_declares():
    said = dry_run("profile=smoke", "dataset=synderm", target="pages", more=("--printshellcmds",))
    given = re.findall(r"execute_notebook\.py notebooks/(\w+)\.ipynb \S+ '({.*})'", said)
    assert {page for page, _ in given} == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    for page, words in given:
        declared = imports.declared(str(ROOT / f"notebooks/{page}.ipynb"))
        assert json.loads(words).keys() <= declared, page
        shared = {"profile", "dataset", "data_root", "data_options", "report"} & declared
        assert shared <= json.loads(words).keys(), page


@pytest.mark.slow
def test_unknown_profile_is_one_readable_line():
    command = [sys.executable, "-m", "snakemake", "-n", "-s", "workflow/Snakefile", "--config", "profile=fast"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode != 0 and "Unknown profile 'fast'" in result.stdout + result.stderr


@pytest.mark.slow
def test_a_row_of_an_experiment_is_trained_with_its_settings(tmp_path):
    write(tmp_path / "data", {"train": 60, "val": 20, "test": 20}, image_size=64)
    given = {"row": "k4", "more": "lsm_k=4 attribute_noise=0.5", "samples": 32, "epochs": 1, "batch_size": 16}
    given |= {"data_root": str(tmp_path / "data"), "out": str(tmp_path / "run")}
    command = [sys.executable, "workflow/scripts/experiment.py", json.dumps(given)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["model_kwargs"] == {"lsm_k": 4} and config["attribute_noise"] == 0.5 and config["samples"] == 32
    wrong = subprocess.run([*command[:2], '{"rows": 1}'], cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode != 0 and "no field 'rows'" in wrong.stderr
