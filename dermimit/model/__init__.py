"""DermImitFormer and its builders, registered with timm on import."""

from dermimit.model.build import (
    build,
    dermimitformer_base_patch16_224,
    dermimitformer_base_patch16_384,
    dermimitformer_small_patch16_224,
    dermimitformer_tiny_patch8_64,
)
from dermimit.model.config import SELECTING_TASKS, TASKS, ModelConfig
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.pretrained import load_vit_state_dict

__all__ = [
    "SELECTING_TASKS",
    "TASKS",
    "DermImitFormer",
    "ModelConfig",
    "build",
    "dermimitformer_base_patch16_224",
    "dermimitformer_base_patch16_384",
    "dermimitformer_small_patch16_224",
    "dermimitformer_tiny_patch8_64",
    "load_vit_state_dict",
]
