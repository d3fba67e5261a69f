"""The same command after the data have changed: what has changed is said, with names; nothing fails."""

import shutil

import pandas as pd
import pytest
from test_train import config  # noqa: F401

from dermimit.data import PhotoSet
from dermimit.data.changes import TABLE, changes, differences, table_of
from dermimit.data.stored import save_dataset
from dermimit.evaluate.folder import evaluate
from dermimit.records import read_json
from dermimit.train import engine, fit


@pytest.fixture
def again(config, tiny_photos, capsys):  # noqa: F811
    """A finished run, and what is said on stderr where its command is given again with another table."""
    once = config(samples=4, epochs=1)
    fit(once)
    capsys.readouterr()

    def run(frame, space=tiny_photos.label_space):
        save_dataset(tiny_photos.root, frame, space)
        before = {path: path.stat().st_mtime_ns for path in once.out.iterdir()}
        fit(once)
        assert before == {path: path.stat().st_mtime_ns for path in once.out.iterdir()}
        return capsys.readouterr()

    return run


def test_the_same_data_are_passed_over_in_silence(again, tiny_photos):
    said = again(tiny_photos.frame)
    assert "already finished" in said.out and said.err == ""


def test_photographs_added_and_a_new_disease_are_named(again, tiny_photos):
    frame = tiny_photos.frame
    for i in range(4):
        shutil.copy(tiny_photos.root / "images/00.png", tiny_photos.root / f"images/wart{i}.png")
    more = [frame.iloc[[11]].assign(image=f"images/wart{i}.png", disease="wart") for i in range(4)]
    space = type(tiny_photos.label_space)("tiny", ("acne", "eczema", "psoriasis", "wart"), ("arm", "leg"),
                                          tiny_photos.label_space.attributes)  # fmt: skip
    said = again(pd.concat([frame, *more], ignore_index=True), space).err
    assert (
        "the data have changed since" in said and "new disease: wart; 4 photographs added (images/wart0.png, " in said
    )
    assert "images/wart2.png, …)" in said and "images/wart3.png" not in said
    assert "--out" in said and len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("disease", "acne", "1 photograph labelled otherwise (images/10.png)"),
        ("attributes", ["papule"], "1 photograph labelled otherwise (images/10.png)"),
        ("split", "val", "1 photograph in another split (images/10.png)"),
        ("patient_id", "P99", "other columns of their table"),
    ],
)
def test_what_is_said_otherwise_of_a_photograph_is_named(again, tiny_photos, column, value, said):
    frame = tiny_photos.frame.copy()
    frame.at[10, column] = value
    assert said in again(frame).err


def test_photographs_removed_and_replaced_are_named(again, tiny_photos):
    path = tiny_photos.root / "images/05.png"
    path.write_bytes(path.read_bytes() + b"more")
    said = again(tiny_photos.frame.drop(index=[11])).err
    assert (
        "1 photograph removed (images/11.png); 1 photograph replaced by a file of another size (images/05.png)" in said
    )


def test_a_run_without_the_table_tells_from_the_fingerprint(again, config, tiny_photos):  # noqa: F811
    (config().out / TABLE).unlink()
    assert again(tiny_photos.frame).err == ""
    assert "the data have changed since" in again(tiny_photos.frame.drop(index=[11])).err


@pytest.mark.parametrize("harm", ["gone", "broken"])
def test_data_that_are_gone_or_broken_do_not_fail_a_finished_run(config, tiny_photos, capsys, harm):  # noqa: F811
    fit(config())
    if harm == "gone":
        shutil.rmtree(tiny_photos.root)
    else:
        (tiny_photos.root / "manifest.parquet").write_bytes(b"no table")
    capsys.readouterr()
    assert fit(config()) == config().out
    assert "could not be compared" in capsys.readouterr().err


def test_an_interrupted_run_says_why_it_starts_again(config, tiny_photos, monkeypatch, capsys):  # noqa: F811
    with monkeypatch.context() as patched:
        patched.setattr(engine, "write_record", lambda *_: None)
        fit(config())
    (tiny_photos.root / "images/05.png").unlink()
    save_dataset(tiny_photos.root, tiny_photos.frame.drop(index=[5]), tiny_photos.label_space)
    fit(config())
    said = capsys.readouterr().out
    assert "the data have changed since (1 photograph removed (images/05.png)); training starts again" in said
    assert len(pd.read_parquet(config().out / TABLE)) == 11


def test_an_interrupted_run_that_goes_on_tells_of_replaced_files(config, tiny_photos, monkeypatch, capsys):  # noqa: F811
    with monkeypatch.context() as patched:
        patched.setattr(engine, "write_record", lambda *_: None)
        fit(config())
    path = tiny_photos.root / "images/05.png"
    path.write_bytes(path.read_bytes() + b"more")
    fit(config())
    said = capsys.readouterr()
    assert "going on after epoch 3" in said.out and "saw other files: 1 photograph replaced" in said.err


def test_photographs_of_the_training_that_now_lie_in_the_test_are_noticed(config, tiny_photos, tmp_path, capsys):  # noqa: F811
    run = fit(config())
    save_dataset(tiny_photos.root, tiny_photos.frame.assign(split="test").drop(index=[11]), tiny_photos.label_space)
    evaluate(run, "synderm", tiny_photos.root, tmp_path / "out", split="test")
    assert read_json(tmp_path / "out/provenance.json")["saw_in_training"] is True
    assert "include those that the run was trained on" in capsys.readouterr().err
    only_test = tiny_photos.frame[tiny_photos.frame["split"] == "test"].iloc[:2]
    save_dataset(tiny_photos.root, only_test, tiny_photos.label_space)
    evaluate(run, "synderm", tiny_photos.root, tmp_path / "out", split="test")
    assert read_json(tmp_path / "out/provenance.json")["saw_in_training"] is False


def test_the_table_says_what_the_data_are(tiny_photos: PhotoSet):
    table = table_of(tiny_photos.frame, tiny_photos.root).set_index("image")
    assert list(table) == ["split", "body_part", "attributes", "disease", "attributes_unknown", "bytes"]
    assert table.loc["images/02.png", "attributes"] == "crust; scale"
    assert pd.isna(table.loc["images/09.png", "disease"])
    assert table.loc["images/03.png", "bytes"] == (tiny_photos.root / "images/03.png").stat().st_size


def test_uncertain_diseases_are_compared_whatever_the_order_of_their_names(tmp_path):
    frame = pd.DataFrame({"image": ["a.jpg"], "split": ["train"], "disease": ["x"]})
    one, two, other = (
        table_of(frame.assign(disease_weights=[weights]), tmp_path)
        for weights in ({"x": 0.7, "y": 0.3}, {"y": 0.3, "x": 0.7, "z": None}, {"x": 0.6, "y": 0.4})
    )
    assert differences(one, two) == []
    assert differences(one, other) == ["1 photograph labelled otherwise (a.jpg)"]
    assert differences(one.drop(columns="disease_weights"), one) == ["1 photograph labelled otherwise (a.jpg)"]
    assert changes(tmp_path, one) == ""
