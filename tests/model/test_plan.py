"""A model without numbers is the model that will be built, in a fraction of its time and of no memory."""

import pytest
import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.model.plan import no_numbers, to_be_filled

BUILDERS = ["dermimitformer_tiny_patch8_64", "dermimitformer_lite0_stem_224", "baseline"]


def told(model):
    return {name: (tuple(value.shape), value.dtype) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("name", BUILDERS)
def test_it_has_the_names_shapes_and_types_of_the_model(name):
    arguments = {"backbone": "test_resnet"} if name == "baseline" else {}
    with no_numbers():
        plan = timm.create_model(name, num_classes={"disease": 3}, **arguments)
    assert told(plan) == told(timm.create_model(name, num_classes={"disease": 3}, **arguments))
    assert {value.device.type for value in plan.state_dict().values()} == {"meta"}


def test_what_has_numbers_is_initialised_inside_too():
    weight = torch.full((2, 2), 5.0)
    with no_numbers():
        torch.nn.init.ones_(weight)
        weight.mul_(3)
    assert weight.tolist() == [[3, 3], [3, 3]]


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("dermimitformer_tiny_patch8_64", {}),
        ("dermimitformer_tiny_patch8_64", {"selection": "random", "fusion": "concat", "concat_hidden": 8}),
        ("dermimitformer_lite0_stem_224", {}),
        ("dermimitformer", {"backbone": "vit_base_patch16_siglip_224", "img_size": 32, "depth": 3, "lsm": False}),
        ("baseline", {"backbone": "resnet10t", "lsm": False, "fusion": "none"}),
    ],
)
def test_a_model_that_is_filled_is_the_one_whose_weights_it_is_given(name, choices):
    choices = {"num_classes": {"body_part": 2, "attributes": 3, "disease": 4}} | choices
    torch.manual_seed(0)
    wanted = timm.create_model(name, **choices).eval()
    with to_be_filled():
        ours = timm.create_model(name, **choices).eval()
    ours.load_state_dict(wanted.state_dict())
    mine, theirs = dict(ours.named_buffers()), dict(wanted.named_buffers())
    assert all(torch.equal(mine[key], value) for key, value in theirs.items())
    side = ours.image_size if hasattr(ours, "image_size") else (64, 64)
    x = torch.rand(1, 3, *side)
    with torch.no_grad():
        found, expected = ours(x)[0], wanted(x)[0]
    assert all(torch.equal(found[task], expected[task]) for task in expected)
