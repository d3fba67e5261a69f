"""What timm's functions and scripts ask of a model: classifiers, their sizes, groups of parameters, one task alone."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from dermimit.model.arguments import check_pooling
from dermimit.model.classes import checked_num_classes, classifier
from dermimit.model.classifier import NO_SCRIPT, TaskClassifier
from dermimit.model.photo_config import described


class TimmInterface(nn.Module):
    """The methods of a timm model, for one that has a classifier for each task.

    A subclass sets `trunk`, `heads`, `config` and `tasks`, and gives `feature_sizes` and `checked`, before it calls
    `reset_classifier`.
    """

    trunk: Any
    heads: Any
    config: Any
    tasks: tuple[str, ...]

    def feature_sizes(self) -> tuple[dict[str, int], dict[str, int]]:
        """Number of features of each task before and after the interaction."""
        raise NotImplementedError

    def checked(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Photographs, and the lesion map where the model selects by one."""
        raise NotImplementedError

    def forward_intermediates(
        self, images: Float[Tensor, "batch channels height width"], **options: Any
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]] | dict[str, Any]:
        """Feature maps of the trunk's blocks, (B, D, rows, columns) each: timm's own, see its VisionTransformer.

        Args:
            images: as `forward` takes them.
            **options: timm's, such as indices, output_fmt and intermediates_only.
        """
        return self.trunk.forward_intermediates(self.checked(images)[0], **options)

    def reset_classifier(self, num_classes: int | dict[str, int], global_pool: str | None = None) -> None:
        """New classifiers for every task; 0 classes return the features.

        Args:
            num_classes: task -> classes for all of the model's tasks; an int where disease is the only task.
            global_pool: accepted for timm's interface; only "token" is meaningful.

        Raises:
            ValueError: tasks that are not the model's, or a bottleneck without concepts.
        """
        check_pooling("reset_classifier", global_pool)
        self.num_classes = checked_num_classes(num_classes)
        if tuple(self.num_classes) != self.tasks:
            raise ValueError(f"num_classes names {tuple(self.num_classes)}, the model has {self.tasks}: "
                             "give a class count for each of them, or build a new model")  # fmt: skip
        if self.config.fusion == "bottleneck" and not all(self.num_classes[task] for task in self.heads):
            raise ValueError(f"num_classes={self.num_classes}: with fusion='bottleneck' the classes of body part and "
                             "attributes are what the disease is read from; give at least 1 each")  # fmt: skip
        before, after = self.feature_sizes()
        self.classifiers_before = self._classifiers(before)
        self.classifiers_after = self._classifiers(after if self.config.fusion != "none" else {})
        self.pretrained_cfg = self.default_cfg = described(self, self.classifier_names)

    @property
    def head_hidden_size(self) -> dict[str, int]:
        """Number of features that each task's answer is read from."""
        before, after = self.feature_sizes()
        return {task: (before | after)[task] for task in self.tasks} if self.config.fusion != "none" else before

    def _classifiers(self, sizes: dict[str, int]) -> nn.ModuleDict:
        return nn.ModuleDict({task: classifier(size, self.num_classes[task]) for task, size in sizes.items()})

    @property
    def classifier_names(self) -> dict[str, str]:
        """Name of the submodule that gives each task's answer."""
        before = self.config.fusion == "none"
        own = self.heads if self.config.fusion == "bottleneck" else ()
        return {task: f"classifiers_{'before' if before or task in own else 'after'}.{task}" for task in self.tasks}

    def as_classifier(self, task: str = "disease") -> TaskClassifier:
        """The model as timm's scripts call one: a photograph in, the logits of one task out; the weights are shared.

        Args:
            task: one of the model's.

        Raises:
            ValueError: it is not.
        """
        return TaskClassifier(self, task)

    def __prepare_scriptable__(self) -> nn.Module:
        """Called by torch.jit.script, which cannot express the model.

        Raises:
            NotImplementedError: says what can be done instead.
        """
        raise NotImplementedError(NO_SCRIPT)

    def get_classifier(self) -> nn.ModuleDict:
        """The classifiers that give the answer, by task."""
        if self.config.fusion == "bottleneck":
            return nn.ModuleDict({**self.classifiers_before, **self.classifiers_after})
        return self.classifiers_before if self.config.fusion == "none" else self.classifiers_after

    def no_weight_decay(self) -> set[str]:
        """Parameters that timm's optimizer factory should not decay."""
        return {f"trunk.{name}" for name in self.trunk.no_weight_decay()}

    def group_matcher(self, coarse: bool = False) -> dict:
        """timm's layer groups: stem, trunk blocks, head blocks, and the rest."""
        stem = r"^trunk\.(?:cls_token|reg_token|pos_embed|patch_embed|norm_pre)"
        if coarse:
            return dict(stem=stem, trunk=r"^trunk\.blocks", heads=r"^heads\.")
        return dict(
            stem=stem,
            trunk=r"^trunk\.blocks\.(\d+)",
            heads=r"^heads\.\w+\.blocks\.(\d+)",
            norm=[(r"^heads\.\w+\.(?:norm|pooling)", (99999,))],  # with the last block, in timm's words
        )

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade time for memory in the trunk."""
        self.trunk.set_grad_checkpointing(enable)
