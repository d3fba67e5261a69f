"""Lesion selection against a slow reference that builds the whole N×N matrix in float64."""

import math

import pytest
import torch
from timm.models.vision_transformer import Attention, Block

from dermimit.model.attention import Layer, attend, block_with_queries_and_keys, class_row_and_column
from dermimit.model.lesion_selection import LesionSelection


def layer(q, k):
    return Layer(q, k, q.transpose(1, 2).flatten(2))


def reference_scores(q, k, class_index, prefix, score):
    """Scores by explicit loops over heads and tokens, from the full attention matrix."""
    q, k = q.double(), k.double()
    scores = torch.zeros(q.shape[0], q.shape[2] - prefix, dtype=torch.float64)
    for b in range(q.shape[0]):
        a, c = [], []
        for h in range(q.shape[1]):
            s = q[b, h] @ k[b, h].T / math.sqrt(q.shape[-1])  # (N, N)
            rows = torch.exp(s) / torch.exp(s).sum(dim=1, keepdim=True)
            columns = torch.exp(s) / torch.exp(s).sum(dim=0, keepdim=True)
            a.append(rows[class_index, prefix:])
            c.append(columns[prefix:, class_index])
        a, c = torch.stack(a), torch.stack(c)
        scores[b] = {
            "product_of_means": a.mean(0) * c.mean(0),
            "mean_of_products": (a * c).mean(0),
            "class_row": a.mean(0),
        }[score]
    return scores


@pytest.mark.parametrize("score", ["product_of_means", "mean_of_products", "class_row"])
@pytest.mark.parametrize(("n", "heads", "k"), [(4, 1, 1), (9, 2, 4), (64, 3, 24), (49, 4, 49)])
@pytest.mark.parametrize(("prefix", "class_index"), [(1, 0), (3, 0), (3, 2)])
def test_scores_and_selection_equal_the_reference(n, heads, k, prefix, class_index, score):
    generator = torch.Generator().manual_seed(n * heads)
    q, key = (torch.randn(2, heads, n + prefix, 8, generator=generator) for _ in range(2))
    scores, selected = LesionSelection(k=k, num_patches=n, score=score)([layer(q, key)], class_index, prefix)
    expected = reference_scores(q, key, class_index, prefix, score)
    torch.testing.assert_close(scores.double(), expected, rtol=1e-4, atol=1e-9)
    assert torch.equal(selected.sort().values, expected.topk(k).indices.sort().values)
    assert torch.equal(selected[:, 0], expected.argmax(dim=1))  # best first


def test_rows_and_columns_are_shares():
    q, k = torch.randn(2, 3, 10, 8), torch.randn(2, 3, 10, 8)
    a, b = class_row_and_column(q, k, 0, 0)
    torch.testing.assert_close(a.sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(b.sum(-1), torch.ones(2, 3))


@pytest.mark.parametrize("arguments", [{}, {"qk_norm": True, "norm_layer": torch.nn.LayerNorm}])
def test_attend_equals_timms_fused_attention(arguments):
    attention = Attention(24, num_heads=3, qkv_bias=True, **arguments).eval()
    x = torch.randn(2, 17, 24)
    assert attention.fused_attn
    torch.testing.assert_close(attend(attention, x)[0], attention(x), atol=1e-6, rtol=0)


def test_block_equals_timms_block():
    block = Block(24, num_heads=3, qkv_bias=True, init_values=0.5).eval()
    x = torch.randn(2, 17, 24)
    torch.testing.assert_close(block_with_queries_and_keys(block, x)[0], block(x), atol=1e-6, rtol=0)


def test_no_patch_pair_matrix_is_built():
    """The largest tensor that scoring creates grows with N, not with N²."""
    sizes = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                sizes.append(result.numel())
            return result

    n = 1024
    q, k = torch.randn(1, 2, n + 1, 8), torch.randn(1, 2, n + 1, 8)
    with Sizes():
        LesionSelection(k=4, num_patches=n, score="product_of_means")([layer(q, k)], 0, 1)
    assert max(sizes) < n * n / 10
    assert sizes


def test_too_many_patches_are_refused():
    with pytest.raises(ValueError, match="lower lsm_k"):
        LesionSelection(k=5, num_patches=4, score="class_row")
