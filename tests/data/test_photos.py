"""Photos: every common kind of file is read right, every broken one is named, memory and disk agree."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dermimit.data import load
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.photos import NO_MASK, PhotoDataset, PhotoError, read_mask, read_photo
from dermimit.data.problems import ManifestError
from dermimit.data.transforms import CentralView, eval_transform, least_side

RED_LEFT = np.zeros((20, 30, 3), np.uint8)
RED_LEFT[:, :15, 0] = 200


def test_a_camera_turned_on_its_side_gives_an_upright_photo(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to see it upright
    Image.fromarray(RED_LEFT).save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png")
    assert photo.shape == (3, 30, 20)
    assert (photo[0, :15] == 200).all() and (photo[0, 15:] == 0).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK"])
def test_every_colour_mode_becomes_the_same_rgb(tmp_path, mode):
    white_left = np.where(RED_LEFT.any(2, keepdims=True), 255, 0).astype(np.uint8).repeat(3, 2)
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    Image.fromarray(white_left).convert(mode).save(path)
    assert torch.equal(read_photo(path), torch.from_numpy(white_left).permute(2, 0, 1))


@pytest.mark.parametrize("size", [(65_000, 1), (1, 65_000)])
def test_a_line_of_pixels_with_all_the_facts_that_a_camera_can_write_is_read(tmp_path, size):
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "x" * 60_000, 3  # a description; turned upside down
    Image.new("RGB", size, (200, 0, 0)).save(tmp_path / "line.jpg", exif=exif)
    assert read_photo(tmp_path / "line.jpg", 16).shape[0] == 3
    assert abs(read_photo(tmp_path / "line.jpg")[0].float().mean() - 200) < 3


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 0x80FF, 0xFFFF]], np.uint16)).save(tmp_path / "deep.png")
    assert read_photo(tmp_path / "deep.png").tolist() == [[[0, 128, 255]]] * 3


def cut_out(shape=(20, 30)):
    """A brown square, opaque; around it nothing, stored as transparent black."""
    pixels = np.zeros((*shape, 4), np.uint8)
    pixels[5:15, 5:15] = (90, 50, 40, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["rgba.png", "palette.png", "lossless.webp", "rgba.tif"])
def test_what_is_transparent_becomes_white_and_the_rest_stays(tmp_path, kind):
    image = cut_out().quantize(8) if kind.startswith("palette") else cut_out()
    image.save(tmp_path / kind, **({"lossless": True} if kind.endswith("webp") else {}))
    photo = read_photo(tmp_path / kind)
    assert (photo[:, 0, 0] == 255).all() and (photo[:, -1] == 255).all()
    assert photo[:, 10, 10].tolist() == [90, 50, 40]


def test_half_transparent_pixels_are_mixed_with_white_and_grey_ones_too(tmp_path):
    Image.fromarray(np.array([[[100, 0, 50, 128]]], np.uint8)).save(tmp_path / "half.png")
    assert read_photo(tmp_path / "half.png").flatten().tolist() == pytest.approx([177, 127, 152], abs=1)
    Image.fromarray(np.array([[[0, 0], [10, 255]]], np.uint8), "LA").save(tmp_path / "la.png")
    assert read_photo(tmp_path / "la.png")[0].tolist() == [[255, 10]]
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(tmp_path / "key.png", transparency=0)
    assert read_photo(tmp_path / "key.png")[0].tolist() == [[255, 7]]


def test_a_transparent_background_of_a_mask_stays_background(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[1:3, 1:3] = 255
    Image.fromarray(pixels).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").sum() == 4


def textured(width, height):
    """A picture with detail of every size, as photographs have."""
    draw, picture = np.random.default_rng(0), np.zeros((height, width, 3), np.float32)
    for step, share in ((64, 0.5), (16, 0.3), (4, 0.2)):
        noise = draw.integers(0, 256, (height // step + 2, width // step + 2, 3), dtype=np.uint8)
        picture += share * np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def shrunk(photo, size):
    return CentralView(size)(photo).float()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (801, 1203), (700, 300), (401, 400), (96, 64)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path, width, height, mode):
    path, least = tmp_path / "photo.jpg", 100
    textured(width, height).convert(mode).save(path, quality=90)
    full, small = read_photo(path), read_photo(path, least)
    assert full.shape == (3, height, width)
    shortest = min(small.shape[1:])
    assert min(least, width, height) <= shortest and (shortest < 2 * least + 1)
    assert abs(small.shape[2] / small.shape[1] - width / height) < 0.02
    assert (shrunk(full, 64) - shrunk(small, 64)).abs().mean() < 0.01 * 255
    if min(width, height) < 2 * least:
        assert torch.equal(full, small)


def test_the_turn_of_the_camera_is_applied_to_a_reduced_photo(tmp_path):
    image, exif = textured(800, 400), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif, quality=90)
    full, small = read_photo(tmp_path / "turned.jpg"), read_photo(tmp_path / "turned.jpg", 100)
    assert full.shape == (3, 800, 400) and small.shape == (3, 200, 100)
    assert (shrunk(full, 64) - shrunk(small, 64)).abs().mean() < 0.01 * 255


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "tif"])
def test_other_files_are_never_reduced(tmp_path, suffix):
    textured(400, 300).save(tmp_path / f"photo.{suffix}")
    assert torch.equal(read_photo(tmp_path / f"photo.{suffix}", 20), read_photo(tmp_path / f"photo.{suffix}"))


def test_a_reduced_photo_is_checked_like_any_other(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    textured(800, 600).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 800 * 600 - 1)
    with pytest.raises(PhotoError, match=r"480,?000 pixels.*make it smaller"):
        read_photo(path, 75)
    monkeypatch.undo()
    cut_short(path)
    with pytest.raises(PhotoError, match="replace the file"):
        read_photo(path, 75)


@pytest.mark.parametrize("levels", [(0, 1), (0, 255), (10, 240)])
def test_masks_of_any_two_levels_become_zero_and_one(tmp_path, levels):
    Image.fromarray(np.array([[levels[0], levels[1], levels[0]]], np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[[0, 1, 0]]]


def test_an_empty_mask_stays_empty(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").sum() == 0


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BREAK = {
    "cut short": cut_short,
    "not an image": lambda path: path.write_text("<html>not found</html>"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "32 bit": lambda path: Image.new("I", (4, 4)).save(path, format="TIFF"),
}


REMEDY = dict.fromkeys(BREAK, "replace the file") | {"gone": "correct its name", "32 bit": "8 or 16 bits"}


@pytest.mark.parametrize("how", BREAK)
@pytest.mark.parametrize("in_memory", [False, True])
def test_a_broken_photo_is_named_with_its_row(tiny_photos, how, in_memory):
    rows = tiny_photos.frame.iloc[4:]
    BREAK[how](tiny_photos.root / rows["image"].iloc[3])
    with pytest.raises(PhotoError) as caught:
        PhotoDataset(rows, tiny_photos.label_space, tiny_photos.root, None, in_memory, 16 if in_memory else None)[3]
    for part in ("row 9 of the manifest", "images/07.png", REMEDY[how]):
        assert part in str(caught.value)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [1279, 600])  # the photo has 1280 pixels; Pillow itself refuses twice the limit
def test_a_photo_of_unsafe_size_is_refused_before_it_is_decoded(tiny_photos, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(PhotoError, match=r"row 2 of the manifest: .*00.png.*1,?280 pixels.*make it smaller"):
        PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root)[0]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif"])
def test_a_photo_cut_short_is_refused_in_every_format(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    assert read_photo(path).shape == (3, 64, 64)
    cut_short(path)
    with pytest.raises(PhotoError, match=path.name):
        read_photo(path)


def test_an_item_has_the_rows_own_photo_targets_and_index(tiny_photos):
    rows = tiny_photos.frame.iloc[::-1]
    dataset = PhotoDataset(rows, tiny_photos.label_space, tiny_photos.root)
    assert len(dataset) == 12
    for index, (image, disease) in enumerate(zip(rows["image"], rows["disease"], strict=True)):
        item = dataset[index]
        assert item["index"] == index and item["image"].dtype == torch.float32
        torch.testing.assert_close(item["image"], read_photo(tiny_photos.root / image) / 255)
        one_hot = [float(d == disease) for d in tiny_photos.label_space.diseases]
        assert (
            item["targets"]["disease"].isnan().all()
            if disease is None
            else item["targets"]["disease"].tolist() == one_hot
        )
    assert "mask" not in item
    with pytest.raises(IndexError):
        dataset[12]


@pytest.mark.parametrize("with_mask", [False, True])
def test_photos_in_memory_are_those_on_disk(tiny_photos, with_mask):
    disk = tiny_photos.photos("train", with_mask=with_mask)
    memory = tiny_photos.photos("train", in_memory=True, with_mask=with_mask)
    (tiny_photos.root / tiny_photos.frame["image"].iloc[0]).rename(tiny_photos.root / "moved.png")
    for index in range(1, len(disk)):
        assert torch.equal(disk[index]["image"], memory[index]["image"])
        assert not with_mask or torch.equal(disk[index]["mask"], memory[index]["mask"])
    assert memory[0]["image"].shape == (3, 16, 16)


@pytest.mark.parametrize("augment", [False, True])
def test_masks_follow_their_photos_and_absent_ones_say_so(tiny_photos, augment):
    dataset = tiny_photos.photos("train", augment=augment, with_mask=True)
    torch.manual_seed(0)
    for index in range(len(dataset)):
        item = dataset[index]
        assert item["mask"].shape == (1, 16, 16) and item["mask"].dtype == torch.uint8
        if dataset.frame["mask"].iloc[index] is None:
            assert (item["mask"] == NO_MASK).all()
        else:
            colourful = item["image"].amax(0) - item["image"].amin(0) > 0.55
            inside = item["mask"][0] == 1
            assert (colourful & inside).sum() / (colourful | inside).sum() > 0.6


def test_a_mask_of_another_size_is_fitted_and_of_another_shape_refused(tiny_photos):
    rows = tiny_photos.frame.iloc[5:6]
    path = tiny_photos.root / rows["mask"].iloc[0]
    small = PhotoDataset(rows, tiny_photos.label_space, tiny_photos.root, with_mask=True)[0]["mask"]
    with Image.open(path) as mask:
        mask.resize((400, 320), Image.Resampling.NEAREST).save(path)
    dataset = PhotoDataset(rows, tiny_photos.label_space, tiny_photos.root, with_mask=True)
    assert torch.equal(dataset[0]["mask"], small)
    Image.new("L", (32, 40)).save(path)
    with pytest.raises(PhotoError, match=r"row 7.*mask 32 x 40, photo 40 x 32"):
        dataset[0]


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_splits_read_reduced_photos_with_masks_that_fit(tiny_photos, in_memory):
    for folder in ("images", "masks"):
        for path in (tiny_photos.root / folder).iterdir():
            with Image.open(path) as image:
                image.resize((403, 323), Image.Resampling.NEAREST).save(path, "JPEG" if folder == "images" else "PNG")
    plain = PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, eval_transform(16))
    items = tiny_photos.photos("train", in_memory=in_memory, with_mask=True)
    assert items.least == least_side(16) == 24
    for index in range(len(items)):
        item = items[index]
        assert (item["image"] - plain[index]["image"]).abs().mean() < 0.02
        if items.frame["mask"].iloc[index] is not None:
            assert (item["mask"] == 1).float().mean() == pytest.approx(14 * 14 / (32 * 32), abs=0.04)


def test_workers_give_the_same_batches_as_one_process(tiny_photos):
    def batches(workers: int) -> list[torch.Tensor]:
        loader = torch.utils.data.DataLoader(tiny_photos.photos("train"), batch_size=4, num_workers=workers)
        return [batch["image"] for batch in loader]

    for alone, together in zip(batches(0), batches(2), strict=True):
        assert torch.equal(alone, together)


def test_settings_that_contradict_each_other_are_refused(tiny_photos):
    with pytest.raises(ValueError, match="image_size together with in_memory"):
        PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, in_memory=True)


def test_a_dataset_is_loaded_by_name(tiny_photos):
    loaded = load("synderm", tiny_photos.root, 16)
    pd.testing.assert_frame_equal(loaded.frame, tiny_photos.frame)
    assert [len(loaded.photos(s)) for s in ("train", "val", "test")] == [6, 3, 3]
    with pytest.raises(ManifestError, match="did you mean 'synderm'"):
        load("synderm49", tiny_photos.root, 16)
    with pytest.raises(ValueError, match="image_size 0"):
        load("synderm", tiny_photos.root, 0)


def test_the_largest_photos_are_shrunk_to_the_central_square(tmp_path):
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    frame = pd.DataFrame({"image": ["wide.png"], "disease": ["a"]})
    item = PhotoDataset(frame, LabelSpace("one", ("a",)), tmp_path, eval_transform(10), in_memory=True, image_size=10)[
        0
    ]
    assert item["image"].shape == (3, 10, 10) and item["image"].mean() > 0.9


def test_what_a_file_holds_is_told_by_its_bytes_and_a_broken_photograph_is_no_text(tmp_path):
    said = {"Röschenflechte, siehe Akte".encode(): "it holds text", b"\xff\xd8\xff": "cannot be read"}
    for content, words in said.items():
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(PhotoError, match=words) as caught:
            read_photo(tmp_path / "a.jpg")
        assert ("holds text" in str(caught.value)) == (words == "it holds text")


def test_the_manifest_of_a_loaded_dataset_is_checked_once(tiny_photos, monkeypatch):
    rows = tiny_photos.frame[tiny_photos.frame["split"] == "train"]
    again = PhotoDataset(rows, tiny_photos.label_space, tiny_photos.root, eval_transform(16))
    monkeypatch.setattr("dermimit.data.photos.validate_manifest", lambda *given: pytest.fail("checked again"))
    photos = tiny_photos.photos("train")
    pd.testing.assert_frame_equal(photos.frame, again.frame)
    for item, other in zip(photos, again, strict=True):
        assert torch.equal(item["image"], other["image"])
        assert all(torch.equal(item["targets"][t].nan_to_num(-1), other["targets"][t].nan_to_num(-1)) for t in TASKS)
