"""Maps of known functions of the pixels, and what a cascade explains."""

import pytest
import torch
from conftest import far_from_its_start

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.explain.attributions import attribution
from dermimit.explain.sanity import cascade

CLASSES = {"disease": 4, "body_part": 3, "attributes": 5}


@pytest.fixture(scope="module")
def model():
    return far_from_its_start(CLASSES, img_size=32, lsm_k=4)


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_trained_network_s_answers_are_explained_throughout_the_cascade(model, images):
    methods = ["gradient_times_activation"]
    with torch.no_grad():
        answers = model(images)[0]["disease"].argmax(1)
    found = cascade(model, images, "disease", None, methods, progress=False)
    assert found.equals(cascade(model, images, "disease", answers, methods, progress=False))
    other = cascade(model, images, "disease", (answers + 1) % 4, methods, progress=False)
    assert not found.equals(other)  # else the test above could not fail


def test_a_cascade_of_another_seed_forgets_otherwise(model, images):
    frames = [cascade(model, images, "disease", None, ["gradient_times_activation"], seed=seed, progress=False)
              for seed in (0, 1)]  # fmt: skip
    first, second = (frame[frame["stage"] == "stem"]["spearman"].to_numpy() for frame in frames)
    assert (first != second).all()
    assert frames[0][frames[0]["stage"] == "trained"].equals(frames[1][frames[1]["stage"] == "trained"])


class OfPixels(torch.nn.Module):
    """A logit that is a known function of the pixels, and its negative."""

    tasks, num_classes = ("disease",), {"disease": 2}

    def __init__(self, function, grid):
        super().__init__()
        self.function, self.grid_size = function, grid
        self.eval()

    def forward(self, images):
        value = self.function(images)
        return {"disease": torch.stack([value, -value], dim=1)}, {}


def test_smooth_gradients_are_averaged_with_their_signs():
    model = OfPixels(lambda x: x.square().sum((1, 2, 3)) / 2, (2, 2))  # the gradient is the pixel itself
    images = torch.zeros(1, 3, 8, 8)
    images[..., 4:] = 0.5
    found = attribution(model, images, "disease", torch.tensor([0]), "smooth_grad", samples=100, noise=0.3,
                        progress=False)  # fmt: skip
    assert found.raw[..., :4].abs().mean() < 0.1  # noise of mean 0; its absolute value would be 3 times 0.24
    assert found.raw[..., 4:].mean().item() == pytest.approx(1.5, abs=0.1)


def test_occlusion_of_patches_that_are_not_square_by_hand():
    weight, images = torch.randn(3, 8, 18, generator=torch.Generator().manual_seed(0)), torch.rand(1, 3, 8, 18)
    model = OfPixels(lambda x: (x * weight).sum((1, 2, 3)), (2, 3))
    found = attribution(model, images, "disease", torch.tensor([0]), "occlusion", window=2, progress=False).raw[0]
    part = (images[0] * weight).sum(0).unflatten(0, (2, 4)).unflatten(2, (3, 6)).sum((1, 3))  # of each patch
    for i in range(2):
        for j in range(3):
            drops = [part[max(y, 0) : y + 2, max(x, 0) : x + 2].sum() for y in (i - 1, i) for x in (j - 1, j)]
            patch = found[4 * i : 4 * i + 4, 6 * j : 6 * j + 6]
            torch.testing.assert_close(patch, torch.stack(drops).mean().expand(4, 6), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_every_channel_of_an_image_is_covered(channels):
    model = OfPixels(lambda x: x[:, -1].sum((1, 2)), (2, 2))  # the logit reads the last channel alone
    found = attribution(model, torch.ones(1, channels, 8, 8), "disease", torch.tensor([0]), "occlusion", window=1,
                        progress=False)  # fmt: skip
    assert found.raw.min().item() == found.raw.max().item() == pytest.approx(16)  # a patch of 4 by 4 pixels
