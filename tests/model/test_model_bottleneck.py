"""The concept bottleneck: the disease hears of nothing but the concepts' probabilities."""

from dataclasses import replace

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer

from dermimit.data.schema import LabelSpace
from dermimit.model import ModelConfig, build, load_vit_state_dict
from dermimit.train import TrainConfig, engine, fit, load_run
from dermimit.train.losses import task_objectives

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
VIT = dict(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0)
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def small(num_classes=CLASSES, **choices):
    torch.manual_seed(0)
    config = ModelConfig(**{"lsm_k": 4, "fusion": "bottleneck"} | choices)
    return build(VisionTransformer(**VIT), num_classes, config)


@pytest.fixture
def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("several", [False, True])
def test_the_disease_is_linear_in_the_concepts_probabilities(several, images):
    model = small(several_body_parts=several)
    logits, out = model(images)
    body, marks = out["body_part/logits_before"], out["attributes/logits_before"]
    concepts = torch.cat([body.sigmoid() if several else body.softmax(1), marks.sigmoid()], 1)
    layer = model.get_classifier()["disease"]
    torch.testing.assert_close(logits["disease"], concepts @ layer.weight.T + layer.bias)
    assert layer.in_features == 12


def test_the_disease_changes_only_through_the_concepts(images):
    model = small().eval()
    before = model(images)[0]
    fixed = {task: z.detach() for task, z in before.items() if task != "disease"}
    for task, z in fixed.items():  # whatever photograph and head say, the concepts are held
        model.classifiers_before[task].register_forward_hook(lambda module, args, output, z=z: z)
    with torch.no_grad():
        for p in [*model.trunk.parameters(), *model.heads.parameters()]:
            p.add_(torch.randn_like(p))
    assert torch.equal(model(torch.randn_like(images))[0]["disease"], before["disease"])


def test_joint_training_reaches_every_parameter(images):
    model = small()
    logits, out = model(images)
    logits["disease"].square().sum().backward(retain_graph=True)
    assert model.trunk.cls_token.grad.abs().max() > 0  # the disease's loss passes through the concepts
    targets = {task: torch.softmax(torch.randn_like(z), 1) for task, z in logits.items()}
    total = sum(task_objectives(logits, out, targets, dict.fromkeys(CLASSES, 1.0), both=True)[0].values())
    once = sum(task_objectives(logits, out, targets, dict.fromkeys(CLASSES, 1.0), both=False)[0].values())
    assert torch.equal(total, once)  # one set of logits, counted once
    model.zero_grad()
    total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_names_of_the_other_fusions_remain(images):
    model = small()
    logits, out = model(images)
    assert list(logits) == list(CLASSES)
    for name in ("scores", "selected", "local_tokens"):
        assert out[f"disease/{name}"] is out[f"attributes/{name}"]
    assert "disease" not in model.heads
    features = model.forward_head(model.forward_features(images), pre_logits=True)
    assert features["disease"].shape == (2, 12)
    model.reset_classifier(CLASSES | {"disease": 2})
    assert model(images)[0]["disease"].shape == (2, 2)
    load_vit_state_dict(model, VisionTransformer(**VIT).state_dict())


@pytest.mark.parametrize("tasks", [("body_part", "disease"), ("attributes", "disease")])
def test_one_kind_of_concept_is_enough(tasks, images):
    logits, out = small({task: CLASSES[task] for task in tasks})(images)
    assert logits["disease"].shape == (2, 11)
    assert ("disease/selected" in out) == ("attributes" in tasks)


def test_clear_refusals(images):
    with pytest.raises(ValueError, match="name the disease and one of them"):
        small({"disease": 3})
    with pytest.raises(ValueError, match="name the disease and one of them"):
        small({"body_part": 3, "attributes": 4})
    with pytest.raises(ValueError, match="give at least 1 each"):
        small().reset_classifier(CLASSES | {"attributes": 0})
    with pytest.raises(ValueError, match="several_body_parts=True: only fusion='bottleneck'"):
        ModelConfig(several_body_parts=True)
    from dermimit.explain.attributions import attribution

    with pytest.raises(ValueError, match="disease has no head of its own"):
        attribution(small().eval(), images, "disease", None, "class_attention")


def test_a_run_learns_from_the_label_space_what_excludes_what(tiny_photos, tmp_path):
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, model_kwargs=MODEL,
                         fusion="bottleneck", samples=8, epochs=1, batch_size=4)  # fmt: skip
    run = load_run(fit(config))
    assert run.model.config.fusion == "bottleneck" and not run.model.config.several_body_parts
    assert {len(s) for s in run.predictions["selected"]} == {4}
    assert engine.build_model(config, replace(run.label_space, several_body_parts=True)).config.several_body_parts
    alone = engine.build_model(config, LabelSpace("bare", ("a", "b")))
    assert alone.config.fusion == "none"


def test_the_tiny_builder_takes_it():
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=CLASSES, fusion="bottleneck")
    assert model(torch.zeros(2, 3, 64, 64))[0]["disease"].shape == (2, 11)
