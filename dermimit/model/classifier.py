"""One task of a model as a classifier of its own: a photograph in, a tensor of logits out, as timm's scripts expect."""

import re
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

NO_SCRIPT = ("torch.jit.script cannot express the model; use torch.jit.trace(model.as_classifier(TASK), images), "
             "torch.compile, or `dermimit export RUN --onnx FILE`")  # fmt: skip


class TaskClassifier(nn.Module):
    """The logits of one task of a DermImitFormer or a `Baseline`; the model is shared, not copied.

    Names in its state dict are those of the model: `timm.create_model(..., task=TASK, checkpoint_path=FILE)` reads the
    model.safetensors of a run.

    Args:
        model: it answers all of its tasks.
        task: the one whose logits are given.

    Attributes:
        pretrained_cfg, default_cfg: of the model, for this task.

    Raises:
        ValueError: the model has no such task.
    """

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        tasks: Any = model.tasks
        if task not in tasks:
            raise ValueError(f"as_classifier({task!r}): the model has {', '.join(tasks)}")
        self.model: Any = model
        self.task = task
        self.in_chans: int = self.model.in_chans
        self.pretrained_cfg = self.default_cfg = self.model.pretrained_cfg | {
            "num_classes": self.num_classes,
            "classifier": self.model.classifier_names[task],
        }
        others = {other: n for other, n in self.model.num_classes.items() if other != task}
        arguments = {"task": task, "num_classes": self.num_classes} | ({"other_classes": others} if others else {})
        self._model_args = getattr(model, "_model_args", {}) | arguments  # what timm writes beside saved weights
        self.register_state_dict_post_hook(_to_model_names)
        self.register_load_state_dict_pre_hook(_from_model_names)

    @property
    def num_classes(self) -> int:
        """Number of logits."""
        return self.model.num_classes[self.task]

    @property
    def num_features(self) -> int:
        """Number of features that the logits are read from."""
        return self.model.head_hidden_size[self.task]

    head_hidden_size = num_features

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch classes"]:
        """Logits; with no classes, the features."""
        return self.model(images)[0][self.task]

    def forward_features(self, images: Float[Tensor, "batch channels height width"]) -> dict[str, Tensor]:
        """As the model's own: intermediates by name."""
        return self.model.forward_features(images)

    def forward_head(self, out: dict[str, Tensor], pre_logits: bool = False) -> Float[Tensor, "batch some"]:
        """Logits, or with `pre_logits` the features, from what `forward_features` gave."""
        return self.model.forward_head(out, pre_logits=pre_logits)[self.task]

    def get_classifier(self) -> nn.Module:
        """The layer that gives the logits."""
        return self.model.get_classifier()[self.task]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new classifier for this task, in the model too; those of its other tasks keep their weights where the
        sizes allow.

        Raises:
            ValueError: as the model's own.
        """
        groups = {name: m for name, m in self.model.named_children() if name.startswith("classifiers_")}
        self.model.reset_classifier(self.model.num_classes | {self.task: num_classes}, global_pool)
        for name, kept in groups.items():
            fresh = getattr(self.model, name)
            for task in kept:
                if task != self.task and _shapes(kept[task]) == _shapes(fresh[task]):
                    fresh[task] = kept[task]
        self.pretrained_cfg["num_classes"] = self._model_args["num_classes"] = num_classes

    def no_weight_decay(self) -> set[str]:
        """Parameters that timm's optimizer factory should not decay."""
        return {f"model.{name}" for name in self.model.no_weight_decay()}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """The model's layer groups."""
        return inside(self.model.group_matcher(coarse=coarse), "model")

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade time for memory in the trunk."""
        self.model.set_grad_checkpointing(enable)

    def __prepare_scriptable__(self) -> nn.Module:
        raise NotImplementedError(NO_SCRIPT)


def inside(groups: dict[str, Any], module: str) -> dict[str, Any]:
    """timm's layer groups of a module, for the names of a module that holds it."""

    def moved(pattern: str) -> str:
        without_anchors = re.sub(r"(?<!\[)\^", "", pattern)
        return rf"^{module}\.(?:{without_anchors})"

    return {
        name: moved(pattern) if isinstance(pattern, str) else [(moved(p), *rest) for p, *rest in pattern]
        for name, pattern in groups.items()
    }


def _shapes(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in module.parameters()]


def _to_model_names(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict) -> None:
    inner = f"{prefix}model."
    for name in [name for name in state if name.startswith(inner)]:
        state[prefix + name.removeprefix(inner)] = state.pop(name)


def _from_model_names(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name in [name for name in state if name.startswith(prefix)]:
        state[f"{prefix}model.{name.removeprefix(prefix)}"] = state.pop(name)
