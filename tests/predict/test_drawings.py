"""One figure a photograph, under a name that every system takes."""

from pathlib import Path

import pandas as pd
import pytest
import trained

from dermimit.cli import main
from dermimit.predict.drawings import Names

folder = trained.folder


def test_names_are_safe_and_unique():
    names = Names()
    given = [
        names.name(Path(p)) for p in ("a/x.png", "b/X.jpg", "a:b?.png", "con.png", "ä 1.png", "....png", "x-2.png")
    ]
    assert given == ["x", "X-2", "a_b_", "_con", "ä 1", "_", "x-2-2"]
    for letter in "yä皮":
        for _ in range(2):
            assert 140 < len(names.name(Path(letter * 300 + ".png")).encode()) <= 152


def test_figures_and_maps_of_each_photograph(folder, tmp_path, capsys):
    photos = [str(folder / "tiny/images" / f"0{i}.png") for i in range(2)]
    (tmp_path / "bad.jpg").write_bytes(b"x")
    words = ["predict", str(folder / "run"), photos[0], str(tmp_path / "bad.jpg"), photos[1]]
    words += ["--figures", str(tmp_path / "f"), "--maps", "lsm_score", "--out", str(tmp_path / "a.csv")]
    assert main(words) == 1
    drawn = {path.name: path.stat().st_size for path in (tmp_path / "f").iterdir()}
    assert sorted(drawn) == ["00.lsm_score.png", "00.png", "01.lsm_score.png", "01.png"]
    assert min(drawn.values()) > 5000
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table["figure"].fillna("")) == ["00.png", "", "01.png"]
    assert list(table["map"].fillna("")) == ["00.lsm_score.png", "", "01.lsm_score.png"]


def test_maps_of_a_run_without_lesion_selection(tmp_path, capsys):
    plain = {name: value for name, value in trained.MODEL.items() if name != "lsm_k"}
    run = trained.train(tmp_path / "tiny", tmp_path / "run", lsm=False, model_kwargs=plain)
    words = ["predict", str(run), str(tmp_path / "tiny/images/00.png"), "--maps-out", str(tmp_path / "m")]
    assert main(words) == 2 and "say which maps to draw" in capsys.readouterr().err
    assert main([*words, "--maps", "integrated_gradients"]) == 0
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["00.integrated_gradients.png"]
    capsys.readouterr()
    assert main([*words, "--maps", "lsm_score"]) == 2
    said = capsys.readouterr().err
    assert "lsm_score cannot explain disease of this run" in said and "integrated_gradients" in said
    assert main([*words, "--maps", "gradcam"]) == 2
    assert "unknown method 'gradcam'; choose one of lsm_score, lsm_selection" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_first_photograph_alone(folder, tmp_path, suffix):
    words = ["predict", str(folder / "run"), str(folder / "tiny/images"), "--figure", str(tmp_path / f"a.{suffix}")]
    assert main(words) == 0
    assert (tmp_path / f"a.{suffix}").stat().st_size > 5000


def test_a_name_as_long_as_a_file_system_allows_is_drawn(folder, tmp_path, capsys):
    photo = tmp_path / ("皮" * 83 + ".png")
    photo.write_bytes((folder / "tiny/images/00.png").read_bytes())
    words = [
        "predict",
        str(folder / "run"),
        str(photo),
        "--figures",
        str(tmp_path / "f"),
        "--maps",
        "integrated_gradients",
    ]
    assert main([*words, "--out", str(tmp_path / "a.csv")]) == 0
    assert len(list((tmp_path / "f").iterdir())) == 2 and len(pd.read_csv(tmp_path / "a.csv")) == 1


def test_a_figure_that_no_answer_was_given_for_is_said(folder, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"x")
    words = ["predict", str(folder / "run"), str(tmp_path / "bad.jpg"), "--figure", str(tmp_path / "a.png")]
    assert main(words) == 2
    assert f"{tmp_path / 'a.png'}: not drawn, for no answer was given" in capsys.readouterr().err


def test_a_control_whose_answer_depends_on_its_batch_is_not_asked(tmp_path, capsys):
    run = trained.train(tmp_path / "tiny", tmp_path / "run", model_kwargs=trained.MODEL | {"cim_shuffled": True})
    assert main(["predict", str(run), str(tmp_path / "tiny/images/00.png")]) == 2
    assert "depends on the other photographs of its batch" in capsys.readouterr().err
