"""What `timm.create_model` may ask of every builder, beside sizes and choices of the model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from timm.models import PretrainedCfg, load_pretrained
from timm.models._features import FeatureGetterNet
from torch import nn

from dermimit.model.arguments import HUB, check_pooling
from dermimit.model.classes import checked_num_classes

LOCATIONS = ("file", "url", "hf_hub_id", "state_dict")
ASKED = (*HUB, "num_classes", "task", "other_classes", "features_only", "out_indices", "feature_cls", "global_pool")
FEATURE_MAPS = 3


@dataclass(frozen=True)
class Request:
    """One call of a builder, without the arguments that describe the network.

    Attributes:
        builder: its name.
        num_classes: task -> classes.
        task: whose logits alone the model shall give, or None for all by name.
        out_indices: blocks of the trunk whose feature maps are asked for; None for a model that answers.
        weights: where weights of this very model lie, as timm describes it, or None.
        from_source: whether to start from the ImageNet weights that the builder knows.
        hub: `pretrained_cfg_overlay` and `cache_dir` for these, where given.
    """

    builder: str
    num_classes: dict[str, int]
    task: str | None
    out_indices: int | list[int] | None
    weights: dict[str, Any] | None
    from_source: bool
    hub: dict[str, Any]

    @classmethod
    def take(cls, builder: str, pretrained: bool, arguments: dict[str, Any], source: str = "") -> "Request":
        """Take the request out of a builder's arguments; the others stay.

        Args:
            builder: its name.
            pretrained: whether weights are asked for.
            arguments: changed in place.
            source: the builder's model of timm with ImageNet weights, as NAME.TAG.

        Raises:
            ValueError: a task, pooling, tag or extractor of features that there is not.
        """
        asked = {name: arguments.pop(name, None) for name in ASKED}
        check_pooling(builder, asked["global_pool"])
        given, tag = asked["pretrained_cfg"], source.partition(".")[2]
        if isinstance(given, str) and given != tag:
            raise ValueError(f"{builder}.{given}: there are no such weights; leave {'.' + given!r} out")
        cfg = asdict(given) if isinstance(given, PretrainedCfg) else given if isinstance(given, Mapping) else {}
        own = pretrained and any(cfg.get(name) for name in LOCATIONS)
        return cls(
            builder=builder,
            num_classes=_counts(asked["num_classes"], asked["task"], asked["other_classes"]),
            task=asked["task"],
            out_indices=_indices(builder, asked) if asked["features_only"] else None,
            weights=dict(cfg) if own else None,
            from_source=pretrained and not own,
            hub={name: asked[name] for name in ("pretrained_cfg_overlay", "cache_dir") if asked[name] is not None},
        )

    def answer(self, model: Any) -> nn.Module:
        """The model as asked for: with weights of its own, as a classifier of one task, or its trunk's feature maps."""
        model.pretrained_cfg["architecture"] = self.builder
        if self.weights is not None:
            load_pretrained(model, self.weights, self.weights.get("num_classes", 0), model.in_chans)
        if self.out_indices is not None:
            return feature_maps(model, self.out_indices)
        return model if self.task is None else model.as_classifier(self.task)


def feature_maps(model: Any, out_indices: int | list[int]) -> nn.Module:
    """The trunk alone, which gives a list of feature maps (B, D, rows, columns).

    Args:
        model: a DermImitFormer; its heads are left out.
        out_indices: numbers of blocks, counted from 0 or from the end (-1), or how many of the last ones; 0 for
            the last three, or as many as there are.

    Raises:
        ValueError: more blocks, or another one, than the trunk has.
    """
    blocks = len(model.trunk.blocks)
    out_indices = out_indices or min(FEATURE_MAPS, blocks)
    number = out_indices if isinstance(out_indices, int) else len(out_indices)
    wrong = [] if isinstance(out_indices, int) else [i for i in out_indices if not -blocks <= i < blocks]
    if wrong or not 0 < number <= blocks:
        raise ValueError(f"features_only: out_indices={out_indices}, and the trunk, which all tasks share, has "
                         f"{blocks} blocks: choose from 0 to {blocks - 1}")  # fmt: skip
    chosen = out_indices if isinstance(out_indices, int) else tuple(out_indices)
    features: Any = FeatureGetterNet(model.trunk, out_indices=chosen)
    dropped = ("num_classes", "classifier", "first_conv")
    features.pretrained_cfg = {name: v for name, v in model.pretrained_cfg.items() if name not in dropped}
    features.default_cfg = features.pretrained_cfg
    return features


def _indices(builder: str, asked: Mapping[str, Any]) -> int | list[int]:
    if asked["feature_cls"] not in (None, "getter", FeatureGetterNet):
        raise ValueError(f"{builder}: feature_cls={asked['feature_cls']!r}: features come from blocks; use 'getter'")
    given = asked["out_indices"]
    return 0 if given is None else [*given] if isinstance(given, Sequence) else given


def _counts(num_classes: Any, task: str | None, others: Mapping[str, int] | None) -> dict[str, int]:
    """Classes by task.

    Raises:
        ValueError: `task` is not among them, or the classes of other tasks are given twice or without it.
    """
    num_classes = 1000 if num_classes is None else num_classes
    if others and (task is None or isinstance(num_classes, Mapping)):
        raise ValueError(f"other_classes={dict(others)!r}: give it with task=... and num_classes=... of that task")
    counts = num_classes if task is None or isinstance(num_classes, Mapping) else {**(others or {}), task: num_classes}
    checked = checked_num_classes(counts)
    if task is not None and task not in checked:
        raise ValueError(f"task={task!r}: num_classes has {', '.join(checked)}")
    return checked
