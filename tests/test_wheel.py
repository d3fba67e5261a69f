"""The wheel alone, as a stranger gets it: what is in it, and what runs with its own requirements and nothing else."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from test_setup import ROOT, draw_folder, readme_example

pytestmark = pytest.mark.slow
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
DATA = (
    "__init__.pyi", "py.typed", "data/synderm/knowledge.yaml", "data/synderm/definitions.yaml",
    "data/synderm/datasheet.md", "explore/explorer.js", "explore/index.html", "explore/package-lock.json",
    "explore/NOTICE.txt", "reader_study/reader.html", "reader_study/reader.js", "reader_study/reader.css",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)], check=True)
    (found,) = folder.glob("*.whl")
    return found


def required(by: list[str], extras: frozenset[str] = frozenset()) -> Iterator[metadata.Distribution]:
    """The distributions that requirements ask for on this machine, directly or not, as they are installed here."""
    waiting, seen = [(Requirement(line), extras) for line in by], set()
    while waiting:
        wanted, asked_for = waiting.pop()
        if wanted.marker and not any(wanted.marker.evaluate({"extra": name}) for name in asked_for | {""}):
            continue
        found = metadata.distribution(wanted.name)
        assert wanted.specifier.contains(found.version, prereleases=True), f"{wanted}: {found.version} is installed"
        if (key := (found.name, frozenset(wanted.extras))) not in seen:
            seen.add(key)
            waiting += [(Requirement(line), frozenset(wanted.extras)) for line in found.requires or ()]
            yield found


@pytest.fixture(scope="module")
def stranger(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An environment that holds the wheel and what it requires without extras, and an empty folder to work in."""
    folder = tmp_path_factory.mktemp("stranger")
    python, libraries = folder / "env/bin/python", folder / "libraries"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    libraries.mkdir()
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        lines = metadata.PathDistribution(zipfile.Path(packed, name.removesuffix("METADATA"))).requires
    for distribution in required(lines or []):
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not (libraries / top).exists():
                (libraries / top).symlink_to(Path(distribution.locate_file(top)))
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(f"{libraries}\n")
    subprocess.run([*PIP, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (folder / "work").mkdir()
    return python, folder / "work"


def run(stranger: tuple[Path, Path], *words: str, code: int = 0) -> str:
    """What a command of the stranger's Python prints; -I keeps this environment and the checkout out of it."""
    python, work = stranger
    done = subprocess.run([str(python), "-I", *words], cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert {re.match(r"dermimit(?:-[\d.]+\.dist-info)?/", name) is not None for name in names} == {True}
    assert [name for name in DATA if f"dermimit/{name}" not in names] == []
    source = {p.relative_to(ROOT).as_posix() for p in (ROOT / "dermimit").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == source
    published = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dermimit/zoo").glob("*/*.*")}
    assert {name for name in published if "__pycache__" not in name} <= set(names)


def test_only_what_is_required_is_there(stranger: tuple[Path, Path]) -> None:
    code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    found = run(stranger, "-c", code, "torch", "statsmodels", "imagehash", "IPython", "pytest", "studies")
    assert found.split() == ["torch"]


EXPLORING = ("browsers", "guard", "guarded_voila", "kernel", "launch", "widget")
"""Modules of the extra `explore`."""


def test_every_module_loads_or_names_its_extra(stranger: tuple[Path, Path]) -> None:
    code = """
import importlib, pkgutil, dermimit
from dermimit.extras import MissingExtraError
assert "site-packages" in dermimit.__file__, dermimit.__file__
for module in pkgutil.walk_packages(dermimit.__path__, "dermimit."):
    if module.name != "dermimit.__main__":
        try:
            importlib.import_module(module.name)
        except MissingExtraError as error:
            print(module.name, "|", error)
"""
    lines = dict(line.split(" | ") for line in run(stranger, "-c", code).splitlines())
    assert lines.keys() == {f"dermimit.explore.{name}" for name in EXPLORING}
    assert all(line.endswith('not installed: pip install "dermimit[explore]"') for line in lines.values())


def test_help_and_the_readme_s_example_run(stranger: tuple[Path, Path]) -> None:
    python, work = stranger
    command = [str(python.with_name("dermimit")), "--help"]
    assert b"usage: dermimit" in subprocess.run(command, cwd=work, env={}, capture_output=True, check=True).stdout
    draw_folder(work)
    (work / "example.py").write_text(readme_example())
    assert "differential" in run(stranger, "example.py")
    assert '"commit": "unknown"' in (work / "runs/mine/provenance.json").read_text()
    photos = ("--dataset", "folder", "--root", "photos")
    for words, code, said in (
        (("predict", "runs/mine", "photo.jpg", "--figure", "answer.png"), 0, "figure: answer.png"),
        (("evaluate", "runs/mine", *photos), 0, "accuracy"),
        (("data", "check", "photos", *photos[:2]), 2, 'pip install "dermimit[data]"'),
        (("explore", "runs/mine"), 2, 'pip install "dermimit[explore]"'),
    ):
        assert said in run(stranger, "-m", "dermimit", *words, code=code)
