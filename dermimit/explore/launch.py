"""Open the explorer of a run: a small notebook, in JupyterLab, in Jupyter Notebook 7, or as an app in Voilà."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from dermimit.explore.kernel import check_number
from dermimit.extras import MissingExtraError, extra
from dermimit.prediction import DISCLAIMER
from dermimit.records import write_atomically
from dermimit.train.run import load_run

with extra("explore"):
    import nbformat

APPS = {"lab": "jupyterlab", "notebook": "notebook", "voila": "voila"}
GUARDED = {  # what a user's own configuration of these apps must not change here; see `guard`
    "voila": [
        "--Voila.ip=127.0.0.1", "--Voila.auto_token=True", "--MappingKernelManager.cull_idle_timeout=1200",
        "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension",  # works in Notebook 7 only
    ],
    "jupyter": [
        "--ServerApp.ip=127.0.0.1", "--ServerApp.allow_remote_access=False", "--ServerApp.allow_origin=",
        "--ServerApp.allow_origin_pat=", "--ServerApp.disable_check_xsrf=False",
        "--ServerApp.allow_unauthenticated_access=False", "--ServerApp.reraise_server_extension_failures=True",
        "--ServerApp.jpserver_extensions=dermimit.explore.guard=True",
    ],
}  # fmt: skip


def notebook(run: Path, **options: object) -> nbformat.NotebookNode:
    """The notebook: what it is, the explorer, and the wrong answers where the photographs of the test are at hand.

    Args:
        run: folder of a finished run.
        options: of `dermimit.explore.explore`; None stands for its default.
    """
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value is not None)
    shown = [
        nbformat.v4.new_markdown_cell("## Its wrong answers in the test split", id="wrong"),
        nbformat.v4.new_code_cell(
            "from dermimit.explore import failure_browser\n"
            "from dermimit.explore.kernel import photos_for\n\n"
            "failure_browser(widget.model.run, photos_for(widget.model.run))", id="failures",
        ),
    ]  # fmt: skip
    cells = [
        nbformat.v4.new_markdown_cell(f"# {run.name}\n\n**{DISCLAIMER}**", id="about"),
        nbformat.v4.new_code_cell(
            f"from dermimit.explore import explore\n\nwidget = explore({str(run)!r}{given})\nwidget", id="explorer"
        ),
        nbformat.v4.new_code_cell(
            "widget.answer  # what the page above shows now; run again after a change", id="answer"
        ),
    ]
    loaded = load_run(run)
    able = "disease" in loaded.model.tasks and "test" in loaded.metrics
    cells += shown if able and loaded.config.data_root.is_dir() else []
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def _opened(path: Path) -> str:
    """The run that a notebook of `notebook` opens; "" where it is not one."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except ValueError:
        return ""
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    called = re.search(r"widget = explore\(((['\"])(?:\\.|(?!\2).)*\2)", code)
    return ast.literal_eval(called[1]) if called else ""


def write_notebook(run: Path, folder: Path, **options: object) -> tuple[Path, bool]:
    """Write the notebook into a folder, unless one of this run is there, which may have been edited.

    Returns:
        its path, and whether it is new.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: fewer than one photograph is asked for, or a notebook of that name is of another run.
    """
    check_number(int(str(options.get("n", 1))))
    load_run(run)
    path = folder / f"explore-{run.resolve().name}.ipynb"
    if path.exists():
        opened = _opened(path)
        if opened not in ("", str(run.resolve())):
            raise ValueError(f"{path} opens another run, {opened}: give another --out, or move that notebook away")
        return path, False
    folder.mkdir(parents=True, exist_ok=True)
    made = nbformat.writes(notebook(run.resolve(), **options))
    write_atomically(path, lambda draft: draft.write_text(made, encoding="utf-8"))
    return path, True


def command(app: str, path: Path, port: int | None, browser: bool) -> list[str]:
    """The command that opens a notebook, for this machine and for who knows the token that it prints.

    Raises:
        MissingExtraError: the app is not installed.
    """
    module = APPS[app]
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(f'{module} is not installed: pip install "dermimit[explore]"', name=module)
    main = "dermimit.explore.guarded_voila" if app == "voila" else module
    words = [sys.executable, "-m", main, str(path), *GUARDED["voila" if app == "voila" else "jupyter"]]
    return words + ([f"--port={port}"] if port else []) + ([] if browser else ["--no-browser"])


def open_app(app: str, path: Path, port: int | None = None, browser: bool = True) -> int:
    """Run it until the reader ends it; its exit code."""
    try:
        return subprocess.run(command(app, path, port, browser), check=False).returncode
    except KeyboardInterrupt:
        return 0
