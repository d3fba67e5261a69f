"""Selection by a lesion map: it takes the lesion's patches, the map moves with the photo, and a missing map is said."""

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from dermimit.data import ManifestError, load
from dermimit.data.lesion_channel import WithLesionMap, mapped
from dermimit.data.transforms import CutMix, train_transform
from dermimit.model.control_selection import GivenSelection
from dermimit.train import TrainConfig, assemble, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def test_the_patches_that_the_lesion_covers_most_come_first_then_their_neighbours():
    lesion = torch.zeros(1, 1, 16, 16)
    lesion[0, 0, 4:8, 4:8] = 1  # patch 5 of 4 × 4, whole
    lesion[0, 0, 4:8, 8:10] = 1  # half of patch 6
    scores, selected = GivenSelection(k=4, grid=(4, 4)).of_map(lesion)
    assert selected[0, :2].tolist() == [5, 6]
    assert {*selected[0, 2:].tolist()} <= {1, 2, 9, 10}  # both lesion patches are beside these
    share = np.zeros(16)
    share[5], share[6] = 1, 0.5
    for i in range(16):
        row, column = divmod(i, 4)
        near = [4 * r + c for r in range(row - 1, row + 2) for c in range(column - 1, column + 2)
                if 0 <= r < 4 and 0 <= c < 4]  # fmt: skip
        assert scores[0, i].item() == pytest.approx(share[i] + 1e-3 * share[near].sum() / 9, abs=1e-7)


def config(photos, out, **changes):
    usual = dict(image_size=16, model_kwargs=MODEL, samples=24, epochs=3, batch_size=4, lr=0.01, lesion_map="mask")
    return TrainConfig(data_root=photos.root, out=out, **usual | changes)


@pytest.fixture
def outlined(tiny_photos):
    """The tiny dataset with a map for every photo: that of row 4 is missing in the manifest."""
    folder = tiny_photos.root / "maps"
    folder.mkdir()
    for name in tiny_photos.frame["image"]:
        stem = name.split("/")[-1]
        (folder / stem).write_bytes((tiny_photos.root / "masks" / stem).read_bytes())
    return tiny_photos


def test_a_run_by_lesion_maps_selects_the_lesion_in_every_photo(outlined, tmp_path):
    run = load_run(fit(config(outlined, tmp_path / "run", lesion_map="maps")))
    assert run.model.config.selection == "given"
    photos = assemble.photographs(run.config, assemble.load_photos(run.config), "test")
    for i, selected in enumerate(run.predictions.query("split == 'test'")["selected"]):
        share = torch.nn.functional.adaptive_avg_pool2d(photos[i]["image"][3:], (4, 4)).flatten()
        assert share[torch.tensor(selected.astype(int))].sum() == share.topk(4).values.sum()


def test_photo_and_map_are_cropped_mirrored_and_mixed_alike():
    torch.manual_seed(0)
    photo = torch.zeros(3, 24, 24, dtype=torch.uint8)
    photo[:, 3:12, 5:14] = 255
    image, mask = train_transform(16)(tv_tensors.Image(photo), tv_tensors.Mask((photo[:1] > 0).to(torch.uint8)))
    bright, marked = image[0] > image[0].mean(), mask[0] == 1
    assert (bright & marked).sum() / (bright | marked).sum() > 0.9
    both = torch.stack([torch.cat([image, mask.float()]), torch.zeros(4, 16, 16)])
    mixed, _ = CutMix(1.0, 1.0, torch.Generator().manual_seed(3))(both, {"disease": torch.eye(2)})
    for before, after in zip(both, mixed, strict=True):
        pasted = (after != before).any(0)
        assert torch.equal((after[3] != before[3]) | pasted, pasted)


def test_a_photo_without_a_map_is_named_with_a_remedy(tiny_photos, tmp_path):
    with pytest.raises(ManifestError, match=r"row 6: images/04.png has no lesion map in 'mask'.*write the maps"):
        fit(config(tiny_photos, tmp_path / "run"))
    with pytest.raises(ManifestError, match=r"row 2: images/00.png has no lesion map in 'nowhere', nor have 11 others"):
        mapped(tiny_photos.frame, tiny_photos.root, "nowhere")


def test_a_model_that_selects_by_a_map_says_that_it_is_missing(outlined, tmp_path):
    model = assemble.build_model(config(outlined, tmp_path / "run"), outlined.label_space)
    with pytest.raises(ValueError, match="3 channels: with selection='given' the lesion map"):
        model(torch.zeros(1, 3, 16, 16))


def test_the_map_channel_is_0_and_1(outlined):
    data = WithLesionMap(load("synderm", outlined.root, 16).photos("test", with_mask=True))
    assert {*np.unique(np.concatenate([data[i]["image"][3:].numpy().ravel() for i in range(len(data))]))} == {0.0, 1.0}


def test_two_photos_of_one_name_do_not_share_a_map(outlined, tmp_path):
    frame = outlined.frame.assign(image=outlined.frame["image"].str.replace("images/01.png", "elsewhere/00.jpg"))
    with pytest.raises(ManifestError, match=r"images/00.png and elsewhere/00.jpg would share .* maps/00.png"):
        mapped(frame, outlined.root, "maps")
