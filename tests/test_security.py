"""What comes from a user's files stays data: no pickle is loaded, no path leaves its folder, no name becomes markup."""

import ast
import io
import pickle
import re
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dermimit.data import ManifestError, PhotoError, folder, load
from dermimit.data.photos import open_photo, read_mask, read_photo
from dermimit.data.synderm.files import read_maps
from dermimit.explore.bundle import source
from dermimit.model.lite_weights import read_state_dict
from dermimit.train.checkpoint import CheckpointError, load_tensors
from dermimit.weights import read_weights
from studies.shared.show import show_table, show_text, without_html

ROOT = Path(__file__).parents[1]
PARTS = ("dermimit", "studies", "workflow", "benchmarks", "book")
CODE = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
EVIL = "<script>alert(1)</script>"
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
REFUSED = ("eval", "exec", "pd.read_pickle", "yaml.load", "yaml.unsafe_load")


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


# ---------------------------------------------------------------- no pickle


@pytest.mark.parametrize("path", CODE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_code_loads_no_pickle(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not PICKLERS & {name.split(".")[0] for name in names}, ast.unparse(node)
        if isinstance(node, ast.Call):
            call, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert call not in REFUSED, ast.unparse(node)
            assert call != "torch.load" or given.get("weights_only") == "True", ast.unparse(node)
            assert given.get("allow_pickle", "False") == "False", ast.unparse(node)


def test_a_pickle_in_place_of_weights_or_arrays_is_refused(tmp_path):
    torch.save({"a": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(pickle.UnpicklingError):
        read_state_dict(tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="could run code"):
        read_weights(tmp_path / "weights.pth")
    for name in ("weights.safetensors", "last.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(CheckpointError, match="not a checkpoint"):
            load_tensors(tmp_path / name)
    np.savez(tmp_path / "maps.npz", attribute_map=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_maps(tmp_path / "maps.npz")
    (tmp_path / "manifest.parquet").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ManifestError, match="not a parquet file"):
        folder.load(tmp_path)


# ---------------------------------------------------------------- bombs


def png(width: int, height: int, data: bytes = b"", more: bytes = b"") -> bytes:
    """A PNG file that claims a size, whatever it holds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("least", [None, 64])
@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 1), (20_000, 9_000)])
def test_a_picture_that_would_fill_the_memory_is_refused_before_it_does(tmp_path, size, least):
    (tmp_path / "bomb.png").write_bytes(png(*size, zlib.compress(bytes(10**6))))
    tracemalloc.start()
    try:
        with pytest.raises(PhotoError, match=r"bomb\.png.*(make it smaller|cannot be read)"):
            read_photo(tmp_path / "bomb.png", least)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    with pytest.raises(PhotoError):
        read_mask(tmp_path / "bomb.png")


def test_a_colour_profile_that_unpacks_to_gigabytes_is_refused():
    profile = b"icc\0\0" + zlib.compress(bytes(200 * 2**20), 9)
    chunk = struct.pack(">I", len(profile)) + b"iCCP" + profile + struct.pack(">I", zlib.crc32(b"iCCP" + profile))
    content = png(8, 8, zlib.compress(bytes(8 * 25)), chunk)
    tracemalloc.start()
    try:
        with suppress(PhotoError):  # the picture beside it may be read
            assert open_photo(Path("bomb.png"), None, content).size == (8, 8)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [b"100000 100000", b"99999999999 1", b"13000 13000"])
def test_a_bitmap_of_text_that_claims_to_be_gigantic_is_refused(size):
    with pytest.raises(PhotoError, match="cannot be read"):
        open_photo(Path("bomb.jpg"), None, b"P6\n" + size + b"\n255\n" + bytes(1000))


def test_text_that_unpacks_to_gigabytes_is_refused(tmp_path):
    text = b"Comment\0\0" + zlib.compress(bytes(200 * 2**20), 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    with pytest.raises(PhotoError, match="cannot be read"):
        open_photo(Path("bomb.png"), None, png(8, 8, zlib.compress(bytes(8 * 25)), chunk))
    plain = open_photo(Path("fine.png"), None, png(8, 8, zlib.compress(bytes(8 * 25))))
    assert plain.size == (8, 8)


# ---------------------------------------------------------------- paths


def with_manifest(root: Path, image: str) -> Path:
    """A folder of one photograph, whose manifest names another file."""
    inside = root / "inside"
    inside.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(root / "secret.png")
    Image.new("RGB", (8, 8)).save(inside / "a.png")
    (inside / "manifest.csv").write_text(f"image,disease,mask\na.png,acne,{image}\n{image},acne,\n")
    return inside


@pytest.mark.parametrize(
    "image", ["../secret.png", "b/../../secret.png", "/etc/passwd", "C:/secret.png", "..\\secret.png", "//host/a.png"]
)
def test_a_manifest_cannot_name_a_file_outside_its_folder(tmp_path, image):
    root = with_manifest(tmp_path, image)
    with pytest.raises(ManifestError, match=r"row 2, column mask[\s\S]*dataset's folder") as error:
        load("folder", root, 16)
    assert "row 3, column image" in str(error.value)


@pytest.mark.filterwarnings("ignore:.*a link is not followed")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_of_the_folder_is_refused(tmp_path, what):
    root = with_manifest(tmp_path, "link.png" if what == "file" else "link/secret.png")
    (root / ("link.png" if what == "file" else "link")).symlink_to(tmp_path / ("secret.png" if what == "file" else "."))
    with pytest.raises(ManifestError, match="a link leads out of the dataset's folder"):
        load("folder", root, 16)


# ---------------------------------------------------------------- markup


@pytest.fixture
def shown(monkeypatch):
    """What notebooks would show."""
    outputs = []
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: outputs.append(data))
    return outputs


def test_a_disease_named_like_a_script_is_shown_as_text(shown):
    show_table(pd.DataFrame({EVIL: [EVIL]}, index=pd.Index([EVIL], name="row")), index=True)
    show_text(f"**{EVIL}** and <img src=x onerror=alert(1)> but 0.1 < p and `<b>`\n\n```bash\ncat <b >c\n```")
    table, text = shown
    assert EVIL not in table["text/html"] and "&lt;script&gt;" in table["text/html"]
    assert text["text/markdown"].startswith("**&lt;script>alert(1)&lt;/script>** and &lt;img src=x")
    assert "0.1 < p and `<b>`" in text["text/markdown"] and "cat <b >c" in text["text/markdown"]


def test_text_without_html_is_left_alone():
    text = "a < b, 3<4, `x<y`, [link](a.md) and **bold**, &lt;md5>.jpg\n\n- one"
    assert without_html(text) == text


def test_the_browser_s_code_makes_no_markup_of_text():
    scripts = sorted((ROOT / "dermimit").rglob("*.js"))
    assert scripts
    for path in scripts:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
        )
        assert not found, path.name
    assert "textContent" in source("explorer.js")


def test_a_figure_takes_a_name_like_a_script(tmp_path):
    import matplotlib.pyplot as plt

    from dermimit.explain.style import pretty

    figure, axis = plt.subplots()
    axis.barh([pretty(EVIL)], [1.0])
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    assert "<script>" not in file.getvalue()
