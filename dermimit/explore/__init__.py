"""The model and its records in the reader's browser: widgets for Jupyter and for static pages, and their files.

`explore(RUN)` shows a run; names are imported when they are first used, since they bring torch and widgets along.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "browsers": ["ablation_explorer", "dataset_browser", "failure_browser"],
        "kernel": ["TorchExplorer", "explore"],
        "widget": ["Explorer"],
    },
)
