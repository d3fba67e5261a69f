"""Training: configuration, losses, the loop, checkpoints and finished runs.

Names are imported when they are first used: a configuration alone does not bring torch along.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["TrainConfig"],
        "engine": ["fit"],
        "epoch": ["NonFiniteLossError"],
        "faults": ["CompileError", "OutOfMemoryError", "WorkerDiedError"],
        "run": ["Run", "load_run"],
        "settings": ["with_settings"],
    },
)
