"""The templates: one parameters cell that is really checked, no outputs, short cells."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
import yaml

from dermimit.train import TrainConfig
from studies.shared.page import (
    ParameterError,
    check_parameters,
    declared_parameters,
    glue,
    injected_names,
    loader_options,
    rerun_command,
    run_config,
    show_subset,
)
from studies.shared.training import OF_PAGE, run_of_row

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "notebooks").glob("*.ipynb"))
DECLARED = 'seed: int = 0  # seed\nlr: float = 0.1  # rate\nnames: list[str] = ["a"]  # names\nkind: str = "x"  # kind'


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def parameters_cells(notebook):
    return [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]


def test_these_are_the_pages():
    assert [path.stem for path in TEMPLATES] == [
        "01_data", "02_model_tour", "03_train", "04_ablation", "05_attention",
        "06_results", "07_synderm", "08_real", "09_evidence", "10_held_up",
        "11_speed", "12_localisation", "13_failures", "14_skin_tone", "15_rare_diseases",
        "16_time", "17_reader_study", "18_model_card", "19_survival", "20_try", "21_ablation_explorer",
        "22_failure_browser", "23_dataset_browser",
    ]  # fmt: skip


def test_valid_with_the_usual_kernel_and_no_output(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_parameters_are_typed_commented_and_checked_next(notebook):
    (cell,) = parameters_cells(notebook)
    lines = cell.source.splitlines()
    assert len(declared_parameters(cell.source)) == len(lines)
    assert all("  # " in line for line in lines)
    following = [c for c in notebook.cells if c.cell_type == "code"]
    assert "check_parameters(globals()" in following[following.index(cell) + 1].source


def test_papermill_can_read_every_parameter(notebook):
    (cell,) = parameters_cells(notebook)  # a second equals sign, even in a comment, hides the line from papermill
    assert [line for line in cell.source.splitlines() if line.count("=") != 1] == []


def test_cells_are_short(notebook):
    for cell in notebook.cells:
        assert len(cell.source.splitlines()) <= 40, cell.source[:80]
        if cell.cell_type == "code":
            tree = ast.parse(cell.source.rstrip(";\n"))
            assert not any(isinstance(node, ast.ClassDef | ast.FunctionDef) for node in ast.walk(tree))


def test_page_opens_with_claim_and_ends_with_command(notebook):
    assert notebook.cells[0].source.startswith("# ")
    assert "**Claim.**" in notebook.cells[0].source and "Key takeaways" in notebook.cells[0].source
    assert "rerun_command(" in notebook.cells[-2].source and "show_provenance(" in notebook.cells[-2].source


def test_every_figure_has_alt_text_caption_and_name(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code" and re.search(r"\b(charts|figures)\.\w+\(", cell.source):
            drawing = cell.metadata["mystnb"]
            assert len(drawing["image"]["alt"]) > 40
            assert drawing["figure"]["caption"].endswith(".") and drawing["figure"]["name"].startswith("fig-")


@pytest.mark.parametrize("name", ["01_data", "03_train"])
def test_defaults_are_the_quick_profile(name):
    (cell,) = parameters_cells(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4))
    values = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    quick = yaml.safe_load((ROOT / "workflow/config/quick.yaml").read_text())["synderm"]
    shared = (quick.keys() & values.keys()) - {"precision"}  # of the processor, see below
    assert "image_size" in shared
    assert {key: values[key] for key in shared} == {key: quick[key] for key in shared}
    assert values.get("precision", "no") == "no" and quick["precision"] == "auto"


def test_defaults_of_a_training_are_those_of_a_row_of_experiments(tmp_path):
    (cell,) = parameters_cells(nbformat.read(ROOT / "notebooks/03_train.ipynb", as_version=4))
    defaults = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    places = {"data_root": str(tmp_path), "out": str(tmp_path / "run")}
    assert run_config(defaults | places) == run_of_row(places)
    assert run_config(defaults | {"data_root": str(tmp_path)}).out.as_posix().endswith("runs/quick/synderm/full-seed0")
    settings = {field.name for field in fields(TrainConfig)}
    assert defaults.keys() - settings == {*OF_PAGE, "more"}


def test_a_wrong_setting_of_a_training_is_explained(tmp_path):
    (cell,) = parameters_cells(nbformat.read(ROOT / "notebooks/03_train.ipynb", as_version=4))
    defaults = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    for wrong, message in (
        ({"more": "lsm_kk=8"}, "lsm_k"),
        ({"data_options": "level 19"}, "'level' is not name=value"),
    ):
        with pytest.raises(ParameterError, match=message):
            run_config(defaults | {"data_root": str(tmp_path)} | wrong)


def namespace(*cells, **values):
    """What `globals()` holds after these cells: the last entry of `In` is the cell that runs the check."""
    defaults = {"seed": 0, "lr": 0.1, "names": ["a"], "kind": "x"}
    return {"In": ["", DECLARED, *cells, "check"], **defaults, **values}


def test_injected_values_are_taken():
    found = check_parameters(namespace("# Parameters\nseed = 3\n", seed=3, lr=1), kind=("x", "y"))
    assert found == {"seed": 3, "lr": 1, "names": ["a"], "kind": "x"}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (namespace("# Parameters\nsed = 3\n", sed=3), "Unknown parameter sed.*seed, lr, names, kind"),
        (namespace(seed="3"), "'seed' must be int"),
        (namespace(seed=True), "'seed' must be int"),
        (namespace(lr="1e-4"), "'lr' must be float.*text in YAML"),
        (namespace(names="[1]"), r"'names' must be list\[str\].*-y as JSON"),
        (namespace(names=[1]), "'names'"),
        (namespace(kind="z"), "one of x, y"),
        ({"In": ["", "x = 1", "check"]}, "No parameters cell"),
    ],
)
def test_wrong_parameters_are_refused(space, message):
    with pytest.raises(ParameterError, match=message):
        check_parameters(space, kind=("x", "y"))


def test_a_second_run_of_the_parameters_cell_forgets_the_injection():
    space = namespace("# Parameters\nsed = 3\n", DECLARED)
    assert check_parameters(space)["seed"] == 0


def test_only_a_typed_cell_declares_and_only_papermill_s_injects():
    assert declared_parameters("%matplotlib inline") == {}
    assert declared_parameters("x: int = 1\ny = 2") == {}
    assert injected_names("seed = 3") == []


def test_glued_values_are_plain_floats_and_words(capsys, monkeypatch):
    import numpy as np

    shown = []
    monkeypatch.setattr("studies.shared.page.display", lambda data, **more: shown.append((data, more)))
    glue({"f1": np.float64(0.5), "best": "attention"})
    data, more = shown[0]
    assert data == {"application/papermill.record/text/plain": "0.5"}
    assert more["metadata"]["scrapbook"]["name"] == "f1"
    assert shown[1][0] == {"application/papermill.record/text/plain": "'attention'"}


def test_a_subset_of_a_public_dataset_is_named(monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.page.display", lambda data, **more: shown.append(data["text/markdown"]))
    show_subset("pad_ufes_20", 2298)
    show_subset("synderm", 10)
    assert not shown
    show_subset("pad_ufes_20", 948)
    assert "PAD-UFES-20, 948-image subset** of 2,298" in shown[0]


def test_the_rerun_command_is_one_papermill_understands(monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.page.display", lambda data, **more: shown.append(data["text/markdown"]))
    rerun_command("03_train", {"seed": 3, "data_root": "", "lsm": True, "tasks": "disease", "out": "a b"})
    words = shlex.split(shown[0].removeprefix("```bash").removesuffix("```").replace("\\\n", ""))
    assert words[:3] == ["papermill", "notebooks/03_train.ipynb", "03_train-again.ipynb"]
    assert words[3:] == ["-p", "seed", "3", "-p", "lsm", "True", "-p", "tasks", "disease", "-p", "out", "a b"]


def papermill(tmp_path, name, *arguments):
    command = [sys.executable, "-m", "papermill", f"notebooks/{name}.ipynb", str(tmp_path / "out.ipynb")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, "--no-progress-bar", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_papermill_with_a_misspelt_parameter_fails_and_says_so(tmp_path):
    result = papermill(tmp_path, "03_train", "-p", "sed", "3")
    assert result.returncode != 0
    assert "Unknown parameter sed" in result.stderr
    assert "Unknown parameter sed" in json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))


@pytest.mark.slow
def test_papermill_with_an_ill_typed_parameter_fails_and_says_so(tmp_path):
    result = papermill(tmp_path, "03_train", "-p", "lr", "fast")
    assert result.returncode != 0
    assert "'lr' must be float" in result.stderr


def test_loader_options_are_read():
    assert loader_options("level=19 missing=drop strict=False fold=3") == {
        "level": 19,
        "missing": "drop",
        "strict": False,
        "fold": 3,
    }
    assert loader_options("") == {}
    with pytest.raises(ParameterError, match="'level' is not name=value"):
        loader_options("level 19")
