"""Cross-interaction against an explicit reference, and which task reads which."""

import math

import pytest
import torch

from dermimit.model.config import ModelConfig
from dermimit.model.cross_interaction import CrossAttention, CrossBlock, CrossInteraction, interacting_pairs


def test_cross_attention_equals_an_explicit_reference():
    torch.manual_seed(0)
    layer = CrossAttention(dim=12, num_heads=3).double()
    x, y = torch.randn(2, 5, 12).double(), torch.randn(2, 7, 12).double()
    q, (k, v) = layer.q(x), layer.kv(y).chunk(2, dim=-1)
    heads = []
    for h in range(3):
        part = slice(4 * h, 4 * h + 4)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(4), dim=-1)
        heads.append(weights @ v[..., part])
    torch.testing.assert_close(layer(x, y), layer.proj(torch.cat(heads, dim=-1)))


def test_the_whole_block_equals_an_explicit_reference_in_float64():
    torch.manual_seed(0)
    block = CrossBlock(dim=12, num_heads=3, mlp_ratio=2.0).double()
    for parameter in block.parameters():  # norms start as the identity: nothing may hide behind that
        torch.nn.init.normal_(parameter, std=0.3)
    x, y = torch.randn(2, 5, 12).double(), torch.randn(2, 7, 12).double()

    def norm(layer, z):
        centred = z - z.mean(-1, keepdim=True)
        return centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * layer.weight + layer.bias

    q, (k, v) = block.attn.q(norm(block.norm_x, x)), block.attn.kv(norm(block.norm_y, y)).chunk(2, dim=-1)
    heads = []
    for h in range(3):
        part = slice(4 * h, 4 * h + 4)
        heads.append(torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(4), dim=-1) @ v[..., part])
    read = x + block.attn.proj(torch.cat(heads, dim=-1))
    hidden = block.mlp.fc1(norm(block.norm_mlp, read))
    expected = read + block.mlp.fc2(0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2))))
    torch.testing.assert_close(block(x, y), expected, rtol=1e-9, atol=1e-9)


def test_wiring():
    tasks, to_disease = ("body_part", "attributes", "disease"), {("disease", "body_part"), ("disease", "attributes")}
    assert set(interacting_pairs("to_disease", tasks)) == to_disease
    assert set(interacting_pairs("disease_hub", tasks)) == to_disease | {(s, t) for t, s in to_disease}
    assert set(interacting_pairs("all_pairs", tasks)) == {(t, s) for t in tasks for s in tasks if t != s}
    assert set(interacting_pairs("all_pairs", tasks[1:])) == {("attributes", "disease"), ("disease", "attributes")}


def test_a_task_hears_only_those_it_asks():
    torch.manual_seed(0)
    module = CrossInteraction(
        pairs=(("disease", "body_part"),), queries="all", dim=12, num_heads=3, mlp_ratio=2.0, depth=1
    )
    tokens = {"body_part": torch.randn(1, 1, 12), "attributes": torch.randn(1, 4, 12), "disease": torch.randn(1, 4, 12)}
    enhanced = module(tokens)
    assert list(enhanced) == ["disease"]
    deaf = module(tokens | {"attributes": torch.randn(1, 4, 12)})
    torch.testing.assert_close(deaf["disease"][0], enhanced["disease"][0])
    heard = module(tokens | {"body_part": torch.randn(1, 1, 12)})
    assert (heard["disease"][0] - enhanced["disease"][0]).abs().max() > 1e-3


def test_shuffled_pairs_ask_another_photograph():
    build = dict(pairs=(("disease", "attributes"),), queries="all", dim=12, num_heads=3, mlp_ratio=2.0, depth=1)
    torch.manual_seed(0)
    module = CrossInteraction(**build)
    control = CrossInteraction(**build, shuffled=True)
    control.load_state_dict(module.state_dict())
    tokens = {task: torch.randn(3, 4, 12) for task in ("attributes", "disease")}
    moved = tokens | {"attributes": tokens["attributes"][[2, 0, 1]]}
    torch.testing.assert_close(control(tokens)["disease"][0], module(moved)["disease"][0])
    with pytest.raises(ValueError, match="something to shuffle"):
        ModelConfig(fusion="concat", cim_shuffled=True)
