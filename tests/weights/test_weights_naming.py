"""Weights under the names of their makers become timm's, and compute what the maker's network computes."""

import re

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional as F

from dermimit.weights import read_weights

DEPTH, WIDTH, HEADS, SIDE, PATCH = 2, 24, 2, 32, 8
TINY = dict(img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, num_classes=0)


def vit(**more):
    """A ViT whose every weight is random, so that none can be left out or exchanged unseen."""
    torch.manual_seed(0)
    model = VisionTransformer(**TINY | more).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def saved(path, state):
    torch.save(state, path)
    return path


def named(state, pairs):
    """The state dict with every pattern replaced in every name, in order."""
    given = {}
    for name, value in state.items():
        for pattern, new in pairs:
            name = re.sub(pattern, new, name)
        given[name] = value
    return given


def apart(state, new):
    """Query, key and value of every block as three weights, named by `new(block, part, kind)`."""
    given = {name: value for name, value in state.items() if ".attn.qkv." not in name}
    for name in state.keys() - given.keys():
        _, block, _, _, kind = name.split(".")
        for part, value in zip("qkv", state[name].chunk(3), strict=True):
            given[new(block, part, kind)] = value
    return given


def same(found, state):
    assert found.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in found.items())


PARTS = {"q": "query", "k": "key", "v": "value"}
HF = [
    (r"^blocks\.(\d+)\.attn\.proj", r"encoder.layer.\1.attention.output.dense"),
    (r"^blocks\.", "encoder.layer."),
    (r"^cls_token", "embeddings.cls_token"),
    (r"^pos_embed", "embeddings.position_embeddings"),
    (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"),
    (r"^norm\.", "layernorm."),
]


def hf(block, part, kind):
    return f"encoder.layer.{block}.attention.attention.{PARTS[part]}.{kind}"


def test_hugging_faces_vit(tmp_path):
    state = vit().state_dict()
    more = [(r"norm1", "layernorm_before"), (r"norm2", "layernorm_after"), (r"mlp\.fc1", "intermediate.dense"),
            (r"mlp\.fc2", "output.dense")]  # fmt: skip
    given = {f"vit.{name}": value for name, value in named(apart(state, hf), [*HF, *more]).items()}
    given |= {"classifier.weight": torch.zeros(3, WIDTH), "vit.pooler.dense.bias": torch.zeros(WIDTH)}
    weights = read_weights(saved(tmp_path / "pytorch_model.bin", given))
    same(weights.state, state)
    assert weights.naming == "Hugging Face's ViT"
    assert sorted(weights.left_over) == ["classifier.weight", "vit.pooler.dense.bias"]


def test_hugging_faces_dinov2_with_registers(tmp_path):
    model = vit(init_values=0.1, reg_tokens=4, no_embed_class=True)
    state = model.state_dict()
    scale = [(r"ls(\d)\.gamma", r"layer_scale\1.lambda1"), (r"^reg_token", "embeddings.register_tokens")]
    given = named(apart(state, hf), [*HF, *scale])
    place = torch.randn(1, 1, WIDTH)
    given["embeddings.position_embeddings"] = torch.cat([place, state["pos_embed"]], dim=1)
    given["embeddings.cls_token"] = state["cls_token"] - place
    given["embeddings.mask_token"] = torch.zeros(1, WIDTH)
    weights = read_weights(saved(tmp_path / "a.pth", given))
    assert weights.left_over == ("embeddings.mask_token",)
    torch.testing.assert_close(weights.state.pop("cls_token"), state.pop("cls_token"))
    same(weights.state, state)


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone.", "visual.trunk."])
def test_dinov2_with_registers_in_chunks_under_any_prefix(tmp_path, prefix):
    state = vit(init_values=0.1, reg_tokens=2, no_embed_class=True).state_dict()
    given = named(state, [(r"^blocks\.(\d+)\.", r"blocks.\1.\1."), ("^reg_token", "register_tokens")])
    given["pos_embed"] = torch.cat([torch.ones(1, 1, WIDTH), state["pos_embed"]], dim=1)
    given["cls_token"] = state["cls_token"] - 1
    given |= {"mask_token": torch.zeros(1, WIDTH)}
    content = {prefix + name: value for name, value in given.items()} | {"dino_head.mlp.0.weight": torch.zeros(2, 2)}
    weights = read_weights(saved(tmp_path / "a.pth", {"teacher": content, "iteration": 3}))
    assert weights.naming == "DINOv2's"
    assert set(weights.left_over) == {f"teacher.{prefix}mask_token", "teacher.dino_head.mlp.0.weight"}
    torch.testing.assert_close(weights.state.pop("cls_token"), state.pop("cls_token"))
    same(weights.state, state)


def test_dinov2_with_gated_mlp(tmp_path):
    model = timm.create_model("vit_giant_patch14_dinov2", img_size=28, depth=1, embed_dim=48, num_heads=3)
    state = model.state_dict()
    given = named(state, [(r"mlp\.fc1", "mlp.w12"), (r"mlp\.fc2", "mlp.w3")])
    same(read_weights(saved(tmp_path / "a.pth", given)).state, state)


def panderm(state, images):
    """The forward pass of PanDerm's encoder as its authors' code computes it, from its own weights."""
    x = F.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=PATCH)
    x = torch.cat([state["cls_token"].expand(len(images), -1, -1), x.flatten(2).transpose(1, 2)], dim=1)
    x = x + state["pos_embed"]
    for i in range(DEPTH):
        p = {name.removeprefix(f"blocks.{i}."): v for name, v in state.items() if name.startswith(f"blocks.{i}.")}
        y = F.layer_norm(x, (WIDTH,), p["norm1.weight"], p["norm1.bias"], eps=1e-6)
        bias = torch.cat([p["attn.q_bias"], torch.zeros(WIDTH), p["attn.v_bias"]])
        q, k, v = F.linear(y, p["attn.qkv.weight"], bias).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        y = ((q * (WIDTH // HEADS) ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v
        x = x + p["gamma_1"] * F.linear(y.transpose(1, 2).flatten(2), p["attn.proj.weight"], p["attn.proj.bias"])
        y = F.layer_norm(x, (WIDTH,), p["norm2.weight"], p["norm2.bias"], eps=1e-6)
        y = F.gelu(F.linear(y, p["mlp.fc1.weight"], p["mlp.fc1.bias"]))
        x = x + p["gamma_2"] * F.linear(y, p["mlp.fc2.weight"], p["mlp.fc2.bias"])
    return F.layer_norm(x, (WIDTH,), state["norm.weight"], state["norm.bias"], eps=1e-6)


@pytest.fixture
def of_panderm():
    torch.manual_seed(1)
    state = named(vit(init_values=0.1).state_dict(), [(r"ls(\d)\.gamma", r"gamma_\1")])
    for i in range(DEPTH):
        bias = state.pop(f"blocks.{i}.attn.qkv.bias")
        state |= {f"blocks.{i}.attn.q_bias": bias[:WIDTH], f"blocks.{i}.attn.v_bias": bias[-WIDTH:]}
    return state


@pytest.mark.parametrize("prefix", ["", "encoder.", "visual."])
def test_panderm_computes_what_its_own_code_computes(tmp_path, of_panderm, prefix):
    given = {prefix + name: value for name, value in of_panderm.items()}
    weights = read_weights(saved(tmp_path / "a.pth", {"model": given}))
    assert weights.naming.startswith("PanDerm's") and not weights.left_over
    ours = vit(init_values=0.1, no_embed_class=True)  # as DeiT III
    ours.load_state_dict(weights.state)
    images = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        torch.testing.assert_close(ours.forward_features(images), panderm(of_panderm, images), atol=1e-4, rtol=1e-4)


def test_a_bias_of_relative_positions_is_refused_unless_it_is_zero(tmp_path, of_panderm):
    table = "blocks.1.attn.relative_position_bias_table"
    more = {table: torch.zeros(52, HEADS), "blocks.1.attn.relative_position_index": torch.zeros(17, 17).long()}
    weights = read_weights(saved(tmp_path / "a.pth", of_panderm | more))
    assert set(weights.left_over) == more.keys()
    with pytest.raises(ValueError, match=rf"a\.pth: encoder\.{re.escape(table)} is a bias of relative positions"):
        given = {f"encoder.{name}": v for name, v in (of_panderm | more | {table: torch.ones(52, HEADS)}).items()}
        read_weights(saved(tmp_path / "a.pth", given))


@pytest.mark.parametrize("how", ["openclip", "hugging face"])
def test_the_tower_of_clip(tmp_path, how):
    state = {n: v for n, v in vit(pre_norm=True).state_dict().items() if n != "patch_embed.proj.bias"}
    if how == "openclip":
        given = named(state, [
            (r"^blocks\.(\d+)\.norm", r"visual.transformer.resblocks.\1.ln_"),
            (r"^blocks\.", "visual.transformer.resblocks."),
            (r"attn\.qkv\.", "attn.in_proj_"), (r"attn\.proj", "attn.out_proj"), ("fc1", "c_fc"), ("fc2", "c_proj"),
            ("^cls_token", "visual.class_embedding"), ("^pos_embed", "visual.positional_embedding"),
            (r"^patch_embed\.proj", "visual.conv1"), ("^norm_pre", "visual.ln_pre"), ("^norm", "visual.ln_post"),
        ])  # fmt: skip
        token, place = "visual.class_embedding", "visual.positional_embedding"
        text = {"transformer.resblocks.0.ln_1.weight": torch.zeros(8), "visual.proj": torch.zeros(WIDTH, 8)}
    else:
        where = "vision_model.encoder.layers"
        given = named(apart(state, lambda b, p, k: f"{where}.{b}.self_attn.{p}_proj.{k}"), [
            (r"^blocks\.(\d+)\.attn\.proj", rf"{where}.\1.self_attn.out_proj"),
            (r"^blocks\.(\d+)\.norm", rf"{where}.\1.layer_norm"), (r"^blocks", where),
            ("^cls_token", "vision_model.embeddings.class_embedding"),
            ("^pos_embed", "vision_model.embeddings.position_embedding.weight"),
            (r"^patch_embed\.proj", "vision_model.embeddings.patch_embedding"),
            ("^norm_pre", "vision_model.pre_layrnorm"), ("^norm", "vision_model.post_layernorm"),
        ])  # fmt: skip
        token, place = "vision_model.embeddings.class_embedding", "vision_model.embeddings.position_embedding.weight"
        text = {"text_model.final_layer_norm.weight": torch.zeros(8)}
    given[token], given[place] = given[token].flatten(), given[place][0]
    weights = read_weights(saved(tmp_path / "a.pth", given | text))
    same(weights.state, state)
    assert set(weights.left_over) == set(text)


def test_timms_and_mae_keep_their_names(tmp_path):
    state = vit().state_dict()
    more = {"mask_token": torch.zeros(1, 1, 8), "decoder_blocks.0.norm1.weight": torch.zeros(8)}
    weights = read_weights(saved(tmp_path / "a.pth", {"model": state | more, "epoch": 3}))
    same(weights.state, state)
    assert weights.left_over == ("model.mask_token", "model.decoder_blocks.0.norm1.weight")


def test_of_several_networks_in_a_file_the_average_is_read_and_the_others_are_named(tmp_path):
    averaged, last = vit().state_dict(), {name: v + 1 for name, v in vit().state_dict().items()}
    for keys in (("model", "model_ema"), ("student", "teacher"), ("state_dict", "state_dict_ema")):
        path = saved(tmp_path / "a.pth", {keys[0]: last, keys[1]: averaged})
        with pytest.warns(UserWarning, match=rf"several ViTs: {keys[1]}\. is read, {keys[0]}\. left over"):
            weights = read_weights(path)
        same(weights.state, averaged)
        assert len(weights.left_over) == len(last)


REFUSED = {
    "rope.periods": "rotary positions",
    "dist_token": "second class token",
    "blocks.0.attn.q_proj.weight": r"blocks\.0\.attn\.q_proj\.weight is nothing that a plain ViT has",
    "layers.0.blocks.0.norm1.weight": "no plain ViT",
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_networks_are_refused_by_the_first_name_that_tells(tmp_path, name):
    with pytest.raises(ValueError, match=REFUSED[name]):
        read_weights(saved(tmp_path / "a.pth", vit().state_dict() | {name: torch.zeros(3)}))


def test_no_vit_and_no_positions_are_said(tmp_path):
    with pytest.raises(
        ValueError, match=r"a\.pth: no patch embedding of a ViT is among its 1 tensors .*layer1\.weight"
    ):
        read_weights(saved(tmp_path / "a.pth", {"layer1.weight": torch.zeros(3)}))
    with pytest.raises(ValueError, match="holds no tensors"):
        read_weights(saved(tmp_path / "a.pth", {"epoch": 3}))
    with pytest.raises(ValueError, match="no position embeddings"):
        state = vit().state_dict()
        read_weights(saved(tmp_path / "a.pth", {name: v for name, v in state.items() if name != "pos_embed"}))
