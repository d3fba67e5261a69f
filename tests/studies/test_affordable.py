"""How many photographs the page of maps takes: as many as before with the book's model, few with a large one."""

import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders)
from studies.localisation.affordable import OPERATIONS, affordable

CLASSES = {"body_part": 15, "attributes": 27, "disease": 49}


def model_of(name, **choices):
    return timm.create_model(name, num_classes=CLASSES, **choices).eval()


def test_the_books_model_is_asked_about_all_128_photographs():
    assert affordable(model_of("dermimitformer_tiny_patch8_64"), torch.zeros(3, 64, 64)) > 128


def test_a_pretrained_backbone_is_asked_about_few():
    model = model_of("dermimitformer", backbone="vit_small_patch14_dinov2", img_size=112, lsm_k=12, head_depth=1)
    assert 1 <= affordable(model, torch.zeros(3, 112, 112)) < 64


def test_operations_are_counted_with_those_of_attention():
    layer = torch.nn.Conv2d(3, 10, 1)  # 2 x 3 x 10 operations at each of 64 x 64 pixels
    assert affordable(layer, torch.zeros(3, 64, 64)) == int(OPERATIONS / (2 * 3 * 10 * 64 * 64))
    attention = timm.layers.Attention(24, num_heads=3).eval()
    assert affordable(Rows(attention), torch.zeros(3, 64, 24)) == int(OPERATIONS / (3 * 64 * 24 * (8 * 24 + 4 * 64)))


def test_one_is_the_least():
    large = torch.nn.Conv2d(3, 4000, 3).to("meta")  # shapes suffice to count
    assert affordable(large, torch.zeros(3, 1024, 1024, device="meta")) == 1


class Rows(torch.nn.Module):
    """Attention over the rows of each colour."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, x):
        return self.attention(x[0])
