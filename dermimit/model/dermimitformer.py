"""DermImitFormer from photographs to answers: shared trunk, one head per task, fusion, classifiers."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from dermimit.model.answer import answer
from dermimit.model.attention import Layer, traced
from dermimit.model.bottleneck import CONCEPT_TASKS, concept_probabilities
from dermimit.model.config import ModelConfig
from dermimit.model.cross_interaction import CrossInteraction
from dermimit.model.task_head import Outputs, TaskHead
from dermimit.model.timm_interface import TimmInterface
from dermimit.model.wide_concat import WideConcatenation

Images = Float[Tensor, "batch channels height width"] | Float[Tensor, "batch tokens dim"]


class DermImitFormer(TimmInterface):
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
        self.mixing: WideConcatenation | None = None
        if config.concat_hidden:
            self.mixing = WideConcatenation(sum(self.feature_sizes()[0].values()), config.concat_hidden)
        self.reset_classifier(num_classes)

    def forward(self, images: Images) -> tuple[Outputs, Outputs]:
        """Logits of every task, and every intermediate under a stable name.

        Args:
            images: photographs of the model's image size, normalised as `pretrained_cfg` says; with `selection="given"`
                the lesion map is a fourth channel. Or the tokens (B, prefix + N, D) that the trunk makes of
                photographs, in any precision: the trunk is not computed then; with `selection="given"` (B, prefix + N,
                D + 1), whose last column is the share of each patch on the lesion.

        Returns:
            logits: task -> (B, classes), after the interaction (before it where `fusion="none"`, and for the concepts
                of `fusion="bottleneck"`).
            out: see `forward_features` and `forward_head`.

        Raises:
            ValueError: images of another size or number of channels, or without the lesion map that the model selects
                by; tokens of another shape, or where the selection needs more than them.
        """
        out = self.forward_features(images)
        return answer(self.forward_head(out), out)

    def forward_features(self, images: Images) -> Outputs:
        """Trunk and heads; the heads alone where the trunk's tokens are given.

        Returns:
            tokens (B, prefix + N, D): the trunk's output; for each task class_token (B, D); and with lesion
            selection scores (B, N), selected (B, K) row-major patch indices, local_tokens (B, K, D), all named
            "<task>/<what>". With `fusion="bottleneck"` the disease has no class token, and its scores, selected and
            local_tokens are those of the attributes that it is read from.
        """
        layers: Sequence[Layer] = ()
        lesion = None
        if images.ndim == 3:
            tokens, lesion = self.checked_tokens(images)
            out = {"tokens": tokens}
        else:
            images, lesion = self.checked(images)
            with traced(self.trunk.blocks) if self.reads_all_layers else nullcontext(()) as layers:
                out = {"tokens": self.trunk.forward_features(images)}
        for task, head in self.heads.items():
            out |= {f"{task}/{name}": value for name, value in head(out["tokens"], layers, lesion).items()}
        if self.config.fusion == "bottleneck":
            seen = {name: out.get(f"attributes/{name}") for name in ("scores", "selected", "local_tokens")}
            out |= {f"disease/{name}": value for name, value in seen.items() if value is not None}
        return out

    @property
    def reads_all_layers(self) -> bool:
        """Whether a head's selection reads the layers of the trunk."""
        return any(head.selection is not None and head.selection.reads_all_layers for head in self.heads.values())

    @property
    def token_shape(self) -> tuple[int, int]:
        """Number and width of a photograph's tokens; one wider where a lesion map selects, as `forward` takes them."""
        return self.prefix + self.grid_size[0] * self.grid_size[1], self.embed_dim + (self.config.selection == "given")

    @property
    def prefix(self) -> int:
        """Number of class tokens and registers before the first patch."""
        return next(head.prefix for head in self.heads.values())

    def takes_no_tokens(self) -> str:
        """Why the model needs the photograph beside its trunk's tokens; "" where it does not."""
        if self.reads_all_layers:
            return "the model's selection of patches reads every layer of the trunk, and tokens are its last"
        return ""

    def checked_tokens(self, tokens: Float[Tensor, "batch tokens dim"]) -> tuple[Tensor, Tensor | None]:
        """The trunk's tokens, in the precision of the weights, and the lesion map where the model selects by one."""
        if why := self.takes_no_tokens():
            raise ValueError(f"tokens in place of images: {why}; give images")
        if tuple(tokens.shape[1:]) != self.token_shape:
            raise ValueError(f"tokens are {tuple(tokens.shape[1:])}, the trunk's are {self.token_shape}: "
                             "give those of a trunk and an image size like this model's")  # fmt: skip
        tokens = tokens.to(next(self.heads.parameters()).dtype)
        if self.config.selection != "given":
            return tokens, None
        return tokens[..., :-1], tokens[:, self.prefix :, -1].unflatten(1, self.grid_size)[:, None]

    def checked(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
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
            everything = everything if self.mixing is None else self.mixing(everything)
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

    def feature_sizes(self) -> tuple[dict[str, int], dict[str, int]]:
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
