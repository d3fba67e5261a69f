"""The shipped model in torch is the file that the page Explore runs."""

import numpy as np
import pytest
import torch

from dermimit.explore.onnx_model import OnnxModel
from dermimit.records import read_json, write_json
from studies.shared.shipped import SHIPPED, as_input, shipped_facts, shipped_network, weights
from studies.shared.worked_case import worked_case

EIGHT_BITS = 0.02  # what rounding of activations to eight bits may move a probability of this case


@pytest.fixture(scope="module")
def answered():
    with torch.no_grad():
        return shipped_network()(as_input(worked_case().image))


def probabilities(logits, task):
    return (logits.sigmoid() if task == "attributes" else logits.softmax(-1))[0].numpy()


@pytest.mark.parametrize("before", [True, False])
def test_it_predicts_what_the_file_predicts(answered, before):
    logits, out = answered
    file = OnnxModel(SHIPPED / "model.onnx")(worked_case().image, cim=not before)
    for task, classes in shipped_facts()["classes"].items():
        found = probabilities(out[f"{task}/logits_before"] if before else logits[task], task)
        assert np.abs(found - file.answers[task].reindex(classes).to_numpy()).max() < EIGHT_BITS
    for task, chosen in file.selected.items():
        assert set(chosen) == set(out[f"{task}/selected"][0].tolist())


def test_every_parameter_comes_from_the_file():
    found = weights(SHIPPED / "model.onnx")
    for name, value in shipped_network().state_dict().items():
        if (".norm." in name and "patch_embed" in name) or ".bn" in name or "downsample.1" in name:
            continue  # folded into the convolution before it
        assert torch.equal(found[name].reshape(value.shape), value), name


def test_a_file_that_lacks_a_parameter_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "model.onnx").write_bytes((SHIPPED / "model.onnx").read_bytes())
    write_json(tmp_path / "model.json", shipped_facts())
    config = read_json(next(SHIPPED.glob("*/config.json")))
    write_json(tmp_path / "run/config.json", config | {"model": "dermimitformer_small_patch16_224"})
    with pytest.raises(ValueError, match=r"model\.onnx lacks heads.*: export the run again"):
        shipped_network(tmp_path)
