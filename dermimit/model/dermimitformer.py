"""DermImitFormer: shared trunk, one head per task, lesion selection and cross-interaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.model.arguments import check_pooling
from dermimit.model.attention import (
    Layer,
    answer,
    block_with_queries_and_keys,
    class_token_of_block,
    complete,
    split_heads,
    take,
    traced,
)
from dermimit.model.bottleneck import CONCEPT_TASKS, concept_probabilities
from dermimit.model.classifier import NO_SCRIPT, TaskClassifier
from dermimit.model.config import TASKS, ModelConfig
from dermimit.model.control_selection import GivenSelection
from dermimit.model.cross_interaction import CrossInteraction
from dermimit.model.photo_config import described
from dermimit.model.selection import Selection

Outputs = dict[str, Tensor]


class TaskHead(nn.Module):
    """The last h transformer blocks, one copy for each task, with lesion selection where the task has it.

    All tokens pass the last block's keys and values, but only those that are read, the class token and the selected
    patches, ask and pass its projection and MLP. The numbers are those of the whole block, at half its cost or less.

    Args:
        blocks, norm: timm's blocks and final norm.
        selection: the LSM or another way of selecting, or None.
        selection_layer: which of `blocks` is scored, counted from the end (-1 is the last).
        class_index: position of this task's class token.
        prefix: number of class tokens before the first patch.
    """

    def __init__(
        self,
        *,
        blocks: nn.ModuleList,
        norm: nn.Module,
        selection: Selection | None,
        selection_layer: int,
        class_index: int,
        prefix: int,
    ) -> None:
        super().__init__()
        self.blocks: Any = blocks
        self.norm, self.selection = norm, selection
        self.selection_layer = len(blocks) + selection_layer
        self.class_index, self.prefix = class_index, prefix

    @property
    def narrows(self) -> bool:
        """Whether the last block sees the class token and the selected tokens alone."""
        return self.selection is not None and self.selection.narrows

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        trunk_layers: Sequence[Layer] = (),
        lesion: Float[Tensor, "batch 1 height width"] | None = None,
    ) -> Outputs:
        """class_token (B, D) and, with lesion selection, scores (B, N), selected (B, K), local_tokens (B, K, D).

        Args:
            x: the trunk's tokens.
            trunk_layers: the trunk's layers, for a selection that reads all of them.
            lesion: a map of 0 (skin) to 1 (lesion), for a selection by it.
        """
        if self.selection is not None and self.selection.narrows:
            return self._narrowed(self.selection, x, [*trunk_layers])
        out: Outputs = {}
        layers, (*first, last) = [*trunk_layers], self.blocks
        if lesion is not None and isinstance(self.selection, GivenSelection):
            out["scores"], out["selected"] = self.selection.of_map(lesion)
        for i, block in enumerate(first):
            if self.selection is not None and (i == self.selection_layer or self.selection.reads_all_layers):
                x, q, k = block_with_queries_and_keys(block, x)
                layers.append(Layer(q, k, x))
            else:
                x = block(x)
            if self.selection is not None and i == self.selection_layer:
                out["scores"], out["selected"] = self.selection(layers, self.class_index, self.prefix)
        if self.selection is None:
            return {"class_token": self.norm(class_token_of_block(last, x, self.class_index))[:, 0]}
        q, k, v = split_heads(last.attn, last.attn.qkv(last.norm1(x)))
        if "selected" not in out:
            out["scores"], out["selected"] = self.selection([*layers, Layer(q, k)], self.class_index, self.prefix)
        read = F.pad(out["selected"] + self.prefix, (1, 0), value=self.class_index)  # class token, then the selected
        asking = q.gather(2, read[:, None, :, None].expand(-1, q.shape[1], -1, q.shape[-1]))
        tokens = self.norm(complete(last, take(x, read), answer(last.attn, asking, k, v)))
        return out | {"class_token": tokens[:, 0], "local_tokens": tokens[:, 1:]}

    def _narrowed(self, selection: Selection, x: Float[Tensor, "batch tokens dim"], layers: list[Layer]) -> Outputs:
        """As `forward`, where the selection comes before the last block."""
        *first, last = self.blocks
        for block in first:
            x, q, k = block_with_queries_and_keys(block, x)
            layers.append(Layer(q, k, x))
        scores, selected = selection(layers, self.class_index, self.prefix)
        local = selection.tokens(layers, selected, self.prefix)
        tokens = self.norm(last(torch.cat([x[:, self.class_index, None], local], dim=1)))
        return {"scores": scores, "selected": selected, "class_token": tokens[:, 0], "local_tokens": tokens[:, 1:]}


class DermImitFormer(nn.Module):
    """Names body part, lesion attributes and disease of a clinical photograph together.

    photo → trunk → a head per task (class token, K lesion tokens) → classifiers before the interaction →
    cross-interaction between the tasks → classifiers after it, whose logits are the answer.

    Args:
        trunk: timm ViT without its last blocks, final norm and classifier.
        heads: task -> head; with `fusion="bottleneck"` the disease has none.
        interaction: the CIM, or None.
        num_classes: task -> number of classes, for the same tasks.
        config: the declared choices.

    Attributes:
        pretrained_cfg: what `timm.data.resolve_model_data_config` reads: size, mean and deviation of the photographs.
        feature_info: for each block of the trunk its name, channels and reduction, as timm's models have it.

    Source: DermImitFormer (arXiv 2307.08308), section 2.
    Differs from the paper: every field of `ModelConfig` is our declared choice.
    """

    def __init__(
        self,
        *,
        trunk: VisionTransformer,
        heads: dict[str, TaskHead],
        interaction: CrossInteraction | None,
        num_classes: dict[str, int],
        config: ModelConfig,
    ) -> None:
        super().__init__()
        self.trunk, self.heads, self.interaction = trunk, nn.ModuleDict(heads), interaction
        self.config, self.tasks = config, tuple(num_classes)
        self.num_features = self.embed_dim = trunk.embed_dim
        self.grid_size: tuple[int, int] = tuple(trunk.patch_embed.grid_size)
        self.image_size: tuple[int, int] = tuple(trunk.patch_embed.img_size)
        self.in_chans: int = trunk.in_chans
        self.feature_info = [info | {"module": f"trunk.{info['module']}"} for info in trunk.feature_info]
        self.reset_classifier(num_classes)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> tuple[Outputs, Outputs]:
        """Logits of every task, and every intermediate under a stable name.

        Args:
            images: photographs of the model's image size, normalised to mean 0.5, standard deviation 0.5; with
                `selection="given"` the lesion map is a fourth channel.

        Returns:
            logits: task -> (B, classes), after the interaction (before it where `fusion="none"`, and for the concepts
                of `fusion="bottleneck"`).
            out: see `forward_features` and `forward_head`.

        Raises:
            ValueError: images of another size or number of channels, or without the lesion map that the model selects
                by.
        """
        out = self.forward_features(images)
        return self.forward_head(out), out

    def forward_features(self, images: Float[Tensor, "batch channels height width"]) -> Outputs:
        """Trunk and heads.

        Returns:
            tokens (B, prefix + N, D): the trunk's output; for each task class_token (B, D); and with lesion
            selection scores (B, N), selected (B, K) row-major patch indices, local_tokens (B, K, D), all named
            "<task>/<what>". With `fusion="bottleneck"` the disease has no class token, and its scores, selected and
            local_tokens are those of the attributes that it is read from.
        """
        images, lesion = self._checked(images)
        layers: Sequence[Layer] = ()
        if any(head.selection is not None and head.selection.reads_all_layers for head in self.heads.values()):
            with traced(self.trunk.blocks) as layers:
                out = {"tokens": self.trunk.forward_features(images)}
        else:
            out = {"tokens": self.trunk.forward_features(images)}
        for task, head in self.heads.items():
            out |= {f"{task}/{name}": value for name, value in head(out["tokens"], layers, lesion).items()}
        if self.config.fusion == "bottleneck":
            seen = {name: out.get(f"attributes/{name}") for name in ("scores", "selected", "local_tokens")}
            out |= {f"disease/{name}": value for name, value in seen.items() if value is not None}
        return out

    def _checked(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Photographs, and the lesion map where the model selects by one."""
        if tuple(images.shape[-2:]) != self.image_size:
            raise ValueError(f"images are {tuple(images.shape[-2:])}, the model expects {self.image_size}: "
                             "resize them, or build the model with img_size=...")  # fmt: skip
        given, colours = self.config.selection == "given", self.in_chans
        if given and images.shape[1] != colours + 1:
            raise ValueError(f"images have {images.shape[1]} channels: with selection='given' the lesion map (0 skin, "
                             f"1 lesion) is one more, after the {colours} of the photograph")  # fmt: skip
        if not given and images.shape[1] != colours:
            raise ValueError(f"images have {images.shape[1]} channels, the model expects {colours}: "
                             "convert them, or build the model with in_chans=...")  # fmt: skip
        return (images[:, :colours], images[:, colours:]) if given else (images, None)

    def forward_intermediates(
        self, images: Float[Tensor, "batch channels height width"], **options: Any
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]] | dict[str, Any]:
        """Feature maps of the trunk's blocks, (B, D, rows, columns) each: timm's own, see its VisionTransformer.

        Args:
            images: as `forward` takes them.
            **options: timm's, such as indices, output_fmt and intermediates_only.
        """
        return self.trunk.forward_intermediates(self._checked(images)[0], **options)

    def forward_head(self, out: Outputs, pre_logits: bool = False) -> Outputs:
        """Classifiers and interaction over the features of `forward_features`.

        Adds to `out`, for each task, logits_before (B, C) and enhanced (B, F): the features that the answer is
        read from (with `fusion="bottleneck"`, the disease's are the concepts' probabilities). Where a task has one set
        of logits, logits_before is that very tensor. Returns the logits by task, or with `pre_logits` the features.
        """
        own = {task: self._readout(self.task_tokens(out, task)) for task in self.heads}
        if self.config.fusion == "bottleneck":
            return self._through_concepts(out, own, pre_logits)
        features = self._fused(out, own)
        for task in self.tasks:
            out[f"{task}/logits_before"] = self.classifiers_before[task](own[task])
            out[f"{task}/enhanced"] = features[task]
        if pre_logits:
            return features
        if self.config.fusion == "none":
            return {task: out[f"{task}/logits_before"] for task in self.tasks}
        return {task: self.classifiers_after[task](features[task]) for task in self.tasks}

    def _through_concepts(self, out: Outputs, own: Outputs, pre_logits: bool) -> Outputs:
        logits = {task: self.classifiers_before[task](own[task]) for task in own}
        several = CONCEPT_TASKS if self.config.several_body_parts else ("attributes",)
        features = own | {"disease": concept_probabilities(logits, several)}
        logits["disease"] = self.classifiers_after["disease"](features["disease"])
        for task in self.tasks:
            out[f"{task}/logits_before"], out[f"{task}/enhanced"] = logits[task], features[task]
        return features if pre_logits else logits

    def _fused(self, out: Outputs, own: Outputs) -> Outputs:
        if self.config.fusion == "none":
            return own
        if self.interaction is None:
            everything = torch.cat(list(own.values()), dim=-1)
            return {task: everything for task in self.tasks}
        enhanced = self.interaction({task: self.task_tokens(out, task) for task in self.tasks})
        return {
            task: torch.cat([own[task], *map(self._readout, enhanced.get(task, []))], dim=-1) for task in self.tasks
        }

    @staticmethod
    def task_tokens(out: Outputs, task: str) -> Float[Tensor, "batch tokens dim"]:
        tokens = out[f"{task}/class_token"][:, None]
        local = out.get(f"{task}/local_tokens")
        return tokens if local is None else torch.cat([tokens, local], dim=1)

    def _readout(self, tokens: Float[Tensor, "batch tokens dim"]) -> Float[Tensor, "batch features"]:
        """The class token, and beside it the pooled lesion tokens if there are any."""
        if tokens.shape[1] == 1:
            return tokens[:, 0]
        local = tokens[:, 1:].mean(dim=1) if self.config.local_readout == "mean" else tokens[:, 1:].amax(dim=1)
        return torch.cat([tokens[:, 0], local], dim=-1)

    def _feature_sizes(self) -> tuple[dict[str, int], dict[str, int]]:
        """Sizes of each task's features before and after the interaction."""
        dim = self.embed_dim
        own = {task: dim * (1 if head.selection is None else 2) for task, head in self.heads.items()}
        if self.config.fusion == "bottleneck":
            return own, {"disease": sum(self.num_classes[task] for task in own)}
        if self.interaction is None:
            return own, {task: sum(own.values()) for task in own}
        asked = {task: sum(t == task for t, _ in self.interaction.pairs) for task in own}
        each = {task: dim if self.interaction.queries == "class" else own[task] for task in own}
        return own, {task: own[task] + asked[task] * each[task] for task in own}

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
        before, after = self._feature_sizes()
        self.classifiers_before = self._classifiers(before)
        self.classifiers_after = self._classifiers(after if self.config.fusion != "none" else {})
        self.pretrained_cfg = self.default_cfg = described(self, self.classifier_names)

    @property
    def head_hidden_size(self) -> dict[str, int]:
        """Number of features that each task's answer is read from."""
        before, after = self._feature_sizes()
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
        stem = r"^trunk\.(?:cls_token|reg_token|pos_embed|patch_embed)"
        if coarse:
            return dict(stem=stem, trunk=r"^trunk\.blocks", heads=r"^heads\.")
        return dict(
            stem=stem, trunk=r"^trunk\.blocks\.(\d+)", heads=r"^heads\.\w+\.blocks\.(\d+)", norm=r"^heads\.\w+\.norm"
        )

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Trade time for memory in the trunk."""
        self.trunk.set_grad_checkpointing(enable)


def checked_num_classes(num_classes: Any) -> dict[str, int]:
    """Class counts by task in the canonical order; an int means disease alone.

    Raises:
        ValueError: no task, an unknown task or a negative count.
    """
    if not isinstance(num_classes, int | Mapping):
        raise ValueError(f"num_classes={num_classes!r}: give a number, or numbers by task")
    counts = {"disease": num_classes} if isinstance(num_classes, int) else dict(num_classes)
    if unknown := sorted(set(counts) - set(TASKS)):
        raise ValueError(f"num_classes has unknown task {unknown[0]!r}: the tasks are {', '.join(TASKS)}")
    if not counts or any(not isinstance(n, int) or n < 0 for n in counts.values()):
        raise ValueError(f"num_classes={num_classes!r}: give at least one task, each with its number of classes")
    return {task: counts[task] for task in TASKS if task in counts}


def classifier(size: int, classes: int) -> nn.Module:
    """A linear classifier as timm initialises it, or the identity for no classes."""
    if classes == 0:
        return nn.Identity()
    layer = nn.Linear(size, classes)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
