"""DermImitFormer around timm's vision transformers: cut apart and put together, they answer as before."""

import pytest
import timm
import torch

from dermimit.model import ModelConfig, load_vit_state_dict
from dermimit.model.plan import no_numbers
from dermimit.model.wide_concat import WideConcatenation, hidden_of_size

SMALL = {"depth": 3, "embed_dim": 48, "num_heads": 3}
FAMILIES = {
    "AugReg": ("vit_small_patch16_224.augreg_in21k", 32),
    "DeiT III": ("deit3_small_patch16_224", 32),
    "DINOv2": ("vit_small_patch14_dinov2", 28),
    "DINOv2 with registers": ("vit_small_patch14_reg4_dinov2", 42),
    "DINOv2, gated MLP": ("vit_giant_patch14_dinov2", 28),
    "CLIP": ("vit_base_patch16_clip_224", 32),
    "SigLIP": ("vit_base_patch16_siglip_224", 32),
    "MAE": ("vit_base_patch16_224.mae", 48),
    "mean of the patches": ("vit_medium_patch16_gap_240", 32),
    "registers and mean": ("vit_mediumd_patch16_reg4_gap_256", 32),
}


def timm_model(name: str, side: int, classes: int = 7) -> torch.nn.Module:
    torch.manual_seed(0)
    model = timm.create_model(name, img_size=side, num_classes=classes, **SMALL).eval()
    for parameter in model.parameters():  # LayerScale and positions start so small that an error in them would not show
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name, side", FAMILIES.values(), ids=FAMILIES)
def test_trunk_and_heads_are_the_backbone(name: str, side: int, depth: int) -> None:
    theirs = timm_model(name, side)
    ours = timm.create_model(
        "dermimitformer", backbone=name, img_size=side, num_classes={"disease": 7}, lsm=False, head_depth=depth, **SMALL
    ).eval()
    load_vit_state_dict(ours, theirs.state_dict())
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        torch.testing.assert_close(ours(images)[0]["disease"], theirs(images), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("selection", ["lsm", "centre"])
@pytest.mark.parametrize("name, side", FAMILIES.values(), ids=FAMILIES)
def test_every_family_selects_and_interacts(name: str, side: int, selection: str) -> None:
    tasks = {"body_part": 2, "attributes": 3, "disease": 4}
    sizes = SMALL | {"img_size": side, "num_classes": tasks, "lsm_k": 2, "head_depth": 1, "selection": selection}
    if selection == "lsm" and name in ("vit_base_patch16_siglip_224", "vit_medium_patch16_gap_240",
                                       "vit_mediumd_patch16_reg4_gap_256"):  # fmt: skip
        with pytest.raises(ValueError, match="no class token"):
            timm.create_model("dermimitformer", backbone=name, **sizes)
        return
    model = timm.create_model("dermimitformer", backbone=name, **sizes)
    logits, out = model(torch.randn(2, 3, side, side))
    assert {task: z.shape[1] for task, z in logits.items()} == tasks
    assert out["disease/local_tokens"].shape == (2, 2, 48)
    sum(z.sum() for z in logits.values()).backward()
    trained = [n for n, p in model.named_parameters() if p.grad is None]
    assert not [n for n in trained if not n.startswith(("classifiers_before", "trunk.mask_token"))], trained


def test_photographs_are_prepared_as_the_backbone_was_pretrained() -> None:
    for name, side in (("vit_small_patch14_dinov2", 518), ("vit_base_patch16_siglip_224", 224)):
        expected = timm.get_pretrained_cfg(name)
        model = timm.create_model("dermimitformer", backbone=name, num_classes=3, lsm=False, **SMALL)
        cfg = model.pretrained_cfg
        assert model.image_size == (side, side)
        assert (tuple(cfg["mean"]), tuple(cfg["std"])) == (expected.mean, expected.std)
        assert cfg["interpolation"] == expected.interpolation == "bicubic"


REFUSED = {
    "": "name a vision transformer",
    "vit_small_patch14_dinov3": "no model of timm; did you mean",
    "vit_small_patch16_dinov3": "Eva: its patches have rotary positions",
    "eva02_tiny_patch14_224": "Eva: its patches have rotary positions",
    "beit_base_patch16_224": "Beit: its attention has a bias",
    "deit_tiny_distilled_patch16_224": "two class tokens",
    "resnet18": "baseline",
    "vit_small_patch16_18x2_224": "blocks of another kind",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_is_refused_by_name(name: str) -> None:
    with no_numbers(), pytest.raises(ValueError, match=REFUSED[name]):
        timm.create_model("dermimitformer", backbone=name, num_classes=3)


def test_a_size_that_is_no_multiple_of_the_patch_names_its_neighbours() -> None:
    with pytest.raises(ValueError, match="img_size=100 is no multiple of the 14 pixels of a patch: choose 98 or 112"):
        timm.create_model("dermimitformer", backbone="vit_small_patch14_dinov2", img_size=100, num_classes=3, **SMALL)


def test_a_class_token_for_each_task_starts_from_the_backbones() -> None:
    theirs = timm_model("vit_small_patch14_dinov2", 28)
    tasks = {"body_part": 2, "disease": 4}
    ours = timm.create_model(
        "dermimitformer", backbone="vit_small_patch14_dinov2", img_size=28, num_classes=tasks, class_tokens="per_task",
        lsm_k=2, **SMALL,
    )  # fmt: skip
    load_vit_state_dict(ours, theirs.state_dict())
    torch.testing.assert_close(ours.trunk.reg_token, theirs.cls_token)


def test_a_concatenation_can_be_made_as_large_as_the_interaction() -> None:
    tasks = {"body_part": 2, "attributes": 3, "disease": 4}
    sizes = {"backbone": "vit_small_patch14_dinov2", "img_size": 28, "num_classes": tasks, "lsm_k": 2} | SMALL
    cim = timm.create_model("dermimitformer", **sizes)
    there = sum(p.numel() for p in cim.interaction.parameters())
    hidden = hidden_of_size(5 * 48, there)
    wide = timm.create_model("dermimitformer", fusion="concat", concat_hidden=hidden, **sizes)
    assert isinstance(wide.mixing, WideConcatenation)
    assert abs(sum(p.numel() for p in wide.mixing.parameters()) / there - 1) < 0.01
    logits, out = wide(torch.randn(2, 3, 28, 28))
    assert out["disease/enhanced"].shape == (2, 5 * 48) and logits["disease"].shape == (2, 4)
    with pytest.raises(ValueError, match="concat_hidden=8"):
        ModelConfig(fusion="cim", concat_hidden=8)
