"""Shared by all tests: array shapes and types are checked at run time where they are stated; a tiny dataset on disk."""

import gc
import os
import shutil
import sysconfig
from copy import deepcopy
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the first import that reads it; tests run on all cores already

import numpy as np
import pandas as pd
import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook
from PIL import Image

typecheck = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int will do for a float
ROOT = Path(__file__).parents[1]
FILES = [path for name in ("dermimit", "studies") for path in (ROOT / name).rglob("*.py")]
SHAPED = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES if "jaxtyping" in path.read_text()]
install_import_hook(SHAPED, "conftest.typecheck")  # before the first import; all modules would take 1.7 times as long
gc.set_threshold(700, 10, 1000)  # a walk through all objects of torch and pandas takes a quarter of a second


def pytest_configure(config: pytest.Config) -> None:
    """Tests use few photographs, and are not told that little can be measured with them."""
    config.addinivalue_line("filterwarnings", "ignore::dermimit.data.measurable.SmallDataWarning")


def pytest_collection_finish() -> None:
    """From here on garbage is not looked for in what the imports made: at the end pytest looks five times."""
    import hypothesis  # noqa: F401  (asks who refers to generators, and sees none that are frozen)

    gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One process for tests of a single file, since it starts sooner; else one for each core."""
    (name, *others) = {argument.split("::")[0] for argument in config.args}
    return 0 if Path(name).is_file() and not others else None


def no_sync(handle: int) -> None:
    """In place of `os.fsync`: files of tests need not survive a loss of power, and a busy disk makes tests wait."""
    os.fstat(handle)  # a wrong handle is an error here too


os.fsync = no_sync


HEADER = Path(sysconfig.get_path("include"), "Python.h")
needs_compiler = pytest.mark.skipif(
    not (shutil.which(os.environ.get("CXX", "g++")) and HEADER.exists()),
    reason="torch.compile needs g++ and Python's headers",
)

DISEASES, BODY_PARTS = ("acne", "eczema", "psoriasis"), ("arm", "leg")
ATTRIBUTES = ("papule", "plaque", "scale", "crust")
COLOURS = {"acne": (200, 60, 60), "eczema": (60, 200, 60), "psoriasis": (60, 60, 200)}
SPLIT_OF_GROUP = ("train", "train", "val", "test")


def tiny_row(i: int) -> dict:
    """Row i of 12: each disease is in each split; rows 0 and 9 lack labels, row 1 one attribute, row 4 its mask."""
    disease = DISEASES[i % 3]
    return {
        "image": f"images/{i:02d}.png",
        "disease": disease if i != 9 else None,
        "body_part": BODY_PARTS[i % 2] if i else None,
        "attributes": None if i == 0 else [ATTRIBUTES[i % 3], "crust"] if i % 4 == 2 else [ATTRIBUTES[i % 3]],
        "attributes_unknown": ["crust"] if i == 1 else None,
        "mask": f"masks/{i:02d}.png" if i != 4 else None,
        "patient_id": f"P{i // 3}{i % 2}",
        "fitzpatrick": i % 6 + 1,
        "split": SPLIT_OF_GROUP[i // 3],
    }


def draw_tiny(root: Path, i: int) -> None:
    """A 40 x 32 photo of noisy skin with a square in the disease's colour, and the square's mask."""
    photo = np.random.default_rng(i).integers(150, 170, (32, 40, 3), dtype=np.uint8)
    mask = np.zeros((32, 40), np.uint8)
    mask[4:18, 6:20] = 255
    photo[mask > 0] = COLOURS[DISEASES[i % 3]]
    for folder, pixels in (("images", photo), ("masks", mask)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / folder / f"{i:02d}.png")


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 photos, to be copied."""
    from dermimit.data.label_space import LabelSpace
    from dermimit.data.stored import save_dataset

    root = tmp_path_factory.mktemp("drawn") / "tiny"
    for i in range(12):
        draw_tiny(root, i)
    save_dataset(
        root, pd.DataFrame([tiny_row(i) for i in range(12)]), LabelSpace("tiny", DISEASES, BODY_PARTS, ATTRIBUTES)
    )
    return root


@pytest.fixture(scope="session")
def read_once(drawn_once: Path):
    """Manifest and label space of that folder."""
    from dermimit.data.stored import load_dataset

    return load_dataset(drawn_once)


@pytest.fixture
def tiny_photos(tmp_path: Path, drawn_once: Path, read_once):
    """A `PhotoSet` of 12 photos, used at 16 pixels; `load("synderm", tiny_photos.root, 16)` reads it too."""
    from dermimit.data import PhotoSet

    root = Path(shutil.copytree(drawn_once, tmp_path / "tiny"))
    frame, label_space = deepcopy(read_once)
    return PhotoSet("tiny", frame, label_space, root, image_size=16)


def far_from_its_start(classes, **shape):
    """The small model, its weights moved far from how a network begins."""
    import timm
    import torch

    import dermimit.model  # noqa: F401  (registers the builders)

    torch.manual_seed(0)
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=classes, **shape).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
