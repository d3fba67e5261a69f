"""What users of timm do with any model: data configuration, feature maps, classifiers, checkpoints, validation."""

import copy
import logging

import numpy as np
import pytest
import timm
import timm.data
import torch
from PIL import Image
from timm.models import load_checkpoint, save_for_hf
from timm.optim import param_groups_layer_decay
from timm.utils import ModelEmaV3, accuracy
from torch.nn import functional as F

from dermimit.data.photos import read_photo
from dermimit.data.transforms import eval_transform, least_side
from dermimit.train import TrainConfig, fit, load_run

TINY = "dermimitformer_tiny_patch8_64"
CLASSES = {"body_part": 4, "attributes": 5, "disease": 3}
SMALL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def tiny(**arguments):
    torch.manual_seed(0)
    return timm.create_model(TINY, **{"num_classes": CLASSES} | SMALL | arguments).eval()


@pytest.fixture
def images():
    return torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        (TINY, {}, (3, 64, 64)),
        (TINY, {"img_size": 96}, (3, 96, 96)),
        (TINY, {"img_size": (64, 96), "in_chans": 1}, (1, 64, 96)),
        ("dermimitformer_small_patch16_224", {}, (3, 224, 224)),
        ("dermimitformer_base_patch16_384", {}, (3, 384, 384)),
        ("dermimitformer_lite0_stem_224", {"img_size": 64, "lsm_k": 4}, (3, 64, 64)),
        ("baseline", {"backbone": "test_resnet", "img_size": 32}, (3, 32, 32)),
    ],
)
def test_timm_prepares_photographs_as_the_model_was_trained_with(name, arguments, size, caplog):
    with torch.device("meta" if "base_" in name else "cpu"), caplog.at_level(logging.WARNING, logger="timm"):
        model = timm.create_model(name, num_classes=3, **arguments)
        timm.models.resolve_pretrained_cfg(name)
    assert not caplog.records
    half = (0.5,) * size[0]
    expected = {"input_size": size, "mean": half, "std": half, "interpolation": "bilinear", "crop_pct": 1.0}
    assert timm.data.resolve_model_data_config(model) == expected | {"crop_mode": "center"}
    assert model.default_cfg is model.pretrained_cfg
    assert model.pretrained_cfg["architecture"] == name and model.pretrained_cfg["num_classes"] == 3
    assert isinstance(model.get_submodule(model.pretrained_cfg["first_conv"]), torch.nn.Conv2d)
    assert model.get_submodule(model.pretrained_cfg["classifier"]) is model.get_classifier()["disease"]


def test_timms_transform_gives_the_pixels_of_ours(tmp_path):
    y, x = np.mgrid[:90, :120] / 90
    photo = np.stack([127 + 100 * np.sin(6 * x), 127 + 100 * np.cos(5 * y), 200 * x * y / 1.4], axis=2)
    Image.fromarray(photo.astype(np.uint8)).save(tmp_path / "photo.png")
    config = timm.data.resolve_model_data_config(timm.create_model(TINY, num_classes=3))
    theirs = timm.data.create_transform(**config)(Image.open(tmp_path / "photo.png"))
    ours = eval_transform(64)(read_photo(tmp_path / "photo.png", least_side(64)))
    assert theirs.shape == ours.shape and (theirs - ours).abs().max() < 0.04  # of a range of 2: cut and resized in turn
    assert (theirs - ours).abs().mean() < 0.01


def test_feature_maps_are_those_of_the_trunk(images):
    features = tiny(depth=4, head_depth=1, features_only=True).eval()
    assert [tuple(f.shape) for f in features(images)] == [(3, 24, 4, 4)] * 3
    assert features.feature_info.channels() == [24] * 3 and features.feature_info.reduction() == [4] * 3
    assert features.pretrained_cfg["input_size"] == (3, 16, 16) and "classifier" not in features.pretrained_cfg
    model = tiny(depth=4, head_depth=1)
    one = tiny(depth=4, head_depth=1, features_only=True, out_indices=(-1,)).eval()(images)[0]
    tokens = model.forward_features(images)["tokens"][:, 1:]
    torch.testing.assert_close(one.flatten(2).transpose(1, 2), tokens)
    final, maps = model.forward_intermediates(images)
    torch.testing.assert_close(final[:, 1:], tokens)
    torch.testing.assert_close(maps[-1], one)
    assert [info["module"] for info in model.feature_info] == [f"trunk.blocks.{i}" for i in range(3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lsm_kk": 3}, f"{TINY}: unknown argument 'lsm_kk'; did you mean 'lsm_k'"),
        ({"dropp_rate": 0.1}, "unknown argument 'dropp_rate'; did you mean 'drop_rate'"),
        ({"dynamic_img_size": True}, "unknown argument 'dynamic_img_size'"),
        ({"img_size": 18}, "img_size=18 is no multiple of the 4 pixels of a patch: choose 16 or 20"),
        ({"img_size": (16, 16, 3)}, r"img_size=\(16, 16, 3\): give a whole number of pixels, or height and width"),
        ({"img_size": 64.0}, "img_size=64.0: give a whole number"),
        ({"patch_size": (4, 8)}, r"patch_size=\(4, 8\) must be a power of two"),
        ({"embed_dim": 25}, "embed_dim=25 is no multiple of num_heads=3"),
        ({"depth": 0}, "depth=0: give a whole number above 0"),
        ({"global_pool": "avg"}, "global_pool='avg'"),
        ({"num_classes": 3.5}, "num_classes=3.5: give a number"),
        ({"features_only": True, "out_indices": (0, 4)}, "out_indices=.*has 1 blocks"),
        ({"features_only": True, "feature_cls": "hook"}, "feature_cls='hook'"),
        ({"task": "disease", "num_classes": {"attributes": 4}}, "task='disease': num_classes has attributes"),
        ({"other_classes": {"attributes": 4}}, "other_classes=.*give it with task"),
        ({"class_tokens": "per_task", "reg_tokens": 2}, "reg_tokens=2: with class_tokens='per_task'"),
        ({"mlp_ratio": "wide"}, "timm's VisionTransformer refuses"),
        ({"pretrained": True}, "has no pretrained weights"),
    ],
)
def test_arguments_that_do_not_fit_are_named_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as raised:
        tiny(**arguments)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_had_says_what_can(images):
    with pytest.raises(NotImplementedError, match=r"torch\.jit\.trace"), pytest.warns(FutureWarning):
        torch.jit.script(tiny())
    with pytest.raises(NotImplementedError, match="dermimit export"), pytest.warns(FutureWarning):
        torch.jit.script(tiny().as_classifier("disease"))
    with pytest.raises(ValueError, match="timm has it"):
        timm.create_model("baseline", backbone="test_resnet", features_only=True)
    with pytest.raises(ValueError, match=r"drop_rat.*did you mean 'drop_rate'"):
        timm.create_model("baseline", backbone="test_vit", drop_rat=0.1)
    with pytest.raises(ValueError, match="no multiple of the 16 pixels of a patch of test_vit"):
        timm.create_model("baseline", backbone="test_vit", img_size=40)
    with pytest.raises(ValueError, match="there are no such weights"):
        timm.create_model("dermimitformer_small_patch16_224.in99k", num_classes=2)
    with pytest.raises(ValueError, match="images have 1 channels, the model expects 3"):
        tiny()(images[:, :1])


def test_a_loss_on_the_pair_that_a_model_gives_says_what_to_take(images):
    targets = torch.tensor([0, 1, 2])
    baseline = timm.create_model("baseline", backbone="test_vit", img_size=16, num_classes=3)
    for model in (tiny(), tiny(lsm_k=2, zoom=True), baseline.eval()):
        for loss in (F.cross_entropy, torch.nn.CrossEntropyLoss(), torch.softmax, torch.argmax):
            with pytest.raises(TypeError, match=r"logits by task .*disease.*logits\['disease'\].*as_classifier"):
                loss(model(images), targets if loss not in (torch.softmax, torch.argmax) else 1)
    with torch.no_grad():
        logits, _out = answer = model(images)
    assert isinstance(answer, tuple) and F.cross_entropy(logits["disease"], targets) > 0
    again = copy.deepcopy(answer)
    torch.testing.assert_close(again[0], logits)
    halves = torch.utils._pytree.tree_map(lambda value: value / 2, answer)
    torch.testing.assert_close(halves[0]["disease"] * 2, logits["disease"])


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("choices", [{}, {"fusion": "none"}, {"fusion": "bottleneck"}])
def test_one_task_alone_is_a_tensor_with_the_models_numbers(task, choices, images):
    model = tiny(**choices)
    alone = model.as_classifier(task)
    torch.testing.assert_close(alone(images), model(images)[0][task])
    assert alone.num_classes == alone.pretrained_cfg["num_classes"] == CLASSES[task]
    features = alone.forward_head(alone.forward_features(images), pre_logits=True)
    assert features.shape == (3, alone.num_features) and alone.head_hidden_size == model.head_hidden_size[task]
    torch.testing.assert_close(alone.get_classifier()(features), alone(images))
    assert alone.get_classifier() is model.get_submodule(alone.pretrained_cfg["classifier"])
    assert alone.state_dict().keys() == model.state_dict().keys()
    with pytest.raises(ValueError, match="the model has body_part, attributes, disease"):
        model.as_classifier("diagnosis")


def test_a_classifier_is_copied_averaged_reset_and_grouped_like_any_model(images):
    alone = tiny().as_classifier("disease")
    copied = copy.deepcopy(alone)
    for p in copied.parameters():
        p.data.zero_()
    assert copied(images).abs().max() == 0 < alone(images).abs().max()
    copied.load_state_dict(alone.state_dict())
    torch.testing.assert_close(copied(images), alone(images))
    ModelEmaV3(alone).update(alone)
    scale = {p: g["lr_scale"] for g in param_groups_layer_decay(alone, 0.05, layer_decay=0.5) for p in g["params"]}
    by_name = {name: scale[p] for name, p in alone.named_parameters()}
    order = ["model.trunk.pos_embed", "model.heads.disease.blocks.0.mlp.fc1.weight",
             "model.classifiers_after.disease.weight"]  # fmt: skip
    assert [by_name[name] for name in order] == sorted(by_name[name] for name in order)
    assert len(set(by_name.values())) > 3
    assert "model.trunk.pos_embed" in alone.no_weight_decay()
    kept = alone.model.classifiers_after["attributes"].weight.clone()
    alone.reset_classifier(7)
    assert alone(images).shape == (3, 7) and alone.num_classes == alone.pretrained_cfg["num_classes"] == 7
    torch.testing.assert_close(alone.model.classifiers_after["attributes"].weight, kept)


def test_a_classifier_goes_through_timms_folders_and_back(images, tmp_path):
    for number, arguments in enumerate(({}, {"num_classes": 3})):
        alone = tiny(**arguments).as_classifier("disease")
        save_for_hf(alone, tmp_path / str(number), safe_serialization=True)
        again = timm.create_model(f"local-dir:{tmp_path / str(number)}", pretrained=True).eval()
        torch.testing.assert_close(again(images), alone(images))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # of timm
def test_a_run_is_validated_as_timms_script_does(tiny_photos, tmp_path):
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=32, samples=4, epochs=1,
                         batch_size=4, tasks=("attributes", "disease"))  # fmt: skip
    run = load_run(fit(config))
    assert timm.data.resolve_model_data_config(run.model)["input_size"] == (3, 32, 32)
    for row in tiny_photos.frame.dropna(subset=["disease"]).itertuples():
        folder = tmp_path / "folders" / row.disease
        folder.mkdir(parents=True, exist_ok=True)
        (folder / row.image.split("/")[-1]).write_bytes((tiny_photos.root / row.image).read_bytes())

    asked = {"task": "disease", "num_classes": 3, "other_classes": {"attributes": 4}, "img_size": 32}
    model = timm.create_model(TINY, **asked).eval()
    load_checkpoint(model, str(run.path / "model.safetensors"))
    data = timm.data.resolve_data_config({"img_size": None, "in_chans": None}, model=model)
    dataset = timm.data.create_dataset("", root=str(tmp_path / "folders"), split="validation")
    loader = timm.data.create_loader(dataset, batch_size=4, use_prefetcher=False, num_workers=0,
                                     device=torch.device("cpu"), **data)  # fmt: skip
    seen, right = 0, 0.0
    for inputs, target in loader:
        with torch.no_grad():
            output = model(inputs)
            torch.testing.assert_close(output, run.model(inputs)[0]["disease"])
        assert F.cross_entropy(output, target).isfinite()
        right += float(accuracy(output, target, topk=(1,))[0]) * len(target) / 100
        seen += len(target)
    assert seen == 11 and float(right) == pytest.approx(round(right), abs=1e-4)
    path = str(run.path / "model.safetensors")
    straight = timm.create_model(TINY, checkpoint_path=path, **asked).eval()
    torch.testing.assert_close(straight(inputs), model(inputs))
    if resolved := getattr(timm.models, "resolve_model_input_args", None):  # newer scripts ask through it
        size = {"img_size": asked.pop("img_size"), "in_chans": None, "input_size": None}
        resolved = resolved(TINY, size, pretrained=False, global_pool=None, scriptable=False, **asked)
        again = timm.create_model(**resolved).eval()
        load_checkpoint(again, path)
        torch.testing.assert_close(again(inputs), model(inputs))
