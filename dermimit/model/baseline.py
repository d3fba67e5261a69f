"""Any backbone of timm with one linear classifier for each task: what the transformer is measured against."""

import re
from typing import Any

import timm
import torch
from jaxtyping import Float
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from dermimit.model.answer import answer
from dermimit.model.arguments import known_cfg, nearest, pair
from dermimit.model.classes import checked_num_classes, classifier
from dermimit.model.classifier import TaskClassifier, inside
from dermimit.model.config import ModelConfig
from dermimit.model.factory import Request
from dermimit.model.photo_config import colours, described, photo_config
from dermimit.model.task_head import Outputs

CONFIG_FIELDS = set(ModelConfig.__dataclass_fields__)
USUAL = ("backbone", "img_size", "in_chans", "global_pool", "drop_rate", "drop_path_rate")
"""Arguments of `baseline` and of most backbones."""


class Baseline(nn.Module):
    """Pooled features of a timm backbone and a linear classifier per task, with DermImitFormer's interface.

    The backbone's mean and deviation are applied inside: from outside it expects 0.5 and bilinear, whatever the
    backbone, and its `pretrained_cfg` says so.

    Args:
        trunk: timm model without classifier, (B, 3, H, W) -> (B, F).
        num_features: F.
        image_size: height and width of the photographs.
        grid_size: cells of the last feature map, down and across.
        mean, std: of each colour channel, as the backbone's pretrained weights expect them.
        num_classes: task -> classes.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        trunk: nn.Module,
        num_features: int,
        image_size: tuple[int, int],
        grid_size: tuple[int, int],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        num_classes: dict[str, int],
    ) -> None:
        super().__init__()
        self.trunk, self.config, self.tasks = trunk, ModelConfig(lsm=False, fusion="none"), tuple(num_classes)
        self.num_features, self.image_size, self.grid_size = num_features, image_size, grid_size
        self.in_chans = len(mean)
        self.register_buffer("mean", torch.tensor(mean, device="cpu").view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device="cpu").view(-1, 1, 1), persistent=False)
        self.reset_classifier(num_classes)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> tuple[Outputs, Outputs]:
        """Logits of every task, and the intermediates.

        Args:
            images: photographs of the model's image size, normalised to mean 0.5, standard deviation 0.5; they are
                normalised anew as the backbone expects.

        Returns:
            logits: task -> (B, classes).
            out: features (B, F), and for each task logits_before (B, C), the same tensor as its logits, and enhanced
                (B, F), the features, named "<task>/<what>".

        Raises:
            ValueError: images of another size.
        """
        out = self.forward_features(images)
        return answer(self.forward_head(out), out)

    def forward_features(self, images: Float[Tensor, "batch 3 height width"]) -> Outputs:
        """Pooled features (B, F) under the name features."""
        if tuple(images.shape[-2:]) != self.image_size:
            raise ValueError(f"images are {tuple(images.shape[-2:])}, the model expects {self.image_size}: "
                             "resize them, or build the model with img_size=...")  # fmt: skip
        return {"features": self.trunk(((images * 0.5 + 0.5) - self.mean) / self.std)}

    def forward_head(self, out: Outputs, pre_logits: bool = False) -> Outputs:
        """Logits by task, or with `pre_logits` the features by task; adds logits_before and enhanced to `out`."""
        for task in self.tasks:
            out[f"{task}/logits_before"] = self.classifiers_before[task](out["features"])
            out[f"{task}/enhanced"] = out["features"]
        return {task: out[f"{task}/{'enhanced' if pre_logits else 'logits_before'}"] for task in self.tasks}

    def reset_classifier(self, num_classes: int | dict[str, int], global_pool: str | None = None) -> None:
        """New classifiers for every task; 0 classes return the features.

        Raises:
            ValueError: tasks that are not the model's, or a pooling (the backbone keeps its own).
        """
        if global_pool is not None:
            raise ValueError(f"global_pool={global_pool!r}: the backbone keeps the pooling it was built with")
        self.num_classes = checked_num_classes(num_classes)
        if tuple(self.num_classes) != self.tasks:
            raise ValueError(f"num_classes names {tuple(self.num_classes)}, the model has {self.tasks}: "
                             "give a class count for each of them, or build a new model")  # fmt: skip
        self.classifiers_before = nn.ModuleDict(
            {task: classifier(self.num_features, n) for task, n in self.num_classes.items()}
        )
        self.pretrained_cfg = self.default_cfg = described(self, self.classifier_names)

    @property
    def head_hidden_size(self) -> dict[str, int]:
        """Number of features that each task's answer is read from."""
        return dict.fromkeys(self.tasks, self.num_features)

    @property
    def classifier_names(self) -> dict[str, str]:
        """Name of the submodule that gives each task's answer."""
        return {task: f"classifiers_before.{task}" for task in self.tasks}

    def get_classifier(self) -> nn.ModuleDict:
        """The classifiers by task."""
        return self.classifiers_before

    def no_weight_decay(self) -> set[str]:
        """Parameters that timm's optimizer factory should not decay."""
        names = self.trunk.no_weight_decay() if hasattr(self.trunk, "no_weight_decay") else ()
        return {f"trunk.{name}" for name in names}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """The backbone's layer groups."""
        return inside(self.trunk.group_matcher(coarse=coarse), "trunk")

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade time for memory in the backbone."""
        self.trunk.set_grad_checkpointing(enable)

    def as_classifier(self, task: str = "disease") -> TaskClassifier:
        """As `DermImitFormer.as_classifier`."""
        return TaskClassifier(self, task)


default_cfgs = {"baseline": photo_config((224, 224))}


@register_model
def baseline(
    pretrained: bool = False,
    backbone: str = "resnet50",
    img_size: int | tuple[int, int] = 224,
    lsm: bool = False,
    fusion: str = "none",
    **kwargs: Any,
) -> nn.Module:
    """A timm backbone with one linear classifier for each task.

    Args:
        pretrained: start from timm's weights of this backbone.
        backbone: a model of timm, such as resnet50, efficientnet_b0, vit_small_patch16_224,
            deit_small_patch16_224, swin_tiny_patch4_window7_224.
        img_size: side of the photographs in pixels; backbones built for one size are built for this one.
        lsm, fusion: only False and "none": a plain backbone has neither.
        **kwargs: `num_classes`, task -> classes or an int for the disease alone, and what else `Request` knows; more
            arguments of the backbone, such as drop_path_rate.

    Raises:
        ValueError: an unknown backbone, one of ours, an option that only DermImitFormer has, or an argument that the
            backbone does not take.
    """
    if lsm or fusion != "none":
        raise ValueError(f"baseline with lsm={lsm}, fusion={fusion!r}: a plain backbone selects no patches and joins "
                         "no tasks; use lsm=False, fusion='none' (as a command: --no-lsm --fusion none)")  # fmt: skip
    if ours := sorted(CONFIG_FIELDS & kwargs.keys()):
        raise ValueError(f"baseline: {ours[0]} is an option of DermImitFormer; leave it out")
    if not is_backbone(backbone):
        known = nearest(backbone, backbones(), "timm.list_models() names them")
        raise ValueError(f"baseline: backbone={backbone!r} is no model of timm; {known}")
    if kwargs.get("features_only"):
        raise ValueError(f"baseline: features_only: timm has it, timm.create_model({backbone!r}, features_only=True)")
    pooling = {"global_pool": kwargs.pop("global_pool")} if "global_pool" in kwargs else {}
    request = Request.take("baseline", pretrained, kwargs)
    height, width = pair("baseline", "img_size", img_size)
    expected = known_cfg("baseline", backbone)
    if expected is not None and expected.fixed_input_size:
        kwargs["img_size"] = img_size
    try:
        trunk = timm.create_model(
            backbone, pretrained=request.from_source, num_classes=0, **request.hub, **pooling, **kwargs
        )
    except (AssertionError, TypeError) as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        hint = f"; {nearest(unknown[1], USUAL)}" if unknown else ""
        raise ValueError(f"baseline: {backbone} does not take {kwargs}: {error}{hint}") from error
    step = trunk.feature_info[-1]["reduction"]
    if isinstance(trunk, VisionTransformer) and (height % step or width % step):
        raise ValueError(f"baseline: img_size={img_size} is no multiple of the {step} pixels of a patch of {backbone}")
    channels = getattr(trunk, "in_chans", 3)
    model = Baseline(
        trunk=trunk,
        num_features=getattr(trunk, "head_hidden_size", trunk.num_features),
        image_size=(height, width),
        grid_size=(-(-height // step), -(-width // step)),
        mean=colours(trunk.pretrained_cfg["mean"], channels),
        std=colours(trunk.pretrained_cfg["std"], channels),
        num_classes=request.num_classes,
    )
    return request.answer(model)


def is_backbone(name: str) -> bool:
    """Whether a name, with or without a tag, is one of timm's own models."""
    return timm.is_model(name) and timm.models.model_entrypoint(name).__module__.startswith("timm.")


def backbones() -> list[str]:
    """Names of timm's own models."""
    return [name for name in timm.list_models() if is_backbone(name)]
