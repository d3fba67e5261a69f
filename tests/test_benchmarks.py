"""The benchmark scripts run; times are not asserted."""

import importlib.util
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "benchmarks"
sys.path.append(str(FOLDER))  # as when a script is run


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


def test_input_speed_runs(tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    script("input_speed").main(out, photos=((120, 90), (80, 100)), image_size=24, images=2, repeats=1)
    found = json.loads(out.read_text("utf-8"))
    assert [(s["photo"], [w["way"] for w in s["ways"]]) for s in found["sizes"]] == [
        (photo, ["ImageFolder", "full size", "reduced", "cache"]) for photo in ([120, 90], [80, 100])
    ]
    assert found["sizes"][0]["cache_bytes"] == 16 + 3 * 60 * 45 and found["least_side"] == 36
    for row in (row for size in found["sizes"] for row in size["ways"]):
        assert row["images_per_second_cpu"]["median"] > 0 and row["ratio_wall"]["min"] > 0
    assert "x ImageFolder" in capsys.readouterr().out


def test_the_photographs_and_the_transform_of_input_speed_are_like_real_ones():
    speed = script("input_speed")
    photo = speed.draw_photo(300, 200, 0)
    assert photo.size == (300, 200) and photo.getextrema()[0][1] - photo.getextrema()[0][0] > 100
    theirs = speed.torchvision_transform(32)(photo)
    assert theirs.shape == (3, 32, 32) and -1.3 < theirs.min() < theirs.max() < 1.3
