"""Who may import whom: the rule that keeps the core small and the studies apart (CONTRIBUTING.md tells it in words)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = {  # part of dermimit -> the parts it may import beside itself
    "model": set(),
    "data": {"records", "lock", "named_values"},
    "evaluate": {"data", "records", "lock", "train.run"},
    "train": {"model", "data", "records", "lock", "named_values", "evaluate.metrics", "evaluate.predictions"},
    "explain": {"model", "data", "evaluate", "train.run", "records", "prediction"},
    "export": {"model", "data", "evaluate", "train", "records"},
    "explore": {"model", "data", "evaluate", "explain", "train", "export", "records", "predict", "prediction"},
    "reader_study": {"model", "data", "evaluate", "explain", "train", "records", "predict", "prediction"},
}
READERS = ("tables", "charts", "numbers")
LOADS_A_MODEL = ("torch", "dermimit.train", "dermimit.model", "dermimit.predict")
PATHS = re.compile(r"(results|workflow|notebooks|studies)/")


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def starts(name: str, *parents: str) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


@pytest.mark.parametrize("part", CORE)
def test_a_part_of_the_core_imports_only_what_lies_below_it(part):
    allowed = [f"dermimit.{name}" for name in (part, *CORE[part])]
    found = [(path.name, name) for path in (ROOT / "dermimit" / part).rglob("*.py") for name in imports(path)]
    assert [line for line in found if starts(line[1], "dermimit", "studies") and not starts(line[1], *allowed)] == []


def test_the_core_knows_no_study_and_no_folder_of_this_repository():
    for path in (ROOT / "dermimit").rglob("*.py"):
        assert not [name for name in imports(path) if starts(name, "studies")], path
        texts = [n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)]
        assert not [text for text in texts if isinstance(text, str) and PATHS.search(text)], path


def test_a_study_imports_no_other_study():
    for path in (ROOT / "studies").rglob("*.py"):
        other = {name.split(".")[1] for name in imports(path) if starts(name, "studies")} - {"shared", path.parent.name}
        assert not other, f"{path} imports {other}"


def test_what_reads_records_loads_no_model_and_what_measures_draws_no_chart():
    for path in (ROOT / "studies").rglob("*.py"):
        if path.stem.split("_")[-1] in READERS:
            assert not [name for name in imports(path) if starts(name, *LOADS_A_MODEL)], path
        elif path.stem.startswith("measure"):
            assert not [name for name in imports(path) if starts(name, "matplotlib", "seaborn")], path


def test_from_outside_only_the_face_of_synderm_is_imported():
    inside = ROOT / "dermimit/data/synderm"
    for folder in ("dermimit", "studies", "workflow", "benchmarks"):
        for path in (path for path in (ROOT / folder).rglob("*.py") if not path.is_relative_to(inside)):
            assert not [name for name in imports(path) if name.count(".") > 3 and starts(name, "dermimit.data.synderm")]
