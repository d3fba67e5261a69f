"""`dermimit train`."""

import os
from dataclasses import replace
from typing import Annotated, Literal

import tyro

from dermimit.train.config import TrainConfig
from dermimit.train.recipes import RECIPES


def train(
    config: Annotated[TrainConfig, tyro.conf.arg(name="")], recipe: Literal["paper", "finetune", "frozen"] = "paper"
) -> None:
    """Train one run and write its record; an interrupted run continues where it stopped.

    A pretrained backbone: --model dermimitformer --model-kwargs backbone NAME_IN_TIMM, with --weights FILE or
    --pretrained, and --recipe finetune (the whole network) or frozen (heads and interaction on a frozen trunk, whose
    tokens --tokens FOLDER keeps).

    Rare diseases: --disease-loss weights the classes, --sampling draws every disease equally often. Augmentation:
    crops, horizontal flips and light are always on; --vertical-flip, --rotation, --colour-jitter and
    --cutmix-probability add more. Learning curves: --tracker. The last line on stdout is the run's folder.

    Args:
        config: the run.
        recipe: settings that belong together; a setting that you also give takes precedence.
    """
    from dermimit.train import fit
    from dermimit.train.history import last_lines

    run = fit(replace(config, data_root=config.data_root.absolute()))  # to be found again from another folder
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        print(last_lines(run))
    print(run)


def with_recipe(arguments: list[str]) -> list[str]:
    """Command-line arguments of `dermimit train` with those of the recipe that `--recipe NAME` asks for.

    The recipe's come first, so that any that is given as well holds. An unknown name is left for the parser to refuse.
    """
    name = ""
    for before, word in zip(["", *arguments], arguments, strict=False):
        if word.startswith("--recipe="):
            name = word.partition("=")[2]
        elif before == "--recipe":
            name = word
    if arguments[:1] != ["train"]:
        return arguments
    pairs = RECIPES.get(name, {}).items()
    settings = [word for field, value in pairs for word in (f"--{field.replace('_', '-')}", str(value))]
    return ["train", *settings, *arguments[1:]]
