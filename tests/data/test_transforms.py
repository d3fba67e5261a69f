"""Transforms keep mask and photo together; CutMix weighs the targets by what was really pasted."""

import math

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from dermimit.data.transforms import (
    CutMix,
    LightAndNormalise,
    RandomRotation,
    RandomView,
    eval_transform,
    least_side,
    train_transform,
)


def square(height: int, width: int) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    """A black photo with a white off-centre rectangle, and the rectangle's mask."""
    mask = torch.zeros(1, height, width, dtype=torch.uint8)
    mask[:, height // 8 : height // 2, width // 3 : width // 5 * 4] = 1
    return tv_tensors.Image(mask.repeat(3, 1, 1) * 255), tv_tensors.Mask(mask)


@pytest.mark.parametrize("make", [train_transform, eval_transform])
@pytest.mark.parametrize("size", [(96, 96), (80, 120), (300, 150)])
def test_the_mask_stays_on_its_lesion(make, size):
    transform = make(64)
    for seed in range(10):
        torch.manual_seed(seed)
        photo, mask = transform(*square(*size))
        bright = photo[0] > photo.mean()
        union = (bright | (mask[0] > 0)).sum()
        assert (bright & (mask[0] > 0)).sum() / union > 0.9
        assert photo.shape == (3, 64, 64) and mask.shape == (1, 64, 64)
        assert photo.dtype == torch.float32 and set(mask.unique().tolist()) <= {0, 1}


def test_a_shrunken_mask_is_not_shifted():
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[:, 9:33, 17:49] = 1
    photo, small = eval_transform(16)(tv_tensors.Image(mask.repeat(3, 1, 1) * 255), tv_tensors.Mask(mask))
    assert torch.equal(photo[0] > 0, small[0] == 1)


def test_evaluation_normalises_exactly_and_keeps_the_central_square():
    photo = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).repeat(3, 1, 1)
    wide = torch.cat([torch.zeros(3, 16, 8, dtype=torch.uint8), photo, torch.zeros(3, 16, 8, dtype=torch.uint8)], 2)
    torch.testing.assert_close(eval_transform(16)(wide), (photo / 255 - 0.5) / 0.5)


def test_training_views_vary_with_the_seed_and_with_nothing_else():
    photo = torch.randint(0, 256, (3, 48, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    kept, transform = photo.clone(), train_transform(32)
    views = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        views.append(transform(photo))
    assert torch.equal(views[0], views[1]) and not torch.equal(views[0], views[2])
    assert torch.equal(photo, kept)


@pytest.mark.parametrize("size", [(64, 64), (50, 200), (1, 3)])
def test_a_view_lies_inside_the_photo_and_covers_what_it_says(size):
    view, photo = RandomView(32), torch.zeros(3, *size, dtype=torch.uint8)
    boxes = np.array([view.make_params([photo])["box"] for _ in range(500)])
    assert (boxes >= [0, 0, 1, 1]).all()
    assert (boxes[:, :2] + boxes[:, 2:] <= size).all()
    if size == (64, 64):
        share = boxes[:, 2] * boxes[:, 3] / 64**2
        assert 0.55 < share.min() < 0.65 and share.max() > 0.9


def test_pixels_that_are_already_normalised_are_refused():
    with pytest.raises(TypeError, match="uint8"):
        eval_transform(16)(torch.rand(3, 16, 16))


def batch(count: int = 6) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Photo i is all i; its targets are one-hot at i, so a mixture shows where it came from."""
    images = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 24, 20).clone()
    return images, {"disease": torch.eye(count), "body_part": torch.eye(count), "attributes": torch.eye(count)}


def test_targets_are_weighed_by_the_pixels_really_pasted_for_every_task():
    cutmix = CutMix(probability=1, generator=torch.Generator().manual_seed(0))
    areas = []
    for _ in range(60):
        images, targets = batch()
        mixed, mixed_targets = cutmix(images, targets)
        share = torch.stack([(mixed[:, 0] == i).float().mean((1, 2)) for i in range(len(images))], 1)
        for task in targets:
            torch.testing.assert_close(mixed_targets[task], share, atol=1e-6, rtol=0)
        assert torch.equal(images, batch()[0]) and torch.equal(targets["disease"], torch.eye(6))
        areas.append(1 - share.diagonal().min().item())
    assert min(areas) < 0.05 and max(areas) > 0.5


def test_a_mixture_with_an_unknown_target_is_unknown():
    images, targets = batch()
    targets["attributes"][2, 4] = torch.nan
    cutmix, masked = CutMix(alpha=1.0, probability=1, generator=torch.Generator().manual_seed(1)), set()
    for _ in range(10):
        mixed, out = cutmix(images, targets)
        holds_two = out["body_part"][:, 2] > 0  # photo 2 and the one that it was pasted into
        unknown = out["attributes"].isnan()
        assert torch.equal(unknown[:, 4], holds_two) and unknown.sum() == holds_two.sum()
        assert not out["disease"].isnan().any() and not mixed.isnan().any()
        masked.add(int(unknown.sum()))
    assert masked == {1, 2}


def test_cutmix_depends_on_its_generator_alone():
    def run(seed: int) -> torch.Tensor:
        cutmix = CutMix(generator=torch.Generator().manual_seed(seed))
        return torch.stack([cutmix(*batch())[0] for _ in range(10)])

    first = run(0)
    torch.rand(7)
    assert torch.equal(first, run(0)) and not torch.equal(first, run(1))


def test_probability_zero_is_the_identity_and_a_half_mixes_half_the_batches():
    images, targets = batch()
    mixed, out = CutMix(probability=0)(images, targets)
    assert torch.equal(mixed, images) and all(torch.equal(out[t], targets[t]) for t in targets)
    cutmix = CutMix(alpha=1.0, probability=0.5, generator=torch.Generator().manual_seed(0))
    changed = sum(not torch.equal(cutmix(images, targets)[0], images) for _ in range(300))
    assert 110 < changed < 170


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"probability": 1.1}, {"alpha": float("nan")}])
def test_cutmix_refuses_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match="CutMix"):
        CutMix(**wrong)


@pytest.mark.parametrize("size", [16, 64, 224, 384])
def test_no_transform_enlarges_a_photo_of_the_least_side(size):
    least = least_side(size)
    view, shortest = RandomView(size), []
    torch.manual_seed(0)
    for height, width in ((least, least), (least, 3 * least), (2 * least, least)):
        photo = torch.empty(3, height, width, dtype=torch.uint8, device="meta")
        shortest += [min(view.make_params([photo])["box"][2:]) for _ in range(2000)]
    assert size <= min(shortest) < 1.05 * size  # needed, and not more than that
    assert least == math.ceil(1.4907 * size)


def test_the_memory_layout_of_a_photo_does_not_change_a_bit():
    photo = torch.randint(0, 256, (90, 120, 3), dtype=torch.uint8).permute(2, 0, 1)
    for transform in (train_transform(32), eval_transform(32), train_transform(128)):
        results = []
        for each in (photo, photo.contiguous()):
            torch.manual_seed(3)
            results.append(transform(each))
        assert torch.equal(*results) and results[0].is_contiguous()


# ---------------------------------------------------------------- turned photographs


def turned(parts: list, angle: float) -> list:
    """Parts of a photo as `RandomRotation` turns them by an angle."""
    return [RandomRotation(180).transform(part, {"angle": angle}) for part in parts]


def test_without_options_the_training_transform_is_what_it_was():
    photo = torch.randint(0, 256, (3, 50, 70), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    view, light = RandomView(32), LightAndNormalise(0.1)
    for seed in range(3):
        torch.manual_seed(seed)
        found, after = train_transform(32, vertical_flip=False, rotation=0.0)(photo), torch.rand(1)
        torch.manual_seed(seed)
        assert torch.equal(found, light(view(photo))) and torch.equal(after, torch.rand(1))


@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_right_angles_turn_pixels_exactly_and_anticlockwise(angle, turns):
    photo = torch.arange(192, dtype=torch.uint8).view(3, 8, 8)
    assert torch.equal(turned([photo], angle)[0], torch.rot90(photo, turns, (1, 2)))


def test_a_circle_in_a_wide_photo_stays_a_circle_where_it_belongs():
    row, column = torch.meshgrid(torch.arange(60.0), torch.arange(100.0), indexing="ij")
    mask = tv_tensors.Mask((((row - 29.5) ** 2 + (column - 69.5) ** 2) < 64)[None].to(torch.uint8))
    (found,) = turned([mask], 90)  # 20 pixels right of the centre: now 20 above it
    rows, columns = found[0].nonzero(as_tuple=True)
    assert rows.float().mean() == pytest.approx(9.5) and columns.float().mean() == pytest.approx(49.5)
    assert found.sum() == mask.sum() and isinstance(found, tv_tensors.Mask)


@pytest.mark.parametrize("angle", [-30.0, 10.0, 45.0, 137.0])
@pytest.mark.parametrize("size", [(96, 96), (80, 120)])
def test_a_turned_mask_stays_on_its_lesion(angle, size):
    photo, mask = turned(list(square(*size)), angle)
    bright = photo[0] > 127
    assert (bright & (mask[0] > 0)).sum() / (bright | (mask[0] > 0)).sum() > 0.95
    assert photo.shape[1:] == mask.shape[1:] == size and photo.dtype == mask.dtype == torch.uint8


def test_corners_hold_the_reflection_and_no_colour_of_their_own():
    photo = torch.randint(100, 140, (3, 40, 90), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for angle in (15.0, 45.0, 90.0):
        found = turned([photo], angle)[0]
        assert found.min() >= 100 and found.max() < 140
    unknown = tv_tensors.Mask(torch.full((1, 40, 90), 255, dtype=torch.uint8))
    assert (turned([unknown], 45.0)[0] == 255).all()


def test_angles_are_uniform_between_both_ends():
    torch.manual_seed(0)
    angles = np.array([RandomRotation(30).make_params([])["angle"] for _ in range(2000)])
    assert -30 <= angles.min() < -29 and 29 < angles.max() <= 30
    assert np.histogram(angles, 6, (-30, 30))[0] == pytest.approx([333] * 6, abs=60)


def test_half_of_the_photos_are_turned_upside_down_and_their_masks_with_them():
    torch.manual_seed(0)
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[:, :26] = 1  # more than any cut leaves out
    transform, upside_down = train_transform(32, vertical_flip=True), 0
    for _ in range(400):
        photo, moved = transform(tv_tensors.Image(mask.repeat(3, 1, 1) * 255), tv_tensors.Mask(mask))
        below = bool(moved[0, -1].any())
        assert below != bool(moved[0, 0].any()) and below == bool(photo[0, -1].mean() > photo[0, 0].mean())
        upside_down += below
    assert 170 < upside_down < 230


def test_a_turned_photo_is_cut_as_large_as_one_that_is_not():
    photo = torch.zeros(3, least_side(64), least_side(64), dtype=torch.uint8)
    assert turned([photo], 33.0)[0].shape == photo.shape
    assert train_transform(64, rotation=45.0)(photo).shape == (3, 64, 64)
