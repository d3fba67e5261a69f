"""One door for pictures: what a file holds, whatever its name, reaches a decoder of photographs or none at all."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from conftest import draw_tiny
from PIL import Image

from dermimit.cli import main
from dermimit.data.reading import FORMATS, PhotoError, open_photo, read

ROOT = Path(__file__).parents[1]
CODE = [p for part in ("dermimit", "studies", "workflow", "benchmarks", "book") for p in (ROOT / part).rglob("*.py")]
SAFE = {"JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"}
OTHER_DOORS = ("imread", "read_image", "decode_image", "decode_jpeg", "ImageFile.Parser", "Image.init", "Image.preinit")
HELD = {  # beginnings of files whose decoders run programs, or libraries made for other data
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n",
    "dos eps": b"\xc5\xd0\xd3\xc6\x1e\x00\x00\x00\x40\x00\x00\x00" + bytes(18) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "ps": b"%!PS\n/Helvetica findfont 12 scalefont setfont showpage\n",
    "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "svg": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "wmf": b"\xd7\xcd\xc6\x9a\x00\x00" + bytes(8) + b"\x60\x00" + bytes(6) + b"\x01\x00\t\x00" + bytes(40),
    "emf": b"\x01\x00\x00\x00" + bytes(36) + b" EMF" + bytes(60),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "grib": b"GRIB\x00\x00\x00\x01" + bytes(100),
    "bufr": b"BUFR\x00\x00\x00\x04" + bytes(100),
    "fits": b"SIMPLE  =                    T" + b" " * 50 + b"BITPIX  =                    8" + b" " * 50,
    "icns": b"icns" + bytes(60),
    "fli": bytes(4) + b"\x11\xaf" + bytes(122),
    "psd": b"8BPS\x00\x01" + bytes(60),
    "xpm": b'/* XPM */\nstatic char *a[] = {"1 1 1 1", "a c #000000", "a"};\n',
    "mpo of nothing": b"\xff\xd8\xff\xe2\x00\x08MPF\x00II" + bytes(20),
}  # fmt: skip
STUB = """#!/bin/sh
echo "$@" >> "{marker}"
"""


@pytest.mark.parametrize("path", CODE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_pictures_are_opened_with_a_list_of_formats(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            call, given = ast.unparse(node.func), {k.arg for k in node.keywords}
            assert call not in ("Image.open", "PIL.Image.open") or "formats" in given, ast.unparse(node)
        if isinstance(node, ast.Attribute | ast.ImportFrom):
            text = ast.unparse(node)
            assert not any(text.endswith(door) for door in OTHER_DOORS), text


def test_the_list_names_decoders_of_photographs_alone():
    assert set(FORMATS) <= SAFE


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A Ghostscript, and other programs that decoders start, first on the PATH; none may ever run."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gs", "gswin64c", "gswin32c", "rsvg-convert", "inkscape", "pdftoppm", "convert", "magick"):
        (programs / name).write_text(STUB.format(marker=tmp_path / "ran"))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # look for it anew
    assert subprocess.run(["gs", "--version"], check=True).returncode == 0 and (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    yield tmp_path
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


@pytest.mark.skipif(os.name == "nt", reason="the stubs are shell scripts")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("held", HELD)
def test_what_is_no_photograph_reaches_no_decoder(stub, monkeypatch, held, suffix):
    def trap(*_, **__):
        raise BaseExceptionGroup("a decoder of another kind was reached", [KeyboardInterrupt()])

    Image.init()
    for name, (_factory, accept) in list(Image.OPEN.items()):
        if name not in SAFE | {"MPO", "DIB"}:
            monkeypatch.setitem(Image.OPEN, name, (trap, accept))
    path = stub / f"a{suffix}"
    path.write_bytes(HELD[held])
    for look in (lambda: open_photo(path), lambda: open_photo(path, 64), lambda: open_photo(path, 64, HELD[held]),
                 lambda: read(path, white=False)):  # fmt: skip
        with pytest.raises(PhotoError, match=rf"a\{suffix}: cannot be read"):
            look()


@pytest.mark.skipif(os.name == "nt", reason="the stubs are shell scripts")
def test_no_command_starts_a_program_for_a_file(stub, capsys):
    root = stub / "photos"
    for i in range(3):
        draw_tiny(root, i)
    for name, content in HELD.items():
        (root / f"{name}.jpg").write_bytes(content)
    names = [f"{name}.jpg" for name in HELD] + [f"images/{i:02d}.png" for i in range(3)]
    (root / "manifest.csv").write_text("image,disease\n" + "".join(f"{name},acne\n" for name in names))
    (root / "table.csv").write_text("image,disease\n" + "".join(f"{name},acne\n" for name in names))
    assert main(["data", "check", str(root), "--dataset", "folder"]) == 1
    assert main(["data", "info", "folder"]) == 0
    assert main(["data", "import", str(root / "table.csv"), str(root), "--out", str(stub / "imported")]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
