"""Names of an exported explorer model's inputs and outputs, and how it is opened; nothing here needs torch."""

from pathlib import Path
from typing import Any

from dermimit.extras import extra
from dermimit.tasks import SELECTING_TASKS, TASKS

INPUTS = ("image", "k", "lsm_on", "cim_on", "override_attributes", "override_body_part", "override_scores")
OUTPUTS = (
    *(name for task in TASKS for name in (f"{task}_before", task)),
    *(f"{task}_{what}" for task in SELECTING_TASKS for what in ("scores", "ranked")),
)


def session(model: Path | bytes) -> Any:
    """A file, or its content, in ONNX Runtime, on one thread of the CPU."""
    with extra("explore"):
        import onnxruntime as runtime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    given = str(model) if isinstance(model, Path) else model
    return runtime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
