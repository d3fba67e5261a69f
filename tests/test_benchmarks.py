"""The benchmark scripts run; times are not asserted."""

import importlib.util
import json
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "benchmarks"


def script(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_synderm_speed_runs(tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    script("synderm_speed").main(out, sizes=(16, 24), images=1, batch=2, repeats=1)
    found = json.loads(out.read_text("utf-8"))
    assert [(r["size"], r["source"]) for r in found["images"]] == [
        (size, source) for size in (16, 24) for source in ("SynDerm", "JPEG", "FakeData")
    ]
    assert 0 < found["training"]["share_of_drawing"] < 1
    assert "images/s" in capsys.readouterr().out
