"""Names for people."""

from typing import Any

TASK_LABELS = {"disease": "disease", "body_part": "body part", "attributes": "attributes"}
KINDS = {
    "disease": ("disease", "diseases"),
    "body_part": ("body part", "body parts"),
    "attributes": ("attribute", "attributes"),
}


def pretty(name: str) -> str:
    """`lower_leg` as `lower leg`."""
    return str(name).replace("_", " ")


def and_list(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def model_words(config: dict[str, Any], parameters: int | None) -> str:
    """The model with its parameters, and what selects and joins in it."""
    size = f", {parameters:,} parameters" if parameters else ""
    backbone = config.get("model_kwargs", {}).get("backbone")
    return f"{config['model']}{f' ({backbone})' if backbone else ''}{size}"


def parts_words(config: dict[str, Any], tasks: tuple[str, ...], patches: int | None) -> str:
    """Lesion selection, with the patches that it selected where they are known, and fusion."""
    if not config["model"].startswith("dermimitformer"):
        return "a plain backbone: no lesion selection, tasks not joined"
    selects = config.get("lsm") and set(tasks) & {"disease", "attributes"}
    chosen = f" of {patches} patches" if patches else ""
    words = f"Lesion Selection Module (LSM){chosen}" if selects else "no lesion selection"
    joins = {
        "none": "tasks not joined",
        "concat": "features of the tasks concatenated",
        "cim": "Cross-Interaction Module (CIM) between the tasks",
        "bottleneck": "concept bottleneck: disease from the other tasks' probabilities",
    }
    return f"{words}; " + (
        joins.get(config["fusion"], config["fusion"]) if len(tasks) > 1 else "one task, nothing to join"
    )


def recipe_words(config: dict[str, Any]) -> str:
    """The recipe in a sentence."""
    optimizer = "AdamW" if config["optimizer"] == "adamw" else f"SGD with Nesterov momentum {config['momentum']:g}"
    words = [
        f"{config['samples']:,} photographs seen in {config['epochs']} epochs, batches of {config['batch_size']}",
        f"{optimizer}, peak learning rate {config['lr']:g}, cosine to 0 after {100 * config['warmup']:g} % of warm-up",
        f"weight decay {config['weight_decay']:g}",
        f"CutMix on {100 * config['cutmix_probability']:g} % of batches"
        if config["cutmix_probability"]
        else "no CutMix",
    ]
    words += [f"moving average of the weights, decay {config['ema']:g}"] if config.get("ema") else []
    words += ["bf16 precision"] if config.get("precision") == "bf16" else []
    words.append(_start(config))
    return "; ".join(words)


def _start(config: dict[str, Any]) -> str:
    if config.get("start_from"):
        return f"started from the run {str(config['start_from']).replace(chr(92), '/').rstrip('/').split('/')[-1]}"
    if config.get("weights"):
        return f"started from the weights {str(config['weights']).replace(chr(92), '/').rstrip('/').split('/')[-1]}"
    return "started from timm's pretrained weights" if config.get("pretrained") else "started from random weights"
