"""The `dermimit` command as a user calls it."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from dermimit.cli import main
from dermimit.commands.repeated import SEVERAL, together
from dermimit.data.stored import load_dataset
from dermimit.evaluate.folder import evaluate
from dermimit.prediction import DISCLAIMER
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture
def run(tiny_photos, tmp_path):
    shape = dict(image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4)
    return fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", **shape))


def test_predict_prints_a_ranked_differential_and_draws_it(run, tiny_photos, tmp_path, capsys):
    photo = tiny_photos.root / "images" / "03.png"
    assert main(["predict", str(run), str(photo), "--top", "2", "--figure", str(tmp_path / "answer.png")]) == 0
    text = capsys.readouterr().out
    assert "differential" in text
    assert "  1. " in text
    assert "  3. " not in text
    shares = [float(line.split()[-1].rstrip("%")) for line in text.splitlines() if line.startswith(("  1.", "  2."))]
    assert shares == sorted(shares, reverse=True)
    assert DISCLAIMER in text
    assert (tmp_path / "answer.png").stat().st_size > 5000


def test_mistakes_are_explained_without_a_traceback(run, tmp_path, capsys):
    assert main(["predict", str(tmp_path), "x.png"]) == 2
    assert "not a finished run" in capsys.readouterr().err
    assert main(["predict", str(run), str(tmp_path / "none.png")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_what_is_read_is_never_written_over(run, tiny_photos, tmp_path, capsys):
    table = tmp_path / "list.csv"
    table.write_text(f"image\n{tiny_photos.root / 'images/01.png'}\n")
    before = table.read_bytes()
    assert main(["predict", str(run), str(table), "--out", str(table)]) == 2
    assert main(["score", str(table), "--benchmark", "pad_ufes_20", "--out", str(table)]) == 2
    assert main(["score", str(table), "--benchmark", "pad_ufes_20", "--html", str(table)]) == 2
    assert main(["export", str(run), "--onnx", str(run / "model.safetensors")]) == 2
    said = capsys.readouterr().err
    assert said.count("list.csv is what is read: name another file to write") == 2
    assert "list.csv: name a file that ends in .json" in said and "name a file that ends in .onnx" in said
    assert table.read_bytes() == before and load_run(run)
    weights = str(run / "model.safetensors")
    assert main(["weights", "convert", weights, "--out", weights]) == 2
    check = ["data", "check", str(tiny_photos.root), "--dataset", "synderm", "--skip-broken"]
    assert main([*check, str(tiny_photos.root / "label_space.json")]) == 2
    said = capsys.readouterr().err
    assert "model.safetensors is what is read" in said and "is no list of photographs to leave out" in said
    assert main([*check, str(tmp_path / "left.txt")]) == main([*check, str(tmp_path / "left.txt")])
    photos = shutil.copytree(tiny_photos.root / "images", tmp_path / "photos")
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    assert main(["predict", str(run), str(photos), "--figures", str(photos)]) == 2
    assert main(["predict", str(run), str(photos), "--figure", str(photos / "01.png")]) == 2
    maps = ["--maps", "integrated_gradients", "--maps-out", str(photos)]
    assert main(["predict", str(run), str(photos / "01.png"), *maps]) == 2
    said = capsys.readouterr().err
    assert said.count("name another folder for the figures") == 2 and "01.png is what is read" in said
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{shlex.quote(sys.executable)} -m dermimit data info pad_ufes_20 | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith("PAD-UFES-20") and done.stderr == ""


def test_two_precisions_in_one_process(tiny_photos, tmp_path):
    shape = dict(data_root=tiny_photos.root, image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4)
    runs = [fit(TrainConfig(out=tmp_path / p, precision=p, **shape)) for p in ("no", "bf16")]
    assert [load_run(one).config.precision for one in runs] == ["no", "bf16"]
    evaluate(runs[0], "synderm", tiny_photos.root, tmp_path / "scored", "test")


def test_a_missing_extra_is_named_in_one_line(tiny_photos, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagehash", None)  # as if it were not installed
    assert main(["data", "check", str(tiny_photos.root), "--dataset", "synderm"]) == 2
    said = 'dermimit: imagehash is needed for this and not installed: pip install "dermimit[data]"\n'
    assert capsys.readouterr().err == said


def test_train_from_the_command_line(tiny_photos, tmp_path, capsys):
    words = ["train", "--data-root", str(tiny_photos.root), "--out", str(tmp_path / "a"), "--image-size", "16"]
    words += [
        "--model-kwargs",
        *["img_size", "16", "patch_size", "4", "embed_dim", "24", "num_heads", "3", "lsm_k", "4"],
    ]
    assert main([*words, "--samples", "4", "--epochs", "1", "--batch-size", "4"]) == 0
    assert (tmp_path / "a" / "metrics.json").exists()


def test_train_help_documents_every_field(capsys):
    from dataclasses import fields

    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out
    assert all("--" + field.name.replace("_", "-") in text for field in fields(TrainConfig))
    assert "Peak learning rate" in text


def test_data_synderm(tmp_path, capsys):
    out = str(tmp_path / "sd")
    words = [
        "data",
        "synderm",
        "--out",
        out,
        "--n",
        "10",
        "--image-size",
        "16",
        "--workers",
        "1",
        "--visits",
        "0",
        "30",
    ]
    assert main([*words, "--fitzpatrick", "1", "2", "--no-confounders", "--zoom", "2", "--maps"]) == 0
    assert capsys.readouterr().out.strip() == out
    frame, _ = load_dataset(out)
    assert frame["split"].value_counts().to_dict() == {"train": 14, "val": 2, "test": 4}
    assert set(frame["fitzpatrick"]) <= {1, 2} and not frame.filter(like="confounder_").to_numpy().any()
    assert len(list((tmp_path / "sd" / "maps").iterdir())) == 20


def test_data_synderm_explains_mistakes(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert main(["data", "synderm", "--out", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["data", "synderm", "--out", str(tmp_path / "mine.txt" / "x")]) == 2
    assert "mine.txt" in capsys.readouterr().err
    assert main(["data", "synderm", "--out", str(tmp_path / "x"), "--zoom", "9"]) == 2
    assert "zoom: must lie in 1..3" in capsys.readouterr().err


def test_data_synderm_help_documents_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["data", "synderm", "--help"])
    text = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    for words in ("a tenth for validation", "skin types to sample evenly", "of the framing", "days on which each case"):
        assert words in text
    assert "--no-confounders" in text and "--maps" in text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["x", "--map", "a=b", "--map", "c=d"], ["x", "--map", "a=b", "c=d"]),
        (
            ["--tasks", "disease", "--seed", "1", "--tasks=body_part"],
            ["--tasks", "disease", "body_part", "--seed", "1"],
        ),
        (["--model-kwargs", "a", "1", "--model_kwargs", "b", "2"], ["--model-kwargs", "a", "1", "b", "2"]),
        (["--seed", "1", "--seed", "2", "photo.jpg"], ["--seed", "1", "--seed", "2", "photo.jpg"]),
    ],
)
def test_the_values_of_an_option_that_is_given_twice_are_all_kept(given, wanted):
    assert together(given) == wanted


COMMANDS = ("train", "probe", "data import", "data check", "data synderm", "evaluate", "report", "predict", "export",
            "reader-study prepare", "reader-study serve")  # fmt: skip


def test_every_option_with_several_values_may_be_given_twice(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    several = set()
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        several |= set(re.findall(r"--([\w-]+) \S*\[(?:STR|INT|FLOAT)", capsys.readouterr().out))
    assert {"map", "tasks", "visits", "fitzpatrick"} <= several <= set(SEVERAL)


def test_tasks_given_one_by_one_are_all_trained_or_refused(tiny_photos, tmp_path, capsys):
    words = ["train", "--data-root", str(tiny_photos.root), "--out", str(tmp_path / "run"), "--samples", "4",
             "--epochs", "1", "--batch-size", "4", "--image-size", "32", "--tasks", "disease", "--tasks"]  # fmt: skip
    assert main([*words, "diseases"]) == 2 and "unknown task 'diseases'" in capsys.readouterr().err
    assert main([*words, "attributes"]) == 0
    assert load_run(tmp_path / "run").model.tasks == ("attributes", "disease")
