"""The same run and the same refusals whatever Python is told; one line where the world around is not as it should."""

import ast
import errno
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ATTRIBUTES, BODY_PARTS, DISEASES, draw_tiny, tiny_row

from dermimit.cli import main
from dermimit.data.label_space import LabelSpace
from dermimit.data.stored import save_dataset

ROOT = Path(__file__).parents[1]
MODEL = ["img_size", "16", "patch_size", "4", "embed_dim", "24", "num_heads", "3", "lsm_k", "4"]
WORDS = ["--image-size", "16", "--model-kwargs", *MODEL, "--samples", "8", "--epochs", "1", "--batch-size", "4",
         "--tracker", "none"]  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("circumstances") / "tiny"
    for i in range(12):
        draw_tiny(root, i)
    space = LabelSpace("tiny", DISEASES, BODY_PARTS, ATTRIBUTES)
    save_dataset(root, pd.DataFrame([tiny_row(i) for i in range(12)]), space)
    return root


def train(photos, out, *options, seed="0", words=WORDS):
    command = [
        sys.executable,
        *options,
        "-m",
        "dermimit",
        "train",
        "--data-root",
        str(photos),
        "--out",
        str(out),
        *words,
    ]
    environment = os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


# ---------------------------------------------------------------- python -O, another PYTHONHASHSEED


@pytest.mark.slow
def test_neither_hashing_nor_optimising_changes_a_run(photos, tmp_path):
    runs = {"usual": ((), "0"), "hashed": ((), "4711"), "optimised": (("-O",), "1"), "bare": (("-OO",), "2")}
    for name, (options, seed) in runs.items():
        done = train(photos, tmp_path / name, *options, seed=seed)
        assert done.returncode == 0, done.stderr
    for name in runs:
        for file in (
            "model.safetensors",
            "predictions.parquet",
            "metrics.json",
            "label_space.json",
            "calibration.json",
        ):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "usual" / file).read_bytes(), (name, file)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [(["--lr", "-1"], "lr=-1"), (["--model", "resnet18"], "plain model of timm"), (["--image-size", "17"], "img_size")],
    ids=str,
)
def test_an_optimised_python_refuses_what_the_usual_one_does(photos, tmp_path, more, message):
    done = train(photos, tmp_path / "run", "-O", words=[*WORDS, *more])
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_no_check_of_what_somebody_gave_is_an_assertion():
    """`python -O` leaves assertions out: those that are there only say to the type checker what is known."""
    for path in (ROOT / "dermimit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert):
                text = ast.unparse(node.test)
                assert " is not None" in text or text.startswith(("isinstance(", "callable(")), f"{path.name}: {text}"


# ---------------------------------------------------------------- parameters that contain code


CODE = ['"; import os; os.system("touch MARKER"); "', "'''\nimport os\n'''", "__import__('os').system('touch MARKER')",
        "{{ 7*7 }}", "$(touch MARKER)", "\\", "\n!touch MARKER\n", "%%bash\ntouch MARKER"]  # fmt: skip


@pytest.mark.parametrize("value", CODE)
def test_a_parameter_that_contains_code_stays_a_text(tmp_path, monkeypatch, value):
    pytest.importorskip("papermill")
    import nbformat
    import yaml
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    monkeypatch.chdir(tmp_path)
    given = {"dataset": value, "data_root": value, "more": value, "data_options": value, "out": value}
    read = yaml.safe_load(json.dumps(given))  # as papermill reads what follows -y
    assert read == given
    notebook = parameterize_notebook(load_notebook_node(str(ROOT / "notebooks/03_train.ipynb")), read)
    (cell,) = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    values: dict = {}
    exec(compile(cell.source, "cell", "exec"), values)
    assert {name: values[name] for name in given} == given
    assert not (tmp_path / "MARKER").exists() and nbformat.validate(notebook) is None


@pytest.mark.parametrize("value", CODE)
@pytest.mark.parametrize("name", ["more", "data_options", "dataset", "model", "tasks"])
def test_a_setting_that_contains_code_is_refused(tmp_path, monkeypatch, photos, name, value):
    from studies.shared.training import run_of_row

    monkeypatch.chdir(tmp_path)
    given = {"row": "full", "dataset": "synderm", "data_root": str(photos), "out": str(tmp_path / "run")}
    given |= {"tasks": "disease", "lsm": False, "fusion": "none", "samples": 8, "epochs": 1, "batch_size": 4}
    with pytest.raises((ValueError, KeyError, FileNotFoundError)):
        from dermimit.train import fit

        fit(run_of_row(given | {name: value}))
    assert not (tmp_path / "MARKER").exists()


# ---------------------------------------------------------------- the browser's model, answers with wrong columns


def test_the_facts_of_a_model_end_no_script(tmp_path):
    from dermimit.explore.bundle import write_script

    evil = json.dumps({"diseases": ["</script><script>alert(1)</script>", "<!--", "\u2028"]}).encode()
    write_script(tmp_path / "model.js", {"facts.json": evil, "</script>.onnx": b"</script>"})
    text = (tmp_path / "model.js").read_text()
    assert "</script" not in text.replace("</script>.onnx", "") and "<!--" not in text and "\u2028" not in text


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1]}), pd.DataFrame({"image": [1, 2]}), pd.DataFrame(),
        pd.DataFrame({"image": ["x"], "NEV": ["much"]}), pd.DataFrame({"image": [["x"]], "NEV": [[1.0]]}),
    ],
    ids=["other", "no classes", "empty", "text", "lists"],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_answers_with_wrong_columns_are_one_line(tmp_path, capsys, frame, suffix):
    path = tmp_path / f"answers.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    assert main(["score", str(path), "--benchmark", "pad_ufes_20"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("dermimit: ") and str(path) in err and "Traceback" not in err


# ---------------------------------------------------------------- no room in /tmp


def test_a_full_tmp_is_one_line_or_no_matter(photos, tmp_path, capsys, monkeypatch):
    words = ["train", "--data-root", str(photos), "--out", str(tmp_path / "run"), *WORDS]

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    for name in ("mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile"):
        monkeypatch.setattr(tempfile, name, full)
    assert main(words) == 0
    photo = str(photos / "images/03.png")
    assert main(["predict", str(tmp_path / "run"), photo, "--out", str(tmp_path / "a.csv")]) == 0
    assert main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "a.html"), "--no-data-check"]) == 0
    where = ["--dataset", "synderm", "--root", str(photos)]
    assert main(["evaluate", str(tmp_path / "run"), *where, "--out", str(tmp_path / "e")]) == 0
    capsys.readouterr()
    assert main(["report", str(tmp_path / "run"), *where, "--out", str(tmp_path / "b.html")]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err and "Traceback" not in err and not (tmp_path / "b.html").exists()
    assert np.isfinite(pd.read_csv(tmp_path / "a.csv")["disease_1_probability"]).all()


# ---------------------------------------------------------------- what of others' work comes along


def test_the_notice_is_current_and_nothing_else_comes_along():
    spec = importlib.util.spec_from_file_location("notice", ROOT / ".ci/notice.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "NOTICE").read_text(encoding="utf-8") == module.notice(), "run: python .ci/notice.py"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    foreign = (".min.js", ".min.css", ".woff", ".woff2", ".ttf", ".otf", ".so", ".dll", ".jar", ".whl", ".wasm", ".exe")
    assert not [name for name in listed if name.endswith(foreign)]


def test_the_lowest_timm_reads_no_pickle_unless_told_so():
    """An older one would run what a checkpoint says; a config.json cannot name one, and this is the second wall."""
    import inspect
    import tomllib

    from packaging.requirements import Requirement
    from timm.models import load_checkpoint, load_state_dict

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    timm = next(r for r in map(Requirement, wanted) if r.name == "timm")
    assert not timm.specifier.contains("1.0.25") and timm.specifier.contains("1.0.26")
    for function in (load_checkpoint, load_state_dict):
        assert inspect.signature(function).parameters["weights_only"].default is True
