"""Transforms against values by hand: light, normalisation, where a cut lies, how often it is mirrored, CutMix's box."""

import random

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.transforms import CutMix, LightAndNormalise, RandomRotation, RandomView, train_transform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_contrast_turns_about_the_mean_of_the_photo_and_brightness_scales_it():
    photo = torch.randint(0, 256, (3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = LightAndNormalise(0.1, MEAN, STD).transform(photo, {"contrast": 1.1, "brightness": 0.93})
    x = photo.numpy().astype(np.float64)
    mean, std = (np.array(values)[:, None, None] for values in (MEAN, STD))
    y = 1.1 * (x - x.mean()) + 0.93 * x.mean()
    np.testing.assert_allclose(found.numpy(), (y / 255 - mean) / std, atol=1e-5)


def test_contrast_and_brightness_vary_evenly_on_both_sides_of_one():
    torch.manual_seed(0)
    drawn = [train_transform(32).transforms[-1].make_params([]) for _ in range(2000)]
    for name in ("contrast", "brightness"):
        values = np.array([each[name] for each in drawn])
        assert 0.9 <= values.min() < 0.905 and 1.095 < values.max() <= 1.1
        assert np.histogram(values, 4, (0.9, 1.1))[0] == pytest.approx([500] * 4, abs=80)
    assert np.corrcoef(*np.array([list(each.values()) for each in drawn]).T)[0, 1] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_training_resizes_and_normalises_as_the_model_was_prepared(interpolation):
    photo = torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        torch.manual_seed(seed)
        found = train_transform(Preprocessing(32, MEAN, STD, interpolation))(photo)
        torch.manual_seed(seed)
        cut = RandomView(32, interpolation=interpolation)(photo)
        assert torch.equal(found, LightAndNormalise(0.1, MEAN, STD)(cut))


def test_a_cut_lies_anywhere_in_the_photo_and_half_of_them_are_mirrored():
    torch.manual_seed(0)
    view, photo = RandomView(32), torch.zeros(3, 1000, 1000, dtype=torch.uint8)
    drawn = [view.make_params([photo]) for _ in range(2000)]
    top, left, high, wide = np.array([each["box"] for each in drawn]).T
    free = (high < 950) & (wide < 950)
    down, right = top[free] / (1000 - high[free]), left[free] / (1000 - wide[free])
    for share in (down, right):
        assert share.mean() == pytest.approx(0.5, abs=0.03)
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.1, "down and right are drawn apart"
    assert np.mean([each["mirror"] for each in drawn]) == pytest.approx(0.5, abs=0.05)


def test_the_box_of_cutmix_has_the_share_of_the_area_that_was_drawn_and_its_centre_anywhere():
    cutmix, height, width = CutMix(alpha=0.7), 400, 600
    for seed in range(50):
        draw = random.Random(seed)
        kept, row, column = draw.betavariate(0.7, 0.7), draw.randrange(height), draw.randrange(width)
        high, wide = (int(n * (1 - kept) ** 0.5) for n in (height, width))
        inside = [[i for i in range(start - n // 2, start - n // 2 + n) if 0 <= i < size]
                  for start, n, size in ((row, high, height), (column, wide, width))]  # fmt: skip
        top, left, bottom, right = cutmix._box(random.Random(seed), height, width)
        assert list(range(top, bottom)) == inside[0] and list(range(left, right)) == inside[1]


def test_photographs_are_turned_then_cut_then_flipped_then_lit():
    photo = torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for seed in range(6):
        torch.manual_seed(seed)
        found = train_transform(32, vertical_flip=True, rotation=40.0)(photo)
        torch.manual_seed(seed)
        cut = v2.RandomVerticalFlip()(RandomView(32)(RandomRotation(40.0)(photo)))
        assert torch.equal(found, LightAndNormalise(0.1)(cut))
