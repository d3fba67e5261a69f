"""A head's last block whose few queries are taken to the tokens: the numbers of the whole block, and when it is so."""

import pytest
import torch
from timm.layers import RmsNorm
from timm.models.vision_transformer import Attention

from dermimit.model.few_queries import Folded, Projected, folds, of_last_block


def attention(**changes):
    torch.manual_seed(0)
    made = Attention(24, **dict(num_heads=3, qkv_bias=True) | changes).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made.eval()


@pytest.fixture
def tokens():
    return torch.randn(2, 10, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


READ = torch.tensor([[0, 3, 3, 9], [0, 1, 7, 2]])


@pytest.mark.parametrize("bias", [True, False])
def test_what_few_tokens_find_and_its_gradient_are_those_of_the_whole_attention(tokens, bias):
    attn = attention(qkv_bias=bias)
    whole = attn(tokens).gather(1, READ[..., None].expand(-1, -1, 24))
    found, gradients = [], []
    for kind in (Folded, Projected):
        inputs = tokens.clone().requires_grad_()
        found.append(kind(attn, inputs).answer(READ))
        wanted = [inputs, attn.qkv.weight, *([attn.qkv.bias] if bias else []), attn.proj.weight]
        gradients.append(torch.autograd.grad(found[-1].square().sum(), wanted))
    for answer in found:
        torch.testing.assert_close(answer, whole, rtol=0, atol=1e-12)
    for folded, projected in zip(*gradients, strict=True):
        torch.testing.assert_close(folded, projected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("class_index", "prefix"), [(0, 1), (1, 3)])
def test_the_scores_of_lesion_selection_are_those_of_queries_and_keys(tokens, class_index, prefix):
    attn = attention()
    pairs = [kind(attn, tokens).class_row_and_column(class_index, prefix) for kind in (Folded, Projected)]
    for folded, projected in zip(*pairs, strict=True):
        assert folded.shape == (2, 3, 10 - prefix)
        torch.testing.assert_close(folded, projected, rtol=0, atol=1e-12)


def test_a_selection_that_reads_all_queries_and_keys_finds_them(tokens):
    layers = [kind(attention(), tokens) for kind in (Folded, Projected)]
    torch.testing.assert_close(layers[0].mean_attention, layers[1].mean_attention)
    assert layers[0].batch == layers[1].batch == 2


def test_keys_and_values_are_projected_where_that_is_cheaper_or_cannot_be_left_out(tokens):
    assert folds(attention(), 7)  # 7 queries in 3 heads: 21 rows, below the width of 24
    assert not folds(attention(), 8)
    assert not folds(attention(qk_norm=True, norm_layer=RmsNorm), 1)
    dropping = attention(attn_drop=0.1)
    assert folds(dropping, 1)
    assert not folds(dropping.train(), 1)
    assert isinstance(of_last_block(attention(), tokens, 1), Folded)
    assert isinstance(of_last_block(attention(), tokens, 11), Projected)
