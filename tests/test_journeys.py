"""The README's three journeys, command by command, on photographs drawn here and with short trainings."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pillow_heif
import pytest
from PIL import Image

from dermimit.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BUILD = README.split("## Build")[1].split("\n## ")[0]
JOURNEYS = re.findall(r"```bash\n(.*?)```", BUILD, re.DOTALL)
SHORT = {
    "--samples 20000": "--samples 960 --epochs 2 --batch-size 16 --optimizer adamw --lr 0.001",
    "--abstain 0.2": "--abstain 0.9",  # little is learnt so fast
}
COLOURS = {"acne": (150, 40, 50), "eczema": (170, 110, 60), "naevus": (70, 45, 40)}


def photo(path: Path, disease: str, seed: int) -> None:
    """Skin with a spot of the disease's colour, as JPEG or HEIC."""
    rng = np.random.default_rng([seed, *disease.encode()])
    pixels = np.full((60, 80, 3), (205, 165, 140)) + rng.normal(0, 6, (60, 80, 3))
    y, x = rng.integers(10, 30, 2)
    pixels[y : y + 20, x : x + 20] = COLOURS[disease] + rng.normal(0, 10, (20, 20, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image.save(path, format="HEIF" if path.suffix.lower() == ".heic" else "JPEG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """photos/, metadata.csv with images/, unlabelled/, others/ and new.jpg."""
    root = tmp_path
    pillow_heif.register_heif_opener()
    rows = []
    for disease in COLOURS:
        for i in range(24):
            photo(root / "photos" / disease / f"IMG_{i:04d}{'.HEIC' if i % 8 == 0 else '.jpg'}", disease, i)
            name = f"ISIC_{len(rows):07d}"
            looks = "eczema" if i % 4 == 3 else disease  # some cannot be told: a rule without errors has no temperature
            photo(root / "images" / f"part_{1 + i % 2}" / f"{name}.JPG", looks, 1000 + len(rows))
            rows.append({"lesion_id": f"HAM_{len(rows) // 2}", "image_id": name, "dx": disease, "age": 40.0 + i})
            rows[-1]["localization"] = ["back", "face", "unknown"][i % 3]
        for i in range(4):
            photo(root / "unlabelled" / f"{disease} {i}1.jpg", disease, 300 + i)
    for disease in ("acne", "naevus"):
        for i in range(3):
            photo(root / "others" / disease / f"{i}.jpg", disease, 200 + i)
    (root / "unlabelled" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    photo(root / "new.jpg", "acne", 400)
    pd.DataFrame([*rows, rows[0] | {"image_id": "ISIC_000001"}]).to_csv(root / "metadata.csv", index=False)
    return root


def commands(journey: str) -> list[list[str]]:
    for words, short in SHORT.items():
        journey = journey.replace(words, short)
    return [shlex.split(line, comments=True)[1:] for line in journey.splitlines()]


def test_the_readme_shows_journeys_of_at_most_ten_lines() -> None:
    assert len(JOURNEYS) == 5  # the last one needs weights that come in packages, and is not walked here
    assert all(len(journey.splitlines()) <= 10 for journey in JOURNEYS)


def test_the_journey_of_a_benchmark_can_be_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    show, score = commands(JOURNEYS[3])
    assert main(show) == 0
    folds = pd.read_csv(tmp_path / "folds.csv")
    classes = ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"]
    pd.DataFrame(1 / 6, columns=classes, index=folds["image"]).to_csv(tmp_path / "answers.csv")
    assert main(score) == 0
    assert "balanced accuracy is not above a guess at random" in capsys.readouterr().out
    assert (tmp_path / "answers.html").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*patient_id")
def test_the_journeys_can_be_walked(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(folder)

    def walk(number: int) -> tuple[str, str]:
        for words in commands(JOURNEYS[number]):
            broken_is_named = words[:3] == ["predict", "runs/table", "unlabelled/"]
            assert main(words) == (1 if broken_is_named else 0), words
        return capsys.readouterr()

    said, _ = walk(0)
    assert "eczema" in said and "differential" in said and "file(s) not read" not in said
    assert all((folder / name).stat().st_size > 1000 for name in ("mine.html", "new.png", "mine.onnx", "use.py"))

    said, _ = walk(1)
    assert "row 74: ISIC_000001: no photograph of this name; nearest: part_" in said
    table = pd.read_csv(folder / "mine" / "manifest.csv")
    assert len(table) == 72 and table["body_part"].isna().sum() == 24 and set(table["disease"]) == set(COLOURS)

    _, noted = walk(2)
    answers = pd.read_csv(folder / "answers.csv")
    assert len(answers) == 13 and answers["error"].notna().sum() == 1 and "broken.jpg" in noted
    read = answers[answers["error"].isna()]
    np.testing.assert_allclose(read[[f"disease: {name}" for name in COLOURS]].sum(axis=1), 1, atol=1e-5)
    assert len(list((folder / "figures").glob("*integrated_gradients*.png"))) == 12
    assert "eczema" in noted  # the class without a photograph in others/
