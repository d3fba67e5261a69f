"""What a model expects of photographs: read off the model, kept in a file, applied and undone."""

import json
from types import SimpleNamespace

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from dermimit.data.photo_set import PhotoSet, load
from dermimit.data.preprocessing import FILE, Preprocessing, stored
from dermimit.data.transforms import (
    LIGHT,
    CentralView,
    LightAndNormalise,
    RandomView,
    eval_transform,
    train_transform,
)

IMAGENET = Preprocessing(16, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
CLIP = Preprocessing(16, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def photo(height: int = 50, width: int = 70) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def old_light(photo: torch.Tensor, contrast: float, brightness: float, light: float) -> torch.Tensor:
    """The formula of the runs that are published."""
    values = photo.float()
    offset = (brightness - contrast) * float(values.mean()) if light else 0.0
    return values.mul_(contrast / 127.5).add_(offset / 127.5 - 1)


@pytest.mark.parametrize("light", [0.0, LIGHT])
def test_the_usual_preprocessing_keeps_the_published_numbers_bit_for_bit(light):
    transform = LightAndNormalise(light)
    for seed in range(20):
        torch.manual_seed(seed)
        params = transform.make_params([photo()])
        expected = old_light(photo(), params["contrast"], params["brightness"], light)
        assert torch.equal(transform.transform(photo(), params), expected)
    side, small = 16, photo()[:, :, 10:60]
    square = F.resize(small, [side, side], F.InterpolationMode.BILINEAR, antialias=True)
    for given in (side, Preprocessing(side)):
        assert torch.equal(eval_transform(given)(photo()), square.float().mul_(1 / 127.5).add_(-1))
        torch.manual_seed(1)
        found = train_transform(given)(photo())
        torch.manual_seed(1)
        assert torch.equal(found, LightAndNormalise(LIGHT)(RandomView(side)(photo())))


def test_normalised_pixels_are_those_of_the_formula_for_each_colour():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 3).expand(3, 1, 3)
    found = IMAGENET.normalise(pixels)
    assert found[0, 0].tolist() == pytest.approx([-0.485 / 0.229, (0.2 - 0.485) / 0.229, 0.515 / 0.229], abs=1e-6)
    assert found[2, 0].tolist() == pytest.approx([-0.406 / 0.225, (0.2 - 0.406) / 0.225, 0.594 / 0.225], abs=1e-6)
    assert torch.equal(IMAGENET.normalise(torch.stack([photo(), photo()]))[1], IMAGENET.normalise(photo()))
    torch.testing.assert_close(IMAGENET.normalise(photo()), F.normalize(photo() / 255, IMAGENET.mean, IMAGENET.std))
    with pytest.raises(TypeError, match="uint8"):
        IMAGENET.normalise(torch.rand(3, 4, 4))


@pytest.mark.parametrize("how", [IMAGENET, CLIP, Preprocessing(16)])
def test_pictures_of_normalised_photographs_have_the_photographs_own_colours(how):
    levels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).repeat(3, 1, 1)
    assert torch.equal(how.denormalise(how.normalise(levels)), levels)
    assert torch.equal(how.denormalise(how.normalise(levels[None]))[0], levels)
    assert how.denormalise(torch.full((3, 1, 2), 9.0)).unique().tolist() == [255]


def test_bicubic_resizing_differs_and_stays_within_the_range():
    edge = torch.zeros(3, 64, 64, dtype=torch.uint8)
    edge[:, :, 29:] = 255
    for side in (15, 23, 90):  # 90 enlarges
        cubic, linear = (CentralView(side, how)(edge) for how in ("bicubic", "bilinear"))
        exact = F.resize(edge.float(), [side, side], F.InterpolationMode.BICUBIC, antialias=True)
        assert exact.min() < -1 and exact.max() > 256  # there is something to cut off
        assert cubic[0, 0].tolist() == sorted(cubic[0, 0].tolist())  # a wrapped value would be out of order
        assert (cubic.float() - exact.clamp(0, 255)).abs().max() <= 1.5 and not torch.equal(cubic, linear)
    torch.manual_seed(0)
    views = [train_transform(IMAGENET)(photo()), eval_transform(IMAGENET)(photo())]
    low, high = (IMAGENET.normalise(torch.full((3, 1, 1), v, dtype=torch.uint8)) for v in (0, 255))
    assert all((view >= 1.2 * low).all() and (view <= 1.2 * high).all() for view in views)


def test_a_model_says_what_it_expects():
    said = {"input_size": (3, 16, 16), "mean": [0.485, 0.456, 0.406], "std": IMAGENET.std, "interpolation": "bicubic"}
    assert Preprocessing.of(SimpleNamespace(pretrained_cfg=said)) == IMAGENET
    assert Preprocessing.of(SimpleNamespace(pretrained_cfg=said), 32).size == 32
    assert Preprocessing.of(torch.nn.Linear(1, 1), 8) == Preprocessing(8)
    with pytest.raises(ValueError, match="give the size"):
        Preprocessing.of(torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"\(3, 16, 24\)"):
        Preprocessing.of(SimpleNamespace(pretrained_cfg=said | {"input_size": (3, 16, 24)}))
    with pytest.raises(ValueError, match="interpolation 'lanczos': photographs are resized bilinear or bicubic"):
        Preprocessing.of(SimpleNamespace(pretrained_cfg=said | {"interpolation": "lanczos"}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "size 0"),
        ({"size": 8, "mean": (0.5,)}, "1 means and 3 deviations"),
        ({"size": 8, "std": (0.5, 0.0, 0.5)}, "above 0"),
        ({"size": 8, "mean": (0.5, float("nan"), 0.5)}, "finite"),
        ({"mean": (0.5,) * 3}, "is not size, mean, std and interpolation"),
        ({"size": 8, "crop": 0.9}, "is not size, mean, std and interpolation"),
    ],
)
def test_values_out_of_range_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing.from_dict(values)


def test_what_is_stored_comes_back_and_older_runs_have_a_half(tmp_path):
    assert stored(tmp_path, 16) == Preprocessing(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
    (tmp_path / FILE).write_text(json.dumps(CLIP.to_dict()), encoding="utf-8")
    assert stored(tmp_path, 16) == CLIP
    with pytest.raises(ValueError, match=f"{FILE} is for 16 pixels, the run's photographs have 24"):
        stored(tmp_path, 24)
    for text in ('{"size": 16, "std": [0, 1, 1]}', "{", '{"mean": [0.5, 0.5, 0.5]}'):
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=rf"{FILE}.*put the run's own back") as raised:
            stored(tmp_path, 16)
        assert "\n" not in str(raised.value)


def test_a_set_of_photographs_is_prepared_as_asked(tiny_photos):
    asked = load("synderm", tiny_photos.root, IMAGENET)
    assert isinstance(asked, PhotoSet) and asked.image_size == 16 and asked.prepared == IMAGENET
    plain = load("synderm", tiny_photos.root, 16).photos("test")
    for in_memory in (False, True):
        item = asked.photos("test", in_memory=in_memory)[0]["image"]
        raw = CentralView(16, "bicubic")(asked.photos("test")._read(0)[0])
        assert torch.equal(item, IMAGENET.normalise(raw)) and not torch.allclose(item, plain[0]["image"], atol=0.1)
    with pytest.raises(ValueError, match="image_size 24, and a preprocessing for 16 pixels"):
        PhotoSet("x", tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, 24, preprocessing=IMAGENET)
