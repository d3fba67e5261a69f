"""The model and its records in the reader's browser: widgets for Jupyter and for static pages, and their files.

`explore(RUN)` shows a run; names are imported when they are first used, since they bring torch and widgets along.
"""

from importlib import import_module
from typing import Any

_WHERE = {"explore": "kernel", "TorchExplorer": "kernel", "Explorer": "widget"} | dict.fromkeys(
    ("ablation_explorer", "dataset_browser", "failure_browser"), "browsers"
)
__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
