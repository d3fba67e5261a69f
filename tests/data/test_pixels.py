"""Bits, colour profiles and formats of photographs: the same look from every file, and a word where it is guessed."""

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from dermimit.data import reading
from dermimit.data.duplicates import look_at
from dermimit.data.photos import read_mask, read_photo
from dermimit.data.reading import PhotoError

GREY = np.linspace(3, 250, 96).round().astype(np.uint16).reshape(8, 12)
COLOURS = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], -1)


def said(path: Path) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_photo(path)
    return [str(w.message) for w in caught]


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_fewer_bits_than_sixteen_are_scaled_to_full_range_and_said(tmp_path, bits, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(GREY << (bits - 8)).save(path)
    assert any("fewer bits" in text for text in said(path))
    with pytest.warns(UserWarning, match="data check"):
        assert (read_photo(path)[0].numpy() == GREY).all()
    assert any("fewer bits" in note for note in look_at(path).notes)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_not_guessed_at(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(GREY * 257).save(path)
    assert not said(path) and (read_photo(path)[0].numpy() == GREY).all()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)
    assert not said(path) and not read_photo(path).any()


def deep_png(values: np.ndarray, colour_type: int) -> bytes:
    """A PNG file of 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_tiff(values: np.ndarray, order: str) -> bytes:
    """An uncompressed TIFF file of 16-bit RGB; `order`: "<" or ">"."""
    height, width = values.shape[:2]
    data = values.astype(f"{order}u2").tobytes()
    tags = [(256, width), (257, height), (258, 8 + len(data)), (259, 1), (262, 2), (273, 8), (277, 3), (278, height)]
    tags += [(279, len(data))]
    out = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(data) + 6) + data
    out += struct.pack(f"{order}3H", 16, 16, 16) + struct.pack(f"{order}H", len(tags))
    for tag, value in tags:
        kind, count = (3, 3) if tag == 258 else (4, 1)
        out += struct.pack(f"{order}HHII", tag, kind, count, value)
    return out + struct.pack(f"{order}I", 0)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("kind", ["png", "png with alpha", "little tiff", "big tiff"])
def test_deep_colours_keep_all_their_levels(tmp_path, bits, kind):
    values = COLOURS * 257 if bits == 16 else COLOURS << (bits - 8)
    path = tmp_path / ("x.png" if kind.startswith("png") else "x.tif")
    if kind == "png with alpha":
        path.write_bytes(deep_png(np.concatenate([values, np.full((8, 12, 1), 65535)], 2), 6))
    else:
        path.write_bytes(deep_png(values, 2) if kind == "png" else deep_tiff(values, "<" if kind[0] == "l" else ">"))
    assert bool(said(path)) == (bits < 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (read_photo(path).permute(1, 2, 0).numpy() == COLOURS).all()


def test_a_mask_of_sixteen_bits_with_two_low_levels_is_a_mask(tmp_path):
    Image.fromarray(np.array([[0, 1, 0]], np.uint16)).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[[0, 1, 0]]]


# ---------------------------------------------------------------- colour profiles

CURVE = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
ADOBE = {"rXYZ": (0.60974, 0.31111, 0.01947), "gXYZ": (0.20528, 0.62567, 0.06087), "bXYZ": (0.14919, 0.06322, 0.74457)}
WHITE = (0.9642, 1.0, 0.8249)


def profile(space: bytes = b"RGB ") -> bytes:
    """A profile of version 2 with gamma 2.2: of Adobe RGB, or grey."""

    def xyz(values) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(12 + 67)
    tags = {b"desc": text, b"wtpt": xyz(WHITE), b"cprt": b"text" + bytes(4) + b"none\0"}
    if space == b"GRAY":
        tags[b"kTRC"] = CURVE
    else:
        tags |= {name.encode(): xyz(v) for name, v in ADOBE.items()} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), CURVE)
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(struct.pack(">i", round(v * 65536)) for v in WHITE)
    return header + bytes(128 - len(header)) + table + data


SKIN = np.full((16, 16, 3), (200, 150, 120), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_the_colours_of_adobe_rgb_become_those_of_srgb(tmp_path, suffix):
    more = {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "jpg" else {}
    Image.fromarray(SKIN).save(tmp_path / f"x.{suffix}", icc_profile=profile(), **more)
    red, green, blue = read_photo(tmp_path / f"x.{suffix}")[:, 4, 4].tolist()
    # by hand: linear = (v/255)^2.2; Adobe RGB to sRGB is red 1.398 R - 0.398 G, green G, blue -0.043 G + 1.043 B
    linear = (np.array([200, 150, 120]) / 255) ** 2.2
    wanted = np.array([1.398 * linear[0] - 0.398 * linear[1], linear[1], -0.043 * linear[1] + 1.043 * linear[2]])
    wanted = 255 * (1.055 * wanted ** (1 / 2.4) - 0.055)
    assert [red, green, blue] == pytest.approx(wanted.tolist(), abs=3) and red > 210


def test_a_profile_of_srgb_changes_nothing_and_a_broken_one_is_said(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(COLOURS.astype(np.uint8)).save(tmp_path / "s.png", icc_profile=srgb)
    assert (read_photo(tmp_path / "s.png").permute(1, 2, 0).numpy() == COLOURS).all() and not said(tmp_path / "s.png")
    for number, broken in enumerate((b"nonsense", srgb[:200], profile(b"GRAY"))):
        path = tmp_path / f"{number}.png"
        Image.fromarray(COLOURS.astype(np.uint8)).save(path, icc_profile=broken)
        assert any("colour profile" in text for text in said(path))
        assert (look_at(path).notes[0]).startswith("have a colour profile")
        with pytest.warns(UserWarning):
            assert (read_photo(path).permute(1, 2, 0).numpy() == COLOURS).all()


def test_a_grey_profile_is_applied_to_a_grey_photo(tmp_path):
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "g.png", icc_profile=profile(b"GRAY"))
    photo = read_photo(tmp_path / "g.png").numpy()
    linear = (GREY / 255) ** 2.2
    wanted = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert abs(photo[0] - wanted).max() < 3 and not said(tmp_path / "g.png")


# ---------------------------------------------------------------- formats


def content(image: Image.Image, kind: str, **more) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


SCENE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)).resize((64, 48))


@pytest.fixture
def heif():
    return pytest.importorskip("pillow_heif")


def heic(library) -> bytes:
    library.register_heif_opener()
    return content(SCENE, "HEIF", quality=95)


@pytest.mark.parametrize("name", ["x.heic", "x.HEIC", "x.heif", "x.jpg"])
def test_heic_is_read_whatever_the_name(tmp_path, heif, name):
    (tmp_path / name).write_bytes(heic(heif))
    assert abs(read_photo(tmp_path / name).permute(1, 2, 0).numpy() - np.asarray(SCENE, int)).mean() < 8


def test_without_its_library_heic_is_refused_with_what_to_install(tmp_path, heif, monkeypatch):
    (tmp_path / "x.jpg").write_bytes(heic(heif))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r'x\.jpg: .*HEIC.*pip install "dermimit\[heic\]"'):
        read_photo(tmp_path / "x.jpg")


@pytest.mark.skipif("AVIF" not in reading.FORMATS, reason="this Pillow reads no AVIF")
def test_avif_jfif_and_the_first_of_several_pictures(tmp_path):
    (tmp_path / "x.avif").write_bytes(content(SCENE, "AVIF", quality=95))
    (tmp_path / "x.jfif").write_bytes(content(SCENE, "JPEG", quality=95))
    black = Image.new("RGB", SCENE.size)
    for kind in ("TIFF", "WEBP", "PNG"):
        file = content(
            SCENE, kind, save_all=True, append_images=[black], **({"lossless": True} if kind == "WEBP" else {})
        )
        (tmp_path / f"x.{kind.lower()}").write_bytes(file)
    for path in tmp_path.iterdir():
        assert abs(read_photo(path).permute(1, 2, 0).numpy() - np.asarray(SCENE, int)).mean() < 8, path


OTHERS = {
    "GIF": content(SCENE, "GIF"),
    "JPEG 2000": content(SCENE, "JPEG2000"),
    "drawing program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "PDF, a drawing": b"%PDF-1.7\n",
    "SVG, a drawing": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
    "DICOM": bytes(128) + b"DICM" + bytes(50),
    "videos": b"\0\0\0\x18ftypqt  " + bytes(30),
    "archives": b"PK\x03\x04" + bytes(40),
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a web page": b"<!DOCTYPE html><html>404</html>",
    "text": b"not found\n",
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("from_bytes", [False, True])
def test_a_file_of_another_kind_under_the_name_of_a_photo_is_refused_by_its_kind(tmp_path, kind, from_bytes):
    path = tmp_path / "x.jpg"
    path.write_bytes(OTHERS[kind])
    word = {"PDF, a drawing": "drawing", "SVG, a drawing": "drawing"}.get(kind, kind)
    with pytest.raises(PhotoError, match=rf"x\.jpg: cannot be read \(it holds .*{word}") as caught:
        reading.open_photo(path, None, path.read_bytes() if from_bytes else None)
    assert "\n" not in str(caught.value)


def test_no_decoder_of_drawings_or_data_ever_sees_a_file(tmp_path, monkeypatch):
    Image.init()
    tried: list[str] = []
    for name in [n for n in Image.OPEN if n not in (*reading.FORMATS, "HEIF")]:
        monkeypatch.setitem(
            Image.OPEN, name, (lambda *a, n=name: tried.append(n), lambda prefix, n=name: tried.append(n))
        )
    for number, data in enumerate(OTHERS.values()):
        (tmp_path / f"{number}.jpg").write_bytes(data)
        with pytest.raises(PhotoError):
            read_photo(tmp_path / f"{number}.jpg")
    assert not tried


def test_camera_raw_is_refused_though_its_preview_could_be_read(tmp_path):
    SCENE.save(tmp_path / "x.dng", format="TIFF")
    with pytest.raises(PhotoError, match="camera raw"):
        read_photo(tmp_path / "x.dng")
