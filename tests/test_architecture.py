"""What may import what, and that the package knows nothing of the repository around it: CONTRIBUTING.md in code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ANY = {"data", "model", "train", "evaluate", "explain", "predict", "prediction", "export", "records", "zoo"}
LEAVES = {"files", "memory", "shown", "spreadsheets", "tasks"}  # import nothing of ours, and may be imported by all
MAY_IMPORT = {  # part of the package: the parts that it may import, as `CONTRIBUTING.md` says
    "__init__": set(),
    "__main__": {"cli"},
    "model": set(),
    "lock": set(),
    "files": set(),
    "memory": set(),
    "shown": set(),
    "tasks": set(),
    "spreadsheets": set(),
    "extras": set(),
    "named_values": set(),
    "prediction": set(),
    "records": {"evaluate.ranks"},
    "weights": {"model", "records", "extras", "data.problems"},
    "data": {"records", "lock", "extras"},
    "train": {"model", "data", "records", "lock", "named_values", "extras", "weights"}
    | {"evaluate.metrics", "evaluate.predictions", "evaluate.temperatures", "zoo.resolve", "zoo.loading"},
    "zoo": {"train", "data", "records", "weights", "evaluate", "prediction"},
    "evaluate": {"data", "records", "lock", "train.run", "train.processes"},
    "predict": {"data", "train.run", "prediction", "records", "evaluate.selective", "evaluate.temperatures", "explain"},
    "probe": {"data", "weights", "records", "lock", "evaluate", "model.footprint", "model.plan", "train.checked"},
    "explain": {"model", "data", "train.run", "evaluate", "prediction"},
    "export": ANY | {"extras"},
    "explore": ANY | {"extras"},
    "reader_study": ANY | {"extras"},
    "benchmark": {"data", "evaluate"},
    "report": ANY | {"extras", "benchmark"},
    "commands": ANY | {"benchmark", "explore", "reader_study", "report", "probe", "extras", "weights"},
    "cli": {"commands", "reader_study", "extras"},
}
READERS = ("tables", "charts", "numbers")
LOADS_A_MODEL = ("torch", "dermimit.train", "dermimit.model", "dermimit.predict")
FOLDERS = re.compile(r"\b(?:results|workflow|notebooks|studies|benchmarks|tests|book)/|\bstudies\.\w")


def imported(path: Path) -> Iterator[str]:
    """The modules of this repository that a file imports, wherever in it."""
    return (name for name in everything(path) if name.split(".")[0] in ("dermimit", "studies"))


def everything(path: Path) -> Iterator[str]:
    """The modules and names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "dermimit").parts[0].removesuffix(".py")


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_of_the_package_imports_only_what_it_may(part: str) -> None:
    files = [path for path in (ROOT / "dermimit").rglob("*.py") if part_of(path) == part]
    allowed = {part, *MAY_IMPORT[part], *LEAVES}
    for path in files:
        for name in imported(path):
            words = name.split(".")[1:]
            assert {".".join(words[:1]), ".".join(words[:2])} & allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_every_part_of_the_package_has_a_rule() -> None:
    assert {part_of(path) for path in (ROOT / "dermimit").rglob("*.py")} == MAY_IMPORT.keys()


def test_the_package_names_no_folder_of_this_repository() -> None:
    for path in (ROOT / "dermimit").rglob("*"):
        if path.suffix in (".py", ".js", ".yaml", ".html", ".md", ".css"):
            assert not FOLDERS.findall(path.read_text(encoding="utf-8")), path.relative_to(ROOT)


def test_a_study_imports_the_package_and_what_studies_share() -> None:
    for path in (ROOT / "studies").rglob("*.py"):
        if path.name == "read.py" and path.parent.name == "overview":
            continue  # the one file that gathers what all chapters found
        own = {f"studies.{path.parent.name}", "studies.shared"}
        for name in imported(path):
            assert name.startswith("dermimit.") or ".".join(name.split(".")[:2]) in own, f"{path.name} imports {name}"


def test_from_outside_only_the_face_of_the_drawn_dataset_is_used() -> None:
    files = [p for part in ("dermimit", "studies", "workflow", "benchmarks") for p in (ROOT / part).rglob("*.py")]
    for path in [p for p in files if ROOT / "dermimit/data" not in p.parents]:
        assert not [name for name in imported(path) if re.match(r"dermimit\.data\.synderm\.\w+\.", name)], path


def test_what_reads_records_loads_no_model_and_what_measures_draws_no_chart() -> None:
    def of(path: Path, *parents: str) -> list[str]:
        return [n for n in everything(path) if any(n == parent or n.startswith(f"{parent}.") for parent in parents)]

    for path in (ROOT / "studies").rglob("*.py"):
        if path.stem.split("_")[-1] in READERS:
            assert not of(path, *LOADS_A_MODEL), path
        elif path.stem.startswith("measure"):
            assert not of(path, "matplotlib"), path
