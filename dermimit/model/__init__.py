"""DermImitFormer and its builders, registered with timm on import."""

from dermimit.model import backbone
from dermimit.model.baseline import Baseline
from dermimit.model.build import (
    build,
    dermimitformer_base_patch16_224,
    dermimitformer_base_patch16_384,
    dermimitformer_large_patch16_224,
    dermimitformer_small_patch16_224,
    dermimitformer_tiny_patch8_64,
)
from dermimit.model.config import ModelConfig
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.hybrid import (
    dermimitformer_lite0_stem_224,
    dermimitformer_lite1_stem_224,
    dermimitformer_lite2_stem_224,
    load_lite_weights,
)
from dermimit.model.pretrained import load_vit_state_dict
from dermimit.model.zoom import ZoomDermImitFormer
from dermimit.tasks import SELECTING_TASKS, TASKS

__all__ = [
    "SELECTING_TASKS",
    "TASKS",
    "Baseline",
    "DermImitFormer",
    "ModelConfig",
    "ZoomDermImitFormer",
    "backbone",
    "build",
    "dermimitformer_base_patch16_224",
    "dermimitformer_base_patch16_384",
    "dermimitformer_large_patch16_224",
    "dermimitformer_lite0_stem_224",
    "dermimitformer_lite1_stem_224",
    "dermimitformer_lite2_stem_224",
    "dermimitformer_small_patch16_224",
    "dermimitformer_tiny_patch8_64",
    "load_lite_weights",
    "load_vit_state_dict",
]
