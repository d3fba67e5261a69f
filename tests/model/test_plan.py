"""A model without numbers is the model that will be built, in a fraction of its time and of no memory."""

import pytest
import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.model.plan import no_numbers

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
