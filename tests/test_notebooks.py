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
from studies.shared.page import Page, open_page, rerun_command
from studies.shared.parameters import (
    ParameterError,
    check_parameters,
    declared_parameters,
    injected_names,
    loader_options,
)
from studies.shared.show import glue, show_subset
from studies.shared.training import OF_PAGE, run_config, run_of_row

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "notebooks").glob("*.ipynb"))
DECLARED = 'seed: int = 0  # seed\nlr: float = 0.1  # rate\nnames: list[str] = ["a"]  # names\nkind: str = "x"  # kind'


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.stem)
def template(request):
    return request.param


@pytest.fixture
def notebook(template):
    return nbformat.read(template, as_version=4)


def parameters_cells(notebook):
    return [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]


def code_after_parameters(notebook):
    (cell,) = parameters_cells(notebook)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    return [c.source.rstrip(";\n") for c in code[code.index(cell) + 1 :]]


NEEDS_TORCH = {"01_data", "02_model", "03_train", "05_attention", "12_selection", "20_explore"}


def test_pages_that_read_records_do_not_wait_for_torch():
    """It takes longer to import than most of these pages take to make."""
    cells = [cell for path in TEMPLATES if path.stem not in NEEDS_TORCH for cell in nbformat.read(path, 4).cells]
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code").splitlines()
    tree = ast.parse("\n".join(line for line in code if not line.lstrip().startswith(("%", "!"))))
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(imports) > 40
    check = "\n".join([*imports, "import sys", "assert 'torch' not in sys.modules"])
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0


def test_these_are_the_pages():
    assert [path.stem for path in TEMPLATES] == [
        "01_data", "02_model", "03_train", "04_ablation", "05_attention",
        "06_components", "07_synderm", "08_real_photographs", "09_evidence", "10_results",
        "11_speed", "12_selection", "13_failures", "14_skin_tone", "15_rare_diseases",
        "16_time", "17_reader_study", "18_model_card", "19_survival", "20_explore",
        "25_second_edition", "26_benchmark", "27_datasets", "28_robustness",
    ]  # fmt: skip


def test_valid_with_the_usual_kernel_and_no_output(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


def test_parameters_are_typed_commented_and_checked_next(template, notebook):
    (cell,) = parameters_cells(notebook)
    lines = cell.source.splitlines()
    assert len(declared_parameters(cell.source)) == len(lines)
    assert all("  # " in line for line in lines)
    assert re.search(rf'page = open_page\(\s*globals\(\),\s*"{template.stem}"', code_after_parameters(notebook)[0])


def test_every_parameter_does_something(notebook):
    (cell,) = parameters_cells(notebook)
    opening, *rest = code_after_parameters(notebook)
    code = "\n".join(rest)
    used = {node.id for node in ast.walk(ast.parse("\n".join([opening, code]))) if isinstance(node, ast.Name)}
    used |= {"report"} if '"**' in opening else {"report", "profile", "dataset"}  # a note, or the banner
    used |= {"data_root"} if "dataset_root(page.parameters" in code else set()
    if "run_config(page.parameters)" not in code:
        assert set(declared_parameters(cell.source)) <= used


def test_papermill_can_read_every_parameter(notebook):
    (cell,) = parameters_cells(notebook)  # a second equals sign, even in a comment, hides the line from papermill
    assert [line for line in cell.source.splitlines() if line.count("=") != 1] == []


def test_cells_are_short(notebook):
    for cell in notebook.cells:
        assert len(cell.source.splitlines()) <= 40, cell.source[:80]
        if cell.cell_type == "code":
            tree = ast.parse(cell.source.rstrip(";\n"))
            for node in ast.walk(tree):
                assert not isinstance(node, ast.ClassDef | ast.FunctionDef)
                if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                    assert node.end_lineno - node.lineno < 10, ast.unparse(node)[:80]


def test_page_opens_with_claim_or_answer_and_ends_with_command(notebook):
    opening, last = notebook.cells[0].source, notebook.cells[-1]
    assert opening.startswith("# ")
    tabs = 'class="dermimit-tabs"' in opening  # widgets, which report no finding
    assert tabs or ":class: answer" in opening or ("**Claim.**" in opening and "Key takeaways" in opening)
    assert re.search(r"page\.(close|end)\(", last.source) and last.metadata.tags == ["remove-input"]


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
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: shown.append((data, more)))
    glue({"f1": np.float64(0.5), "best": "attention"})
    data, more = shown[0]
    assert data == {"application/papermill.record/text/plain": "0.5"}
    assert more["metadata"]["scrapbook"]["name"] == "f1"
    assert shown[1][0] == {"application/papermill.record/text/plain": "'attention'"}


def test_a_subset_of_a_public_dataset_is_named(monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: shown.append(data["text/markdown"]))
    show_subset("pad_ufes_20", 2298)
    show_subset("synderm", 10)
    assert not shown
    show_subset("pad_ufes_20", 948)
    assert "PAD-UFES-20, 948-image subset** of 2,298" in shown[0]


def test_the_rerun_command_is_one_papermill_understands():
    given = {"seed": 3, "data_root": "", "lsm": True, "tasks": "disease", "out": "a b"}
    words = shlex.split(
        rerun_command("03_train", given).removeprefix("```bash").removesuffix("```").replace("\\\n", "")
    )
    assert words[:3] == ["papermill", "notebooks/03_train.ipynb", "03_train-again.ipynb"]
    assert words[3:] == ["-p", "seed", "3", "-p", "lsm", "True", "-p", "tasks", "disease", "-p", "out", "a b"]


def test_a_page_opens_with_a_note_or_with_the_profile(monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: shown.append(data["text/markdown"]))
    monkeypatch.chdir(ROOT / "notebooks")
    page = open_page(namespace(), "14_skin_tone", "**Once.**", record="skin_tone", kind=("x", "y"))
    assert page.read("by_type")["photographs"] > 0 and page.labels()["full"] == "full (LSM + CIM)"
    declared = 'profile: str = "quick"  # profile\ndataset: str = "scin"  # dataset'
    open_page({"In": ["", declared, "open"], "profile": "quick", "dataset": "scin"}, "01_data")
    assert shown[0] == "**Once.**" and shown[1].startswith("**Profile `quick` on SCIN.** A live demonstration")
    with pytest.raises(ParameterError, match="'dataset' must be one of synderm"):
        open_page({"In": ["", declared, "open"], "profile": "quick", "dataset": "isic"}, "01_data")


def test_a_page_closes_with_command_checkout_provenance_and_numbers(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: shown.append(data["text/markdown"]))
    report = tmp_path / "numbers" / "page.json"
    page = Page("14_skin_tone", {"drawn": 96, "report": str(report)}, ROOT, "skin_tone", 0.0)
    page.close({"commit": "0123456789ab", "python": "3.12"}, again={"report": ""}, worst=0.5)
    command, checkout, provenance = shown
    assert "-p drawn 96" in command and "-p report" not in command
    assert "`by_type.json`" in checkout and "`0123456789`" in provenance
    written = json.loads(report.read_text())
    assert written.pop("executed") and written == {"worst": 0.5}
    shown.clear()
    Page("11_speed", {"report": ""}, ROOT, "", 0.0).close(None)
    assert len(shown) == 1


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
