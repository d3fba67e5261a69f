"""The model and its records in the reader's browser: widgets for Jupyter and for static pages, and their files.

`ablation_explorer`, `failure_browser` and `dataset_browser` are loaded when they are first used.
"""

from typing import Any

__all__ = ["ablation_explorer", "dataset_browser", "failure_browser"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dermimit.explore import browsers

    return getattr(browsers, name)
