"""`--model`, `--model-kwargs` and `--image-size` of a run: they fit each other, or one line says what does."""

from pathlib import Path

import pytest
import torch

from dermimit.cli import main
from dermimit.data import LabelSpace
from dermimit.model.plan import no_numbers
from dermimit.train import TrainConfig, fit
from dermimit.train.assemble import build_model

SPACE = LabelSpace("any", ("a", "b"), ("arm",), ("scale", "crust"))


def built(**settings) -> torch.nn.Module:
    config = TrainConfig(data_root=Path("data"), out=Path("out"), **settings)
    with no_numbers():
        return build_model(config, SPACE)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, (64, 64)),
        ({"image_size": 96}, (96, 96)),
        ({"image_size": 96, "model_kwargs": {"img_size": 96}}, (96, 96)),
        ({"image_size": 224, "model": "dermimitformer_base_patch16_384"}, (224, 224)),
        ({"image_size": 48, "model": "baseline", "model_kwargs": {"backbone": "test_resnet"}, "lsm": False,
          "fusion": "none"}, (48, 48)),
    ],
)  # fmt: skip
def test_the_model_has_the_size_of_the_photographs(settings, size):
    assert built(**settings).image_size == size


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 96, "model_kwargs": {"img_size": 64}}, "image_size=96 and model_kwargs img_size=64 differ"),
        ({"image_size": 100}, "choose 96 or 104 .*--image-size"),
        ({"image_size": 16}, "lsm_k=12: the image has only 4 patches"),
        ({"model_kwargs": {"lsm_kk": 4}}, "unknown argument 'lsm_kk'; did you mean 'lsm_k'"),
        ({"model_kwargs": {"num_classes": 4}}, "num_classes cannot be given here"),
        ({"model_kwargs": {"task": "disease"}}, "task cannot be given here.*--tasks"),
        ({"model_kwargs": {"lsm": False}}, "lsm=False and --lsm, which is True, differ"),
        (
            {"lesion_map": "mask", "model_kwargs": {"selection": "random"}},
            "selection='random' and the selection by --lesion-map, which is 'given', differ; leave it out",
        ),
        ({"model_kwargs": {"fusion": "none"}}, "fusion='none' and --fusion, which is 'cim', differ"),
        ({"model_kwargs": {"drop_path_rate": 0.3}, "drop_path": 0.1}, "0.3 and --drop-path, which is 0.1, differ"),
        ({"model_kwargs": {"patch_drop_rate": 0.5}}, "unknown argument 'patch_drop_rate'"),
        ({"model_kwargs": {"act_layer": "foo"}}, "foo"),
        (
            {"model": "dermimitformer", "image_size": 224, "model_kwargs": {"backbone": "vit_tiny_patch16_224.nope"}},
            "timm knows no such weights; there are vit_tiny_patch16_224",
        ),
        (
            {
                "model": "dermimitformer",
                "image_size": 28,
                "model_kwargs": {"backbone": "vit_small_patch14_dinov2", "class_tokens": "per_task", "reg_tokens": 8},
            },
            "reg_tokens=8: with class_tokens='per_task'",
        ),
        ({"model": "vit_tiny_patch16_224"}, "--model baseline --model-kwargs backbone vit_tiny_patch16_224 --no-lsm"),
        ({"model": "resnet50.a1_in1k"}, "--model baseline --model-kwargs backbone resnet50.a1_in1k --no-lsm"),
        ({"model": "timm/resnet50.a1_in1k"}, "--model baseline --model-kwargs backbone resnet50.a1_in1k --no-lsm"),
        ({"model": "hf-hub:timm/vit_tiny_patch16_224"}, "backbone vit_tiny_patch16_224 --no-lsm"),
        ({"model": "hf_hub:timm/vit_tiny_patch16_224"}, "backbone vit_tiny_patch16_224 --no-lsm"),
        ({"model": "dermimitformer_tiny"}, "did you mean .*'dermimitformer_tiny_patch8_64'"),
        ({"model": "resnet_50"}, "did you mean 'resnet50'"),
        ({"model": "hf-hub:someone/something"}, "there is no such builder; none is like it"),
    ],
)
def test_what_does_not_fit_is_named_before_any_photograph_is_read(settings, message, tmp_path):
    config = TrainConfig(data_root=tmp_path / "no data here", out=tmp_path / "run", **settings)
    with pytest.raises(ValueError, match=message) as raised:
        fit(config)
    assert "\n" not in str(raised.value) and not (tmp_path / "run").exists()


def test_the_way_that_is_told_for_a_model_of_timm_works(tiny_photos, tmp_path, capsys):
    arguments = ["train", "--data-root", str(tiny_photos.root), "--out", str(tmp_path / "run"), "--samples", "4",
                 "--epochs", "1", "--batch-size", "4", "--image-size", "32", "--model"]  # fmt: skip
    assert main([*arguments, "test_vit"]) == 2
    told = capsys.readouterr().err.split("train it with --model ")[1].split()
    assert main([*arguments, *told]) == 0
    assert (tmp_path / "run" / "metrics.json").exists()
