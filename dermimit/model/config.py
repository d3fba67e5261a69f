"""Every architectural choice that the paper leaves open, as one frozen dataclass."""

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Choices of DermImitFormer that its public description does not settle; the defaults are ours.

    Raises:
        ValueError: a value outside its domain, naming the field and what it may be.
    """

    class_tokens: Literal["shared", "per_task"] = "shared"
    """One class token that each head specialises, or one per task from the first layer on."""
    head_depth: int = 2
    """Number h of transformer blocks in each task's head; the trunk keeps the other L - h."""
    lsm: bool = True
    """Lesion Selection Module: K lesion patches beside the class token (attributes and disease)."""
    lsm_layer: int = -1
    """Head block whose attention scores the patches, counted from the end: -1 is the last, -head_depth the first."""
    lsm_score: Literal["product_of_means", "mean_of_products", "class_row", "rollout"] = "product_of_means"
    """How the attention heads' rows a and columns b become one score: mean(a)·mean(b), mean(a·b), or mean(a); or the
    attention rollout of the class token from the first layer to the scoring one."""
    selection: Literal["lsm", "per_head", "every_layer", "random", "centre", "given"] = "lsm"
    """Who selects: the LSM; before the last block each attention head (TransFG) or every layer (FFVT); or, as
    controls, chance, the distance from the centre, or a lesion map given as a fourth channel of the images."""
    lsm_k: int = 24
    """Number K of patches selected; `per_head` selects one for each attention head instead."""
    local_readout: Literal["mean", "max"] = "mean"
    """How K lesion tokens are pooled to one vector for a classifier."""
    fusion: Literal["none", "concat", "cim", "bottleneck"] = "cim"
    """What joins the tasks: nothing, concatenated features, the Cross-Interaction Module, or a concept bottleneck: the
    disease is a linear function of the other tasks' probabilities and has no head of its own."""
    concat_hidden: int = 0
    """Width of the hidden layer of a residual MLP over the concatenated features, with which fusion="concat" can be
    made as large as the CIM; 0 for the concatenation alone."""
    several_body_parts: bool = False
    """Whether the bottleneck reads body parts by a sigmoid each, as where a photograph may show several."""
    cim_wiring: Literal["disease_hub", "to_disease", "all_pairs"] = "disease_hub"
    """Which task queries which: disease with each other task in both directions, only disease asks, or all pairs."""
    cim_queries: Literal["all", "class"] = "all"
    """Whether the class token and the lesion tokens query the other task, or the class token alone."""
    cim_depth: int = 1
    """Number of cross-attention blocks in a row for each pair of tasks."""
    cim_shuffled: bool = False
    """Control of the CIM: each photograph asks the tokens of another photograph of its batch."""
    zoom: bool = False
    """Whether the model looks twice: at the photograph, then at the box around its best patches."""
    zoom_threshold: float = 1.2
    """A patch belongs to the box where its score exceeds this many times the mean score."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value, choices = getattr(self, name), get_args(hint)
            if choices and value not in choices:
                raise ValueError(f"ModelConfig.{name}={value!r}: choose one of {', '.join(map(repr, choices))}")
            kinds = (int, float) if hint is float else hint
            if not choices and (not isinstance(value, kinds) or (hint is not bool and isinstance(value, bool))):
                raise ValueError(f"ModelConfig.{name}={value!r}: expected {hint.__name__}")
        if self.head_depth < 1:
            raise ValueError(f"ModelConfig.head_depth={self.head_depth}: a head needs at least one block")
        if not -self.head_depth <= self.lsm_layer <= -1:
            raise ValueError(f"ModelConfig.lsm_layer={self.lsm_layer}: with head_depth={self.head_depth}, "
                             f"choose from -{self.head_depth} to -1")  # fmt: skip
        if self.lsm_k < 1 or self.cim_depth < 1:
            raise ValueError(f"ModelConfig.lsm_k={self.lsm_k}, cim_depth={self.cim_depth}: both must be at least 1")
        if self.zoom_threshold <= 0:
            raise ValueError(f"ModelConfig.zoom_threshold={self.zoom_threshold}: must be above 0")
        if self.zoom and not self.lsm:
            raise ValueError("ModelConfig.zoom=True: the box is made of patch scores; use lsm=True")
        if self.concat_hidden < 0 or (self.concat_hidden and self.fusion != "concat"):
            raise ValueError(f"ModelConfig.concat_hidden={self.concat_hidden}: give 0, or a width with fusion='concat'")
        if self.cim_shuffled and self.fusion != "cim":
            raise ValueError("ModelConfig.cim_shuffled=True: only fusion='cim' has something to shuffle")
        if self.several_body_parts and self.fusion != "bottleneck":
            raise ValueError("ModelConfig.several_body_parts=True: only fusion='bottleneck' reads it")
        self._check_selection()

    def _check_selection(self) -> None:
        """Fields that the chosen selection would silently leave unread."""
        chosen = f"selection={self.selection!r}"
        if self.selection != "lsm" and not self.lsm:
            raise ValueError(
                f"ModelConfig.{chosen}: nothing is selected with lsm=False; use lsm=True or selection='lsm'"
            )
        if self.selection != "lsm" and self.lsm_layer != -1:
            raise ValueError(f"ModelConfig.lsm_layer={self.lsm_layer}: {chosen} reads no single layer; leave it at -1")
        if self.selection == "given" and self.zoom:
            raise ValueError(f"ModelConfig.{chosen}: the enlarged detail has no lesion map; use zoom=False")
        if self.selection in ("per_head", "random", "centre", "given") and self.lsm_score != "product_of_means":
            raise ValueError(f"ModelConfig.lsm_score={self.lsm_score!r}: {chosen} has a score of its own; leave it out")
        if self.selection == "every_layer" and self.lsm_score == "rollout":
            raise ValueError(f"ModelConfig.lsm_score='rollout': {chosen} scores each layer by itself; choose another")
