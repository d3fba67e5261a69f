"""A finished run of the twelve tiny photographs, trained once for all tests of a module."""

import pandas as pd
import pytest
from conftest import ATTRIBUTES, BODY_PARTS, DISEASES, draw_tiny, tiny_row

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def train(root, out, **changes):
    from dermimit.data.label_space import LabelSpace
    from dermimit.data.stored import save_dataset
    from dermimit.train import TrainConfig, fit

    for i in range(12):
        draw_tiny(root, i)
    space = LabelSpace("tiny", DISEASES, BODY_PARTS, ATTRIBUTES)
    save_dataset(root, pd.DataFrame([tiny_row(i) for i in range(12)]), space)
    shape = dict(image_size=16, model_kwargs=MODEL, samples=8, epochs=1, batch_size=4)
    return fit(TrainConfig(data_root=root, out=out, **(shape | changes)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the run lies, `run`, beside its photographs, `tiny/images`."""
    root = tmp_path_factory.mktemp("predict")
    train(root / "tiny", root / "run")
    return root


@pytest.fixture(scope="module")
def run(folder):
    from dermimit.train import load_run

    return load_run(folder / "run")
