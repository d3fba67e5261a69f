"""Networks that outline lesions: they learn a plain one, their outlines are written for every photo, errors say why."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dermimit.data import ManifestError, load
from studies.localisation.outlines import train_segmenter, write_outlines
from studies.localisation.segmenters import SEGMENTERS, LesionRCNN, lesions


def test_the_parts_of_a_mask_become_boxes_that_hold_them_exactly():
    mask = torch.zeros(12, 12, dtype=torch.bool)
    mask[2:5, 3:9] = True
    mask[5, 9] = True  # joined at a corner
    mask[9:11, 1:3] = True
    found = lesions(mask)
    assert found["boxes"].tolist() == [[3, 2, 10, 6], [1, 9, 3, 11]]
    assert torch.equal(found["masks"].sum(0).bool(), mask)
    assert found["labels"].tolist() == [1, 1]


@pytest.mark.slow
def test_the_u_net_learns_a_plain_square_and_writes_an_outline_for_every_photo(tiny_photos, tmp_path):
    photos = replace(tiny_photos, image_size=32)
    model = train_segmenter("unet", photos, 480, batch_size=8, lr=3e-3)
    write_outlines(model, photos, tmp_path / "outlines")
    assert {p.name for p in (tmp_path / "outlines").iterdir()} == {f"{i:02d}.png" for i in range(12)}
    test = load("synderm", photos.root, 32).photos("train", with_mask=True)
    found = []
    for i, name in enumerate(test.frame["image"]):
        truth = test[i]["mask"][0].numpy() == 1
        said = np.asarray(Image.open(tmp_path / "outlines" / name.split("/")[-1])) > 0
        if test.frame["mask"].notna().iloc[i]:
            found.append((truth & said).sum() / (truth | said).sum())
    assert np.mean(found) > 0.6


@pytest.mark.parametrize("kind", SEGMENTERS)
def test_each_network_gives_a_probability_for_each_pixel_and_trains_all_its_weights(kind):
    torch.manual_seed(0)
    model, images = SEGMENTERS[kind]().train(), torch.randn(2, 3, 32, 32)
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[:, 8:20, 8:24] = True
    model.loss(images, masks).backward()
    with_gradient = sum(p.grad is not None for p in model.parameters())
    assert with_gradient == len([*model.parameters()])
    maps = model.eval().probability(images)
    assert maps.shape == (2, 32, 32)
    assert maps.min() >= 0 and maps.max() <= 1


def test_photos_without_a_lesion_teach_the_detector_nothing_and_do_not_stop_it():
    loss = LesionRCNN().train().loss(torch.zeros(2, 3, 32, 32), torch.zeros(2, 32, 32, dtype=torch.bool))
    assert loss.item() == 0


def test_wrong_input_is_refused(tiny_photos):
    with pytest.raises(ValueError, match="unknown segmenter 'vnet': choose one of unet, mask_rcnn"):
        train_segmenter("vnet", tiny_photos, 8)
    bare = replace(tiny_photos, frame=tiny_photos.frame.assign(mask=None))
    with pytest.raises(ManifestError, match="no photograph has a mask"):
        train_segmenter("unet", bare, 8)
