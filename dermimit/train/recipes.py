"""Named recipes: settings that belong together, which a run may still change one by one."""

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "paper": {},
    "finetune": {
        "optimizer": "adamw", "lr": 3e-4, "weight_decay": 0.05, "layer_decay": 0.75, "drop_path": 0.1, "warmup": 0.1,
        "cutmix_probability": 0.0, "ema": 0.0,
    },
    "frozen": {
        "optimizer": "adamw", "lr": 5e-4, "weight_decay": 0.05, "freeze": "trunk", "views": 8, "warmup": 0.1,
        "cutmix_probability": 0.0, "ema": 0.0,
    },
}  # fmt: skip
"""paper: the defaults of `TrainConfig`, SGD with Nesterov momentum and CutMix. finetune: AdamW with layer-wise
learning-rate decay and stochastic depth for a pretrained backbone (Bao et al., BEiT, ICLR 2022; their values for ViT-B
are of the same size, ours are our declared choice). frozen: AdamW on heads, interaction and classifiers over a frozen
trunk, whose tokens `tokens` can keep. Of the paper's own recipe only SGD and CutMix are known."""
