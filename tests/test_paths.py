"""Paths are data: a checkout, a dataset and an option may have any name, and none of it is ever run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("snakemake")
ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(os.name == "nt" or not shutil.which("make"), reason="needs make and a POSIX shell")
ODD = 'it\'s a "book"; $HOME & $(touch MARKER) `touch MARKER`'
OURS = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PROFILE", "DATASET", "DATA_ROOT", "DATA_OPTIONS", "ARGS", "PYTHON", "VENV")
CLEAN = {k: v for k, v in os.environ.items() if k not in OURS and not k.startswith(("SNAKEMAKE", "DERMIMIT_"))}
EVIL = [
    "$(shell touch MARKER)",
    "/data/it's mine",
    "/data/x'; touch MARKER; '",
    'quick"; touch MARKER; "',
    "smoke; touch MARKER",
    "/d/$(touch MARKER)`touch MARKER`",
    "/data/cash$HOME",
    "$$(touch MARKER) $(info MARKER)",
    "k: v",
    "{x: 1}",
    "-rf #% \\ * ? ~",
    "a,b) $(eval X := $(shell touch MARKER))",
]
NAMES = ("PROFILE", "DATASET", "DATA_ROOT", "DATA_OPTIONS")
STUB = f"""#!{sys.executable}
import json, os, sys
seen = {{name: os.environ.get("DERMIMIT_" + name) for name in {NAMES!r}}}
with open("seen.jsonl", "a") as file:
    file.write(json.dumps([seen, sys.argv[1:], os.environ["PATH"].split(":")[0]]) + "\\n")
"""


def checkout(folder: Path) -> Path:
    """A copy of the project's files, in a folder of an odd name."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    if not files:
        pytest.skip("needs a git checkout")
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def environment(folder: Path) -> Path:
    """This Python's packages as `.venv` of a checkout, with the checkout's own code."""
    venv = folder / ".venv"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix, 'bin')}\ninclude-system-site-packages = false\n")
    (venv / "bin/python").symlink_to(os.path.realpath(sys.executable))
    (venv / "share").symlink_to(Path(sys.prefix) / "share")
    (packages / "all.pth").write_text(f"{sysconfig.get_path('purelib')}\n{folder}\n")
    (venv / ".installed").touch()
    return venv


@pytest.fixture
def stubbed(tmp_path):
    """A folder of an odd name with the Makefile, whose Python writes down what it is given."""
    folder = tmp_path / ODD
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv/bin/python").write_text(STUB)
    (folder / ".venv/bin/python").chmod(0o755)
    (folder / ".venv/.installed").touch()

    def call(*words, **variables):
        command = ["make", "--no-print-directory", *words]
        done = subprocess.run(command, cwd=folder, env=CLEAN | variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not list(tmp_path.rglob("*MARKER*"))[1:] and not (folder / "MARKER").exists(), done.stdout
        lines = (folder / "seen.jsonl").read_text().splitlines() if (folder / "seen.jsonl").exists() else []
        return [json.loads(line) for line in lines], done.stdout

    return call


def given_all(call, how, value, names, *words):
    """Call make with the same value in every name, as its arguments or in its environment."""
    return (
        call(*words, *(f"{n}={value}" for n in names))
        if how == "argument"
        else call(*words, **dict.fromkeys(names, value))
    )


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("how", ["argument", "environment"])
@pytest.mark.parametrize("target", ["book", "book-offline"])
def test_what_is_given_to_make_arrives_as_it_is(stubbed, how, value, target):
    seen, text = given_all(stubbed, how, value, NAMES, target)
    ((given, words, path),) = seen
    assert given == dict.fromkeys(NAMES, value)
    assert words == ["-m", "snakemake", "-s", "workflow/Snakefile", "--profile", "workflow/profiles/local", "--",
                     "book" if target == "book" else "offline"]  # fmt: skip
    assert path.endswith(f"{ODD}/.venv/bin")
    assert text.count(value) >= 2  # the profile and the dataset are told


@pytest.mark.parametrize("value", EVIL)
def test_it_arrives_through_a_make_within_make_too(stubbed, value):
    seen, _ = given_all(stubbed, "argument", value, NAMES[1:], "published")
    wanted = dict.fromkeys(NAMES, value) | {"PROFILE": "published"}
    assert [given for given, *_ in seen] == [wanted, wanted]


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_dry_run_of_make_runs_nothing(stubbed, how, value):
    seen, text = given_all(stubbed, how, value, NAMES, "-n", "book")
    assert seen == [] and value not in text


def test_without_words_the_usual_ones_are_given(stubbed):
    ((given, *_),) = stubbed("book")[0]
    assert given == {"PROFILE": "quick", "DATASET": "synderm", "DATA_ROOT": "", "DATA_OPTIONS": ""}


def commands(folder: Path, *words: str, **variables: str) -> list[list[str]]:
    """The shell commands of a dry run of the workflow in a checkout, as words."""
    command = [folder / ".venv/bin/python", "-m", "snakemake", "-n", "-p", "--forceall", "-s", "workflow/Snakefile"]
    command += ["--profile", "workflow/profiles/local", "--cores", "1", *words]
    clean = {k: v for k, v in CLEAN.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")} | variables
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"^Shell command: (.*)$", done.stdout + done.stderr, flags=re.MULTILINE)
    return [shlex.split(line) for line in found if line != "None"]


@pytest.mark.slow
def test_every_command_of_the_workflow_is_quoted(tmp_path):
    folder = checkout(tmp_path / ODD)
    python = str(environment(folder) / "bin/python")
    data = tmp_path / "my 'own' \"data\"; $(touch MARKER) & b"
    data.mkdir()
    (data / "metadata.csv").write_text("")
    where = {"DERMIMIT_PROFILE": "smoke", "DERMIMIT_DATASET": "pad_ufes_20", "DERMIMIT_DATA_ROOT": str(data)}
    runs = "results/runs/smoke/pad_ufes_20-evidence/selection"
    planned = commands(folder, "--", "offline", f"{runs}/unet-seed0/metrics.json",
                       "results/tables/published/verdicts.csv", **where)  # fmt: skip
    kinds = {"workflow/scripts/execute_notebook.py": 0, "studies.localisation.measure_outlines": 0,
             "workflow/scripts/experiment.py": 0, "workflow/scripts/offline_book.py": 0,
             "studies.evidence.measure_tables": 0, "build": 0}  # fmt: skip
    for words in planned:
        words = words[1:] if words[0].startswith("OMP_NUM_THREADS=") else words
        assert words[0] == python, words
        kinds[next(kind for kind in kinds if kind in words)] += 1
        given = [json.loads(word) for word in words if word.startswith("{")]
        assert all(one.get("data_root", str(data)) == str(data) for one in given)
        assert not any("MARKER" in word for word in words[1:] if not word.startswith("{") and word != str(data)), words
    assert all(kinds.values()), kinds
    synderm = {"DERMIMIT_PROFILE": "smoke", "DERMIMIT_DATASET": "synderm"}
    planned = commands(folder, "--", "explorer_model", **synderm)
    assert {words[1 if words[0] == python else 0] for words in planned} and all(python in words for words in planned)
    assert not (folder / "MARKER").exists()


@pytest.mark.parametrize("name", ["data_root", "data_options"])
def test_what_snakemake_would_read_as_yaml_is_refused_with_the_way_around(monkeypatch, name):
    monkeypatch.syspath_prepend(str(ROOT / "workflow"))
    import helpers
    from snakemake.exceptions import WorkflowError

    with pytest.raises(WorkflowError, match=rf"--config {name}: .*DERMIMIT_{name.upper()}="):
        helpers.read_settings({"dataset": "folder", name: {"k": "v"}}, ROOT / "workflow")
    with pytest.raises(WorkflowError, match="make a link to the folder"):
        helpers.read_settings({"dataset": "folder", "data_root": "/data/{x}"}, ROOT / "workflow")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("DERMIMIT_WHOLE_BOOK" not in os.environ, reason="a whole book: set DERMIMIT_WHOLE_BOOK=1")
def test_the_book_is_built_in_a_folder_of_any_name(tmp_path):
    folder = checkout(tmp_path / ODD)
    environment(folder)
    done = subprocess.run(["make", "book", "PROFILE=smoke"], cwd=folder, env=CLEAN, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert "The book is here: _build/synderm-smoke/_build/html/index.html" in done.stdout
    pages = folder / "_build/synderm-smoke/_build/html"
    assert "book/index.html" in (pages / "index.html").read_text(encoding="utf-8")
    assert "macro-F1" in (pages / "results/pages/10_results.html").read_text(encoding="utf-8")
    assert not (folder / "MARKER").exists()
