"""Pages of trained runs: photographs are shown or kept back, other data are scored and named, the command works."""

import base64
import io
import re
import shutil

import numpy as np
import pytest
from hand_records import Parsed
from PIL import Image

from dermimit.cli import main
from dermimit.report.page import write_report
from dermimit.report.pictures import spotlight
from dermimit.train import TrainConfig, fit

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
pytestmark = pytest.mark.filterwarnings("ignore:.*have no patient_id")
PICTURE = re.compile(r'src="data:image/jpeg;base64,([^"]+)"')


@pytest.fixture
def photographs(tmp_path):
    """A folder of three classes with twelve photographs each, taken by a camera that writes a name into them."""
    exif = Image.Exif()
    exif[0x010F] = "CAMERA-OF-DR-WHO"
    for c, (name, colour) in enumerate((("acne", 60), ("naevus", 120), ("wart", 200))):
        for i in range(12):
            pixels = np.random.default_rng(100 * c + i).integers(colour - 40, colour + 40, (48, 64, 3), dtype=np.uint8)
            path = tmp_path / "photographs" / name / f"{name}-{i:02d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, exif=exif)
    return tmp_path / "photographs"


@pytest.fixture
def run(photographs, tmp_path):
    """A model that has hardly learnt, so that it errs."""
    shape = dict(image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4, tasks=("disease",), lr=1e-6)
    return fit(TrainConfig(data_root=photographs, dataset="folder", out=tmp_path / "run", **shape))


def test_wrong_answers_are_shown_without_what_the_camera_wrote(run, tmp_path):
    html = write_report(run, tmp_path / "a" / "page.html").read_text(encoding="utf-8")
    parsed, pictures = Parsed(html), PICTURE.findall(html)
    assert len(pictures) >= 2 and len(pictures) % 2 == 0  # each with its selected patches
    for picture in map(base64.b64decode, pictures):
        image = Image.open(io.BytesIO(picture))
        assert image.size == (224, 224) and not image.getexif() and b"DR-WHO" not in picture
    assert "This page holds photographs of the dataset" in parsed.text and "the 4 selected patches" in parsed.text
    alts = [given["alt"] for tag, given in parsed.tags if tag == "img"]
    assert all(alts) and any(alt.startswith("Photograph ") and ", answered " in alt for alt in alts)
    assert "The table of photographs is the one that the run was trained with" in parsed.text
    assert "36 photographs" in parsed.text and parsed.table("What lies in the folder")["images"] == ["36"]
    trained = [int(row[0]) for name, row in parsed.table("Each disease").items() if name != "disease"]
    assert sum(trained) == int(parsed.table("What lies in the folder")["split train"][0])
    assert str(tmp_path) not in html


def test_no_photographs_means_no_pictures_and_no_names_of_files(run, tmp_path):
    html = write_report(run, tmp_path / "page.html", photographs=False).read_text(encoding="utf-8")
    assert "data:image" not in html and "<img" not in html and ".jpg" not in html
    assert "left out on request" in html and "This page holds no photographs." in html
    assert "Most confident errors" in html


def test_a_record_without_weights_and_photographs_still_gives_its_page(run, photographs, tmp_path):
    (run / "model.safetensors").unlink()
    bare = write_report(run, tmp_path / "bare.html").read_text(encoding="utf-8")
    assert PICTURE.findall(bare) and "selected patches" in bare  # the patches are in the predictions
    shutil.rmtree(photographs)
    page = Parsed(write_report(run, tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "The photographs are not on this machine, so none is shown." in page.text
    assert "not on this machine, so the data check was not run" in page.text
    assert [name for name in page.table("Most confident errors") if name.endswith(".jpg")]


def test_a_photograph_that_is_gone_is_named(run, photographs, tmp_path):
    for path in photographs.rglob("*.jpg"):
        path.write_bytes(b"broken")
    text = Parsed(write_report(run, tmp_path / "page.html", data_check=False).read_text(encoding="utf-8")).text
    assert "Not shown: " in text and "cannot be read" in text and "This page holds no photographs." in text
    assert "The data check was left out on request." in text


def test_what_has_changed_since_the_training_is_told(run, photographs, tmp_path):
    (photographs / "acne" / "acne-00.jpg").rename(photographs / "wart" / "new.jpg")
    text = Parsed(write_report(run, tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert "The table of photographs is not the one that the run was trained with" in text
    assert (
        "Changed since the training: 1 photograph added (wart/new.jpg); 1 photograph removed (acne/acne-00.jpg)" in text
    )
    text = Parsed(write_report(run, tmp_path / "b.html", photographs=False).read_text(encoding="utf-8")).text
    assert "1 photograph added; 1 photograph removed" in text and "new.jpg" not in text


def test_other_photographs_are_scored_and_said_to_be_others(run, photographs, tmp_path, capsys):
    other = tmp_path / "elsewhere"
    shutil.copytree(photographs, other)
    (other / "acne" / "acne-00.jpg").unlink()
    out = tmp_path / "page.html"
    words = ["report", str(run), "--dataset", "folder", "--root", str(other), "--split", "all", "--out", str(out)]
    assert main(words) == 0 and capsys.readouterr().out.strip() == str(out)
    assert "include those that the run was trained on" in Parsed(out.read_text(encoding="utf-8")).text  # a copy
    for path in other.rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"another file")
    assert main(words) == 0
    page = Parsed(out.read_text(encoding="utf-8"))
    assert "other data than those of the training, given by hand: folder (folder elsewhere)" in page.text
    assert "This is another table of photographs than that of the training" in page.text
    assert page.table("Each disease")["acne"][0] == "11" and page.table("Each disease")["wart"][0] == "12"
    assert main([*words[:5], str(photographs), *words[6:]]) == 0
    page = Parsed(out.read_text(encoding="utf-8"))
    assert "include those that the run was trained on: the scores are too good" in page.text


def test_the_command_names_its_page_after_the_run(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(run), "--no-photographs", "--no-data-check"]) == 0
    assert capsys.readouterr().out.strip() == "run-report.html" and (tmp_path / "run-report.html").stat().st_size > 9000
    assert main(["report", str(tmp_path)]) == 2
    assert "not a finished run" in capsys.readouterr().err


def test_chosen_patches_keep_their_light_and_the_rest_is_darkened():
    lit = spotlight(np.full((8, 8, 3), 200, np.uint8), np.array([3]), (2, 2))
    assert lit[5, 5].tolist() == [200] * 3 and lit[4, 4].tolist() == [255] * 3 and lit[1, 1].tolist() == [70] * 3
