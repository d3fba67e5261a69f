"""What a notebook is made with: source files that it imports, directly or not, data files beside, its parameters."""

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOTS = ("dermimit", "studies")


def sources(notebook: str) -> list[str]:
    """The files of this repository's packages that a notebook imports, directly or not, in order of their names.

    Args:
        notebook: path from the repository's top, where this is called.
    """
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in [*cell["source"], "\n"]]
    text = "".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    return _closure(_imported(ast.parse(text)))


@cache
def declared(notebook: str) -> frozenset[str]:
    """The names of a notebook's parameters: what its cell with the tag `parameters` assigns.

    Args:
        notebook: path from the repository's top, where this is called.
    """
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    cell = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    typed = [node for node in ast.parse("".join(cell["source"])).body if isinstance(node, ast.AnnAssign)]
    return frozenset(ast.unparse(node.target) for node in typed)


def of_module(name: str) -> list[str]:
    """The files that a module, such as "studies.skin_tone.measure", is made of: its own, and what it imports."""
    return _closure(iter([Path(*name.split(".")).with_suffix(".py")]))


def _closure(first: Iterator[Path]) -> list[str]:
    found: set[Path] = set()
    waiting = list(first)
    while waiting:
        if (path := waiting.pop()) not in found:
            found.add(path)
            waiting += _of_file(path)
    folders = {path.parent for path in found}
    beside = {data for folder in folders for data in folder.glob("*.*") if data.suffix in (".js", ".yaml", ".json")}
    return sorted(map(str, found | beside))


@cache
def _of_file(path: Path) -> tuple[Path, ...]:
    return tuple(_imported(ast.parse(path.read_text(encoding="utf-8")), path))


def _imported(tree: ast.Module, path: Path | None = None) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ROOTS:
            for name in node.names:
                yield from _resolve(node.module, name.name)
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] in ROOTS:
                    yield from _resolve(*name.name.rpartition(".")[::2])
        elif path and isinstance(node, ast.Attribute) and node.attr == "import_module":  # one of the modules beside
            yield from path.parent.glob("*.py")


def _resolve(module: str, name: str) -> Iterator[Path]:
    """The file of a module and, if the name is a module of its own, or is brought by one, that one too."""
    folder = Path(*module.split("."))
    if folder.with_suffix(".py").is_file():
        yield folder.with_suffix(".py")
    elif (folder / f"{name}.py").is_file():
        yield from (folder / "__init__.py", folder / f"{name}.py")
    elif folder.is_dir():
        yield folder / "__init__.py"
        if (folder / name).is_dir():
            yield folder / name / "__init__.py"
        for part in _lazy(folder / "__init__.py").get(name, ()):
            yield from _resolve(f"{module}.{part}", name)


@cache
def _lazy(path: Path) -> dict[str, list[str]]:
    """Name -> modules of a package that attaches its names when they are first used."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "submod_attrs":
            for part, names in ast.literal_eval(node.value).items():
                for name in names:
                    found.setdefault(name, []).append(part)
    return found
