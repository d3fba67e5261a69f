"""`dermimit probe`: from photographs to a record, and what is refused."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from safetensors.torch import save_file

from dermimit.cli import main
from dermimit.data import PhotoDataset, PhotoError
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.stored import load_dataset
from dermimit.data.transforms import eval_transform
from dermimit.evaluate.out_of_fold import answers_of_folds, scored
from dermimit.probe import ProbeConfig, features, out_of_fold, probe
from dermimit.probe.backbone import open_backbone
from dermimit.probe.features import compute
from dermimit.probe.scores import score

WORDS = ["--folds", "2", "--splits", "2", "--neighbours", "2", "--C", "0.1", "1", "--resamples", "20", "--epochs", "2"]
VIT = ["--backbone", "vit_tiny_patch16_224", "--image-size", "32"]


def said(photos, out, *more):
    return main(["probe", "--dataset", "synderm", "--data-root", str(photos.root), "--out", str(out), *WORDS, *more])


def made(photos, out, **more):
    usual = dict(folds=2, splits=2, neighbours=2, C=(0.1,), resamples=20, epochs=2, image_size=32)
    return ProbeConfig(dataset="synderm", data_root=photos.root, out=out, **usual | more)


pytestmark = [
    pytest.mark.filterwarnings("ignore:.* diseases have fewer patients than .* folds:UserWarning"),
    pytest.mark.filterwarnings("ignore:.* have no disease and are left out:UserWarning"),
    pytest.mark.filterwarnings("ignore:the dataset's own splits are not used:UserWarning"),
]


def test_one_command_one_table_one_record(tiny_photos, tmp_path, capsys):
    out = tmp_path / "probe"
    with warnings.catch_warnings(action="always"):
        assert said(tiny_photos, out, *VIT, "--random") == 0
    told = capsys.readouterr()
    assert "dermimit: note: 1 of 12 photographs have no disease and are left out" in told.err
    assert "features of 11 photographs: 0.0 MB; 4 tokens each (16-bit): 0 MB of memory" in told.err
    assert told.out.splitlines()[0].startswith(
        "11 photographs, 8 patients, 2 folds, mean of 2 splits; 95 % intervals (wide:"
    )
    assert sorted(path.name for path in out.iterdir()) == [
        "answers.parquet", "config.json", "metrics.json", "provenance.json",
    ]  # fmt: skip
    metrics, answers = json.loads((out / "metrics.json").read_text()), pd.read_parquet(out / "answers.parquet")
    rows = [
        "majority",
        *(f"{m} {f}" for f in ("class", "mean", "class+mean") for m in ("knn", "logistic")),
        "attentive",
    ]
    assert [line["row"] for line in metrics["rows"]] == rows
    assert all(f"\n{row} " in told.out for row in rows)
    assert len(answers) == len(rows) * 2 * 11
    assert not answers.duplicated(["row", "split", "image"]).any()
    np.testing.assert_allclose(answers[["p_acne", "p_eczema", "p_psoriasis"]].sum(axis=1), 1, rtol=1e-5)
    again = score(answers, tuple(metrics["classes"]), 20)
    assert [line["macro_f1"] for line in again] == [line["macro_f1"] for line in metrics["rows"]]
    facts = json.loads((out / "provenance.json").read_text())
    assert facts["backbone"]["weights"] == "random" and len(facts["backbone"]["sha256"]) == 64
    assert facts["backbone"]["preprocessing"] == {
        "size": 32, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic",
    }  # fmt: skip
    assert facts["widths"] == {"class": 192, "mean": 192, "class+mean": 384} and facts["without_disease"] == 1
    assert not any(str(tmp_path) in path.read_text() for path in out.glob("*.json"))


def test_the_record_of_a_probe_holds_no_folder():
    lists = {"classes": "/home/anna/lists/classes.txt", "level": 3}
    where = {"data_root": Path("/home/anna/sd"), "out": Path("x")}
    config = ProbeConfig(dataset="sd198", backbone="colour", data_options=lists, **where)
    assert "anna" not in json.dumps(config.to_dict()) and config.to_dict()["data_options"]["classes"] == "classes.txt"


def test_the_same_command_again_says_that_it_is_finished_and_another_is_refused(tiny_photos, tmp_path, capsys):
    out, words = tmp_path / "probe", ["--backbone", "colour"]
    assert said(tiny_photos, out, *words) == 0
    table, before = capsys.readouterr().out, {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert said(tiny_photos, out, *words, "--batch-size", "3") == 0
    told = capsys.readouterr()
    assert told.out == table and "finished already" in told.err
    assert before == {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    other = replace(tiny_photos, root=tmp_path / "other" / tiny_photos.root.name)
    shutil.copytree(tiny_photos.root, other.root)
    table_of = other.root / "manifest.parquet"
    pd.read_parquet(table_of).assign(disease=lambda frame: frame["disease"].iloc[::-1].to_numpy()).to_parquet(table_of)
    assert said(other, out, *words) == 2
    assert "is a probe of other photographs or labels than" in capsys.readouterr().err
    assert said(tiny_photos, out, *words, "--seed", "1") == 2
    assert "(seed: 42, now 1): choose another --out, or delete the folder" in capsys.readouterr().err
    (out / "metrics.json").unlink()  # as after a kill
    assert said(tiny_photos, out, *words) == 0
    assert capsys.readouterr().out == table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (VIT, "one of --weights, --pretrained and --random; none is given, so the backbone would be noise"),
        ([*VIT, "--random", "--pretrained"], "--pretrained and --random are given"),
        (["--backbone", "vit_tinny_patch16_224", "--random"], "timm has no such model; .*vit_tiny_patch16_224"),
        ([*VIT, "--random", "--features", "pooled"], "--features pooled: this backbone has class, mean, class.mean"),
        ([*VIT, "--random", "--features", "klass"], "features: unknown 'klass'; .*class"),
        ([*VIT, "--random", "--folds", "20"], "20 folds: give 2 to"),
        ([*VIT, "--random", "--folds", "1"], "folds=1: must be at least 2"),
        ([*VIT, "--random", "--neighbours", "50"], "--neighbours 50: a fold leaves"),
        ([*VIT, "--weights", "nowhere.safetensors"], "nowhere.safetensors: there is no such file"),
        (["--backbone", "colour", "--random"], "colour is no network"),
        (["--backbone", "colour", "--methods", "knn"], "read by logistic alone, not by knn"),
    ],
)
def test_mistakes_are_said_in_one_line_and_leave_no_record(tiny_photos, tmp_path, capsys, words, message):
    assert said(tiny_photos, tmp_path / "probe", *words) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dermimit: ")]
    assert pd.Series(told[-1:]).str.contains(message).all(), told
    assert not (tmp_path / "probe" / "metrics.json").exists()


def test_a_photograph_that_cannot_be_read_is_named_with_its_row(tiny_photos, tmp_path):
    (tiny_photos.root / "images" / "05.png").write_bytes(b"no photograph")
    with pytest.warns(UserWarning), pytest.raises(PhotoError, match=r"row \d+ of the manifest: .*05\.png"):
        probe(made(tiny_photos, tmp_path / "probe", backbone="colour"))
    assert not (tmp_path / "probe" / "answers.parquet").exists()


def test_a_folder_of_something_else_is_left_alone(tiny_photos, tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(ValueError, match="holds another record"):
        probe(made(tiny_photos, tmp_path, backbone="colour"))
    (tmp_path / "config.json").write_text('{"model": "x"}')
    with pytest.raises(ValueError, match="is of another run or probe"):
        probe(made(tiny_photos, tmp_path, backbone="colour"))


# ---------------------------------------------------------------- features


def photographs(photos, size):
    frame, space = load_dataset(photos.root)
    return PhotoDataset(frame, space, photos.root, eval_transform(Preprocessing(size)))


def test_a_transformer_gives_its_class_token_and_the_mean_of_its_patches(tiny_photos):
    model = timm.create_model("vit_small_patch14_reg4_dinov2", img_size=28, depth=1, num_classes=0).eval()
    photos = photographs(tiny_photos, 28)
    found = compute(model, photos, batch_size=5, keep_tokens=True)
    with torch.inference_mode():
        tokens = model.forward_features(torch.stack([photos[i]["image"] for i in range(12)]))
    np.testing.assert_allclose(found.of("class"), tokens[:, 0], atol=1e-5)
    np.testing.assert_allclose(found.of("mean"), tokens[:, 5:].mean(1), atol=1e-5)  # without four registers
    np.testing.assert_allclose(found.of("class+mean")[:, 384:], found.of("mean"))
    np.testing.assert_allclose(found.tokens, tokens[:, 5:], atol=2e-3)


@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit4", "test_convnext"])
def test_a_network_without_class_token_gives_what_it_pools(tiny_photos, name):
    model = timm.create_model(name, num_classes=0).eval()
    size = model.pretrained_cfg["input_size"][1]
    photos = photographs(tiny_photos, size)
    found = compute(model, photos, batch_size=7, keep_tokens=True)
    with torch.inference_mode():
        expected = model(torch.stack([photos[i]["image"] for i in range(12)]))
    if "pooled" in found.names():
        np.testing.assert_allclose(found.of("pooled"), expected, atol=1e-4)
    else:
        np.testing.assert_allclose(found.of("class"), expected, atol=1e-4)
    assert found.tokens.shape[0] == 12 and found.tokens.shape[2] == model.num_features


def test_a_backbone_gives_what_it_keeps():
    beit = timm.create_model("beit_base_patch16_224", img_size=32, depth=1, num_classes=0).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        vectors, tokens = features.said(beit, x)
        torch.testing.assert_close(vectors["pooled"], beit(x))  # its answer comes from a mean, normalised
        assert set(vectors) == {"class", "pooled", "mean"} and tokens.shape[1] == 4
        volo = timm.create_model("volo_d1_224", num_classes=0).eval()
        assert features.said(volo, torch.rand(1, 3, 224, 224))[1].shape[1] == 196, "the class token is no patch"
        pit = timm.create_model("pit_ti_224", num_classes=0).eval()
        assert set(features.said(pit, torch.rand(1, 3, 224, 224))[0]) == {"class"}
        with pytest.raises(ValueError, match="CrossVit gives several sets of features"):
            features.said(timm.create_model("crossvit_tiny_240", num_classes=0).eval(), torch.rand(1, 3, 240, 240))


def test_weights_that_are_not_finite_are_named(tiny_photos):
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=1, num_classes=0).eval()
    model.norm.weight.data[3] = float("nan")
    with pytest.raises(ValueError, match=r"images/00\.png: the backbone's features are not finite"):
        compute(model, photographs(tiny_photos, 32), 4, keep_tokens=False)


def test_weights_of_a_file_are_in_the_backbone_and_of_another_are_refused(tiny_photos, tmp_path):
    torch.manual_seed(5)
    donor = timm.create_model("vit_tiny_patch16_224", img_size=48).eval()
    save_file(donor.state_dict(), tmp_path / "donor.safetensors")
    weights = str(tmp_path / "donor.safetensors")
    config = made(tiny_photos, tmp_path / "out", backbone="vit_tiny_patch16_224", weights=weights, image_size=48)
    opened = open_backbone(config)  # no note: a classifier is no loss
    x = torch.rand(2, 3, 48, 48)
    torch.testing.assert_close(opened.model(x), donor.forward_head(donor.forward_features(x), pre_logits=True))
    assert opened.facts["weights"] == "donor.safetensors" and opened.facts["sha256"]
    smaller = open_backbone(made(tiny_photos, tmp_path / "out", backbone="vit_tiny_patch16_224", weights=weights))
    assert smaller.model.pos_embed.shape[1] == 5  # resampled
    with pytest.raises(ValueError, match=r"donor\.safetensors: .*another architecture than --backbone"):
        open_backbone(made(tiny_photos, tmp_path / "out", backbone="vit_small_patch16_224", weights=weights))
    deeper = timm.create_model("vit_tiny_patch16_224", img_size=48, depth=14, init_values=1e-5)
    save_file(deeper.state_dict(), tmp_path / "deeper.safetensors")
    config = made(
        tiny_photos, tmp_path / "out", backbone="vit_tiny_patch16_224", weights=str(tmp_path / "deeper.safetensors")
    )
    with pytest.raises(ValueError, match=r"no place for blocks\.0\.ls1\.gamma \(\d+ such\): they are of another depth"):
        open_backbone(config)
    coarser = timm.create_model("vit_tiny_patch16_224", img_size=42, patch_size=14)
    save_file(coarser.state_dict(), tmp_path / "coarser.safetensors")
    config = made(
        tiny_photos, tmp_path / "out", backbone="vit_tiny_patch16_224", weights=str(tmp_path / "coarser.safetensors")
    )
    with pytest.raises(ValueError, match=r"their patches are \(14, 14\), the backbone's are \(16, 16\)"):
        open_backbone(config)


# ---------------------------------------------------------------- kept


def test_kept_features_give_the_same_numbers_without_the_backbone(tiny_photos, tmp_path, monkeypatch):
    settings = dict(backbone="vit_tiny_patch16_224", random=True, cache=str(tmp_path / "kept"))
    with pytest.warns(UserWarning):
        first = probe(made(tiny_photos, tmp_path / "a", **settings))
    monkeypatch.setattr("dermimit.probe.kept.compute", None)
    with pytest.warns(UserWarning):
        second = probe(made(tiny_photos, tmp_path / "b", **settings))
        third = probe(made(tiny_photos, tmp_path / "c", methods=("knn",), **settings))  # needs no tokens
    a, b, c = (pd.read_parquet(out / "answers.parquet") for out in (first, second, third))
    pd.testing.assert_frame_equal(a, b)
    facts = [json.loads((out / "provenance.json").read_text()) for out in (first, second)]
    assert ["features_from_cache" in fact for fact in facts] == [False, True]
    assert set(c["row"]) == {"majority", "knn class", "knn mean", "knn class+mean"}
    monkeypatch.undo()
    (name,) = {path.name for path in (tmp_path / "kept").iterdir()}
    shutil.copy(tiny_photos.root / "images" / "00.png", tiny_photos.root / "images" / "01.png")  # another photograph
    with pytest.warns(UserWarning):
        probe(made(tiny_photos, tmp_path / "d", **settings))
    assert len({path.name for path in (tmp_path / "kept").iterdir()} - {name}) == 1


def test_kept_features_that_are_damaged_are_named(tiny_photos, tmp_path):
    settings = dict(backbone="vit_tiny_patch16_224", random=True, cache=str(tmp_path / "kept"), methods=("knn",))
    with pytest.warns(UserWarning):
        probe(made(tiny_photos, tmp_path / "a", **settings))
        (file,) = (tmp_path / "kept").glob("*/mean.npy")
        file.write_bytes(file.read_bytes()[:200])
        with pytest.raises(ValueError, match=r"kept features that cannot be read .*: delete this folder"):
            probe(made(tiny_photos, tmp_path / "b", **settings))


def test_answers_can_be_compared_with_those_of_trained_models(tiny_photos, tmp_path):
    with pytest.warns(UserWarning):
        out = probe(made(tiny_photos, tmp_path / "out", backbone="colour", image_size=16))
    metrics = json.loads((out / "metrics.json").read_text())
    frame = out_of_fold(out, "probe ")
    lines = scored(answers_of_folds(frame, metrics["classes"]), metrics["classes"], resamples=20)
    assert [line["row"] for line in lines] == ["probe majority", "probe logistic colour"]
    assert lines[1]["macro_f1"] == metrics["rows"][1]["macro_f1"] and lines[1]["seeds"] == [0, 1]
