"""Attention under mixed precision on a CPU: computed in float32, with gradients, and the same numbers otherwise."""

import timm
import torch
from torch.nn import functional as F

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.model.attention import fused_attention, unfuse


def queries_keys_values(dtype):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 7, 16, generator=generator).to(dtype).requires_grad_() for _ in range(3)]


def test_bfloat16_on_a_cpu_is_attended_in_float32_and_handed_back_as_bfloat16():
    q, k, v = queries_keys_values(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        found = fused_attention(q, k, v, scale=0.2)
    weights = (0.2 * q.double() @ k.double().transpose(-2, -1)).softmax(-1)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, fused_attention(q, k, v, scale=0.2))
    torch.testing.assert_close(found.double(), weights @ v.double(), atol=0.01, rtol=0.01)
    found.float().sum().backward()
    assert all(t.grad is not None and t.grad.dtype == torch.bfloat16 for t in (q, k, v))


def test_other_precisions_are_left_to_torch():
    for dtype in (torch.float32, torch.float64):
        q, k, v = queries_keys_values(dtype)
        assert torch.equal(fused_attention(q, k, v), F.scaled_dot_product_attention(q, k, v))


def test_an_unfused_model_gives_the_same_logits():
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes={"disease": 5, "attributes": 3}).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = model(images)[0]
        unfuse(model)
        after = model(images)[0]
    assert not any(getattr(module, "fused_attn", False) for module in model.modules())
    for task, logits in before.items():
        torch.testing.assert_close(after[task], logits, atol=1e-5, rtol=1e-5)
