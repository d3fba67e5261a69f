"""What a run may hand to a model's builder: names and values that describe a network, of sizes that one can have.

The configuration of a run may come with a folder from anywhere; what it says is data. It never names a file, a class or
a function to call, a hub to ask, or a network of a size that nobody has.
"""

import math
import re
from typing import Any

from dermimit.model.arguments import check_names
from dermimit.model.config import ModelConfig

LARGEST = {
    "img_size": 8192, "patch_size": 1024, "in_chans": 64, "embed_dim": 16384, "depth": 256, "num_heads": 512,
    "mlp_ratio": 64, "reg_tokens": 1024, "head_depth": 256, "lsm_k": 1 << 20, "cim_depth": 256,
    "concat_hidden": 1 << 20,
}  # fmt: skip
"""The most that a size may be, above that of every network in use."""
RATES = ("drop_rate", "drop_path_rate", "attn_drop_rate", "proj_drop_rate", "pos_drop_rate")
FLAGS = ("qkv_bias", "qk_norm", "proj_bias", "no_embed_class", "pre_norm", "final_norm", "fix_init", "init_values",
         "scale_attn_norm", "scale_mlp_norm", "dynamic_img_size")  # fmt: skip
NAMES = ("backbone", "global_pool", "pos_embed", "weight_init", "act_layer", "norm_layer")
ALLOWED = {*LARGEST, *RATES, *FLAGS, *NAMES, *ModelConfig.__dataclass_fields__}
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")
"""Of a backbone, a layer or a choice: no path, no address, no hub (hf-hub:..., local-dir:...)."""


def check_arguments(builder: str, arguments: dict[str, Any]) -> None:
    """Raises ValueError, by name, for an argument of a builder of this package that is unknown, or of no such value.

    Args:
        builder: its name.
        arguments: as a run's `model_kwargs`.
    """
    check_names(builder, arguments, ALLOWED)
    check_values(builder, arguments)


def check_values(builder: str, arguments: dict[str, Any]) -> None:
    """Raises ValueError, by name, for a value that is no number, truth value or plain name, or a size out of bounds."""
    for name, value in arguments.items():
        for one in value if isinstance(value, list | tuple) and name in LARGEST else [value]:
            _check_value(builder, name, one)


def _check_value(builder: str, name: str, value: Any) -> None:
    given = f"{builder}: {name}={str(value)[:80]!r}"
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        if value and not PLAIN_NAME.fullmatch(value):
            raise ValueError(f"{given}: give a plain name, neither a path nor an address")
    elif not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{given}: give a finite number, a truth value or a name")
    elif name in LARGEST and value > LARGEST[name]:
        raise ValueError(f"{given}: larger than any network has it; give at most {LARGEST[name]}")
