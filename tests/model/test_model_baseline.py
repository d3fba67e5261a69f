"""Backbones of timm with DermImitFormer's interface, in the training loop and by themselves."""

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay

from dermimit.explain import attributions
from dermimit.model import Baseline
from dermimit.predict import predict_photo
from dermimit.train import TrainConfig, engine, fit, load_run
from dermimit.train.losses import task_objectives

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
PUBLISHED = ["resnet50", "efficientnet_b0", "vit_small_patch16_224", "deit_small_patch16_224",
             "swin_tiny_patch4_window7_224", "mobilenetv3_small_100"]  # fmt: skip
TINY = ["test_resnet", "test_vit", "test_efficientnet"]


def create(backbone="test_resnet", **kwargs):
    torch.manual_seed(0)
    return timm.create_model("baseline", **{"backbone": backbone, "img_size": 64, "num_classes": CLASSES} | kwargs)


@pytest.mark.parametrize("backbone", PUBLISHED)
def test_published_backbones_work_at_64_pixels(backbone):
    model = create(backbone).eval()
    with torch.no_grad():
        logits, out = model(torch.zeros(2, 3, 64, 64))
    assert {task: tuple(z.shape) for task, z in logits.items()} == {task: (2, n) for task, n in CLASSES.items()}
    assert out["features"].shape == (2, model.num_features)
    assert model.grid_size == ((4, 4) if "patch16" in backbone else (2, 2))


@pytest.mark.parametrize("backbone", TINY)
def test_interface(backbone):
    model, images = create(backbone, lsm=False, fusion="none"), torch.randn(4, 3, 64, 64)
    logits, out = model(images)
    assert isinstance(model, Baseline) and model.tasks == tuple(CLASSES) and model.config.fusion == "none"
    for task, z in logits.items():
        assert out[f"{task}/logits_before"] is z and out[f"{task}/enhanced"] is out["features"]
    targets = {task: torch.softmax(torch.randn_like(z), 1) for task, z in logits.items()}
    objectives, losses = task_objectives(logits, out, targets, dict.fromkeys(CLASSES, 1.0), both=True)
    total = sum(objectives.values())
    torch.testing.assert_close(total, sum(losses.values()))
    total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert ("trunk.pos_embed" in model.no_weight_decay()) == ("vit" in backbone)
    features = model.forward_head(model.forward_features(images), pre_logits=True)
    assert features["disease"].shape == (4, model.num_features)
    model.reset_classifier(CLASSES | {"disease": 2})
    assert model.get_classifier()["disease"].out_features == 2


@pytest.mark.parametrize("backbone", TINY)
def test_layer_groups_are_the_backbone_s(backbone):
    model = create(backbone)
    scale = {p: g["lr_scale"] for g in param_groups_layer_decay(model, layer_decay=0.5) for p in g["params"]}
    alone = timm.create_model(backbone, num_classes=0, **({"img_size": 64} if "vit" in backbone else {}))
    reference = {p: g["lr_scale"] for g in param_groups_layer_decay(alone, layer_decay=0.5) for p in g["params"]}
    order = {name: reference[p] for name, p in alone.named_parameters()}
    ours = {name[6:]: scale[p] for name, p in model.named_parameters() if name.startswith("trunk.")}
    assert len(set(ours.values())) > 3
    for a in ours:
        for b in ours:
            assert (ours[a] < ours[b]) <= (order[a] <= order[b])


def test_the_same_photograph_reaches_the_backbone_as_its_weights_expect():
    model = create("test_vit").eval()
    seen = []
    model.trunk.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model(torch.full((1, 3, 64, 64), 0.2))  # 0.6 in [0, 1]
    config = model.trunk.pretrained_cfg
    expected = (0.6 - torch.tensor(config["mean"])) / torch.tensor(config["std"])
    torch.testing.assert_close(seen[0][0, :, 0, 0], expected)
    assert not any(name in ("mean", "std") for name in model.state_dict())


def test_pretrained_goes_through_timms_loader(tmp_path):
    alone = timm.create_model("test_resnet")
    torch.save(alone.state_dict(), tmp_path / "weights.pth")
    model = create(pretrained=True, pretrained_cfg_overlay={"file": str(tmp_path / "weights.pth")})
    torch.testing.assert_close(model.trunk.conv1[0].weight, alone.conv1[0].weight)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_it_trains_in_the_loop_and_loads_again(backbone, tiny_photos, tmp_path):
    def config(out, **changes):
        defaults = dict(image_size=32, samples=8, epochs=2, batch_size=4, lsm=False, fusion="none")
        kwargs = {"backbone": backbone, "img_size": 32}
        return TrainConfig(data_root=tiny_photos.root, out=tmp_path / out, model="baseline", model_kwargs=kwargs,
                           **defaults | changes)  # fmt: skip

    run = load_run(fit(config("first")))
    assert isinstance(run.model, Baseline)
    assert set(run.predictions["split"]) == {"val", "test"} and "selected" not in run.predictions
    second = engine.build_model(config("second", start_from=str(run.path)), run.label_space)
    assert all(torch.equal(value, run.model.state_dict()[name]) for name, value in second.state_dict().items())
    prediction = predict_photo(run, tiny_photos.root / "images" / "00.png")
    assert set(prediction.answers) == {"body_part", "attributes", "disease"} and prediction.selected == {}


def test_occlusion_needs_no_patches():
    maps = attributions.attribution(create().eval(), torch.randn(2, 3, 64, 64), "disease", None, "feature_ablation")
    assert maps.map.shape == (2, 64, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lsm": True}, "lsm=True.*use lsm=False"),
        ({"fusion": "cim"}, "fusion='cim'.*fusion='none'"),
        ({"lsm_k": 4}, "lsm_k is an option of DermImitFormer"),
        ({"zoom": True}, "zoom is an option of DermImitFormer"),
        ({"backbone": "resnet_50"}, "backbone='resnet_50' is no model of timm"),
        ({"backbone": "baseline"}, "backbone='baseline' is no model of timm"),
        ({"backbone": "dermimitformer_tiny_patch8_64"}, "is no model of timm"),
        ({"num_classes": {"diagnosis": 3}}, "unknown task 'diagnosis'"),
    ],
)
def test_clear_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        create(**arguments)


def test_wrong_images_and_classes_are_refused():
    model = create()
    with pytest.raises(ValueError, match="model expects"):
        model(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="give a class count for each"):
        model.reset_classifier(3)
    with pytest.raises(ValueError, match="keeps the pooling"):
        model.reset_classifier(CLASSES, "avg")
    assert create(num_classes=4).num_classes == {"disease": 4}
