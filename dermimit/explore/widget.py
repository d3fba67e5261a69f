"""The explorer in Jupyter: the same module as in a static page, with its files sent by the kernel."""

import gzip
import json
from pathlib import Path
from typing import Any

from dermimit.explore.bundle import module
from dermimit.explore.cases import START, case_file
from dermimit.explore.runtime import runtime_files
from dermimit.extras import extra
from dermimit.records import read_json

with extra("explore"):
    import anywidget
    import traitlets


class Explorer(anywidget.AnyWidget):
    """An exported model under sliders and switches, in a notebook.

    Args:
        onnx: what `dermimit export` wrote; its .json lies beside it.
        case: which of the drawn cases to show first.
        cache: folder of the browser's runtime, see `runtime_files`.

    Attributes:
        answer: what the page shows now, by task and class name: probabilities, patches, choices.
    """

    _esm = module("explorer.js")
    assets_url = traitlets.Unicode("").tag(sync=True)
    case = traitlets.Int(START).tag(sync=True)
    answer = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, onnx: Path | str, case: int = START, cache: Path | None = None) -> None:
        super().__init__(case=case)
        self._onnx, self._cache = Path(onnx), cache
        self.on_msg(self._send_asset)

    def _send_asset(self, _: Any, message: dict[str, Any], buffers: list) -> None:
        name = message["asset"]
        try:
            packed = gzip.compress(self._asset(name), 6)
        except (OSError, ValueError) as error:
            self.send({"asset": name, "error": str(error)})
            return
        self.send({"asset": name}, [packed])

    def _asset(self, name: str) -> bytes:
        """A file by its name in explorer.js."""
        if name.startswith("runtime."):
            return runtime_files(self._cache)[name]
        facts = self._onnx.with_suffix(".json")
        if name == "cases.json":
            return json.dumps(case_file(image_size=read_json(facts)["image_size"][0])).encode()
        return {"model.onnx": self._onnx, "facts.json": facts}[name].read_bytes()
