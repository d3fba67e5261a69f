"""Which builder a run names, and what it is handed; checked before any photograph is read."""

import re
from collections.abc import Iterator
from typing import Any

import timm
from timm.models import model_entrypoint

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.model.arguments import nearest
from dermimit.train.allowed import check_arguments, check_values
from dermimit.train.config import TrainConfig

SAID_ELSEWHERE = {
    "num_classes": "the dataset says how many classes there are",
    "pretrained": "it is a setting of the run: --pretrained",
    "task": "the tasks are settings of the run: --tasks",
    "other_classes": "the dataset says how many classes there are",
    "features_only": "a run needs the model's answers",
    "checkpoint_path": "a run starts from another with --start-from",
}
"""Arguments of timm or of the builders that a run does not hand on, and why."""


def builder_arguments(config: TrainConfig) -> dict[str, Any]:
    """`model_kwargs`, and the size of the photographs where they do not name it.

    Raises:
        ValueError: `model` is no builder of this package's kind, `model_kwargs` names what is said elsewhere, what no
            builder takes, another value than an option of the run, or an `img_size` that is not the photographs'.
    """
    check_name(config.model)
    for name in config.model_kwargs.keys() & SAID_ELSEWHERE.keys():
        raise ValueError(f"model_kwargs: {name} cannot be given here; {SAID_ELSEWHERE[name]}")
    for name, (option, value) in settings_of(config).items():
        if name in config.model_kwargs and config.model_kwargs[name] != value:
            raise ValueError(f"model_kwargs: {name}={config.model_kwargs[name]!r} and {option}, which is {value!r}, "
                             "differ; leave it out of --model-kwargs")  # fmt: skip
    if (channels := config.model_kwargs.get("in_chans", 3)) != 3:
        raise ValueError(f"model_kwargs: in_chans={channels!r}: photographs have three colours here, grey ones too; "
                         "leave it out")  # fmt: skip
    ours = model_entrypoint(config.model).__module__.startswith("dermimit.")
    (check_arguments if ours else check_values)(config.model, config.model_kwargs | {"img_size": config.image_size})
    size = config.model_kwargs.get("img_size", config.image_size)
    if size != config.image_size:
        raise ValueError(f"image_size={config.image_size} and model_kwargs img_size={size} differ: photographs and "
                         "model have one size; leave img_size out of --model-kwargs: it is --image-size")  # fmt: skip
    return ({"img_size": size} if ours else {}) | config.model_kwargs


def settings_of(config: TrainConfig) -> dict[str, tuple[str, Any]]:
    """Arguments of the builders that a run has options of its own for: name -> the option and its value."""
    told: dict[str, tuple[str, Any]] = {"lsm": ("--lsm", config.lsm), "fusion": ("--fusion", config.fusion)}
    told |= {"drop_path_rate": ("--drop-path", config.drop_path)} if config.drop_path else {}
    return told | ({"selection": ("the selection by --lesion-map", "given")} if config.lesion_map else {})


def check_name(model: str) -> None:
    """Raises ValueError where a name is unknown, or that of a plain model of timm, which has no heads for the tasks."""
    plain = re.sub(r"^(hf[-_]hub:)?timm/", "", model)
    if plain != model and timm.is_model(plain):
        model = plain
    if not timm.is_model(model):
        ours = ", ".join(sorted(own_builders()))
        near = nearest(model, timm.list_models(), "none is like it.")
        raise ValueError(f"--model {model}: there is no such builder; {near} Those of dermimit are {ours}")
    if model_entrypoint(model).__module__.startswith("timm."):
        raise ValueError(f"--model {model}: a plain model of timm, without lesion selection and fusion; train it "
                         f"with --model baseline --model-kwargs backbone {model} --no-lsm --fusion none")  # fmt: skip


def own_builders() -> Iterator[str]:
    """Names registered with timm by anyone but timm."""
    return (name for name in timm.list_models() if not model_entrypoint(name).__module__.startswith("timm."))
