"""What a configuration stands for: photographs, model, optimizer."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
from torch import nn
from torchvision.transforms import v2

from dermimit.data import LabelSpace, PhotoDataset, PhotoSet, load
from dermimit.data.corrupt import hide_attributes, keep_out, shuffle_attributes, thin_out
from dermimit.data.label_space import TASKS
from dermimit.data.lesion_channel import WithLesionMap, mapped
from dermimit.data.preprocessing import Preprocessing, stored
from dermimit.data.quarantine import leave_out
from dermimit.data.skin import SKIN_GROUPS, mix_skin
from dermimit.data.transforms import train_transform
from dermimit.model.plan import no_numbers
from dermimit.train.builder import builder_arguments
from dermimit.train.config import TrainConfig
from dermimit.train.freezing import freeze, freeze_unread
from dermimit.train.gradients import UncertaintyWeights
from dermimit.train.group_dro import GroupWeights
from dermimit.train.long_tail import freeze_all_but_classifiers
from dermimit.train.transfer import of_the_hub, start_from, start_from_weights
from dermimit.weights.filling import counted


def load_photos(config: TrainConfig) -> PhotoSet:
    """The dataset of a run, without its quarantine, and with its training labels harmed where the run asks for it.

    Its photographs are prepared as `preprocessing_of` says.
    """
    photos = load(config.dataset, config.data_root, config.image_size, seed=config.split_seed, **config.data_options)
    frame = leave_out(photos.frame, config.quarantine) if config.quarantine else photos.frame
    frame = thin_out(frame, config.train_share) if config.train_share < 1 else frame
    frame = shuffle_attributes(frame, config.attribute_noise) if config.attribute_noise else frame
    frame = hide_attributes(frame, config.attribute_missing) if config.attribute_missing else frame
    frame = keep_out(frame, config.unseen.split("; ")) if config.unseen else frame
    frame = mix_skin(frame, config.dark_share) if config.dark_share >= 0 else frame
    frame = mapped(frame, photos.root, config.lesion_map) if config.lesion_map else frame
    cache = Path(config.cache) if config.cache else None
    return replace(photos, frame=frame, cache=cache, preprocessing=preprocessing_of(config))


def photographs(
    config: TrainConfig, photos: PhotoSet, split: str, augment: bool = False
) -> PhotoDataset | WithLesionMap:
    """The photographs of a split as the run's model takes them: with lesion maps where it selects by them."""
    part = photos.photos(split, augment, config.in_memory, with_mask=bool(config.lesion_map))
    if augment:
        colour = [colour_jitter(config.colour_jitter)] if config.colour_jitter else []
        usual = train_transform(photos.prepared, config.vertical_flip, config.rotation)
        part.transform = v2.Compose([*colour, usual]) if colour else usual
    return WithLesionMap(part) if config.lesion_map else part


def colour_jitter(strength: float) -> v2.ColorJitter:
    """Random brightness, contrast, saturation and hue (Chen et al., SimCLR, ICML 2020, appendix A)."""
    return v2.ColorJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength)


def check_model(config: TrainConfig) -> nn.Module:
    """The run's model, built without memory for its weights, for as many tasks as the run names.

    Raises:
        ValueError: it cannot be built; what is wrong is known before any photograph is read.
    """
    same = replace(config.without_pretraining(), out=Path("run"), data_root=Path("data"), seed=0)  # for any such run
    return _without_memory(json.dumps(same.to_dict(), sort_keys=True))


def preprocessing_of(config: TrainConfig) -> Preprocessing:
    """How the photographs of a run are prepared: as its record says where it is finished, else as its builder does.

    Raises:
        ValueError: as `check_model`, or a damaged record.
    """
    if (config.out / "metrics.json").exists():
        return stored(config.out, config.image_size)
    return Preprocessing.of(check_model(config), config.image_size)


@lru_cache(maxsize=8)
def _without_memory(settings: str) -> nn.Module:
    """See `check_model`; kept, since a run asks for it more than once, and so do runs of one model."""
    config = TrainConfig.from_dict(json.loads(settings))
    classes = {task: ("a", "b") if task in config.tasks else () for task in TASKS}
    some = LabelSpace("any dataset", classes["disease"] or ("a",), classes["body_part"], classes["attributes"])
    with no_numbers():
        return build_model(config, some)


def build_model(config: TrainConfig, label_space: LabelSpace) -> nn.Module:
    """The model of a run, for the tasks that both the run and the dataset have; one task alone is joined to nothing.

    Args:
        config: the run; its photographs' size is the model's too.
        label_space: names the classes.

    Raises:
        ValueError: the dataset has none of the tasks; a builder, an argument or a size that does not fit, by name.
    """
    num_classes = {task: n for task, n in label_space.num_classes.items() if task in config.tasks}
    if not num_classes:
        raise ValueError(f"{label_space.name} has no labels for {', '.join(config.tasks)}: "
                         f"it has {', '.join(label_space.num_classes)}")  # fmt: skip
    alone = "concat" if config.second_loss else "none"
    fusion = config.fusion if len(num_classes) > 1 else alone
    choices = {"lsm": config.lsm, "fusion": fusion} | builder_arguments(config)
    if config.lesion_map:
        choices |= {"selection": "given"}
    if fusion == "bottleneck" and label_space.several_body_parts:
        choices = {"several_body_parts": True} | choices
    if config.drop_path:
        choices = {"drop_path_rate": config.drop_path} | choices
    model: Any = timm.create_model(config.model, pretrained=config.pretrained, num_classes=num_classes, **choices)
    model.told = []
    if config.weights:
        model.started_from, said = start_from_weights(model, config.weights)
        model.told.append(said)
    elif config.pretrained:
        model.started_from = of_the_hub(str(config.model_kwargs.get("backbone", config.model)))
    if config.balance == "uncertainty":
        model.loss_weights = UncertaintyWeights(num_classes)
    if config.group_dro:
        model.group_weights = GroupWeights(len(SKIN_GROUPS), config.group_dro)
    if config.start_from:
        if kept := start_from(model, Path(config.start_from), label_space):
            model.told.append(f"start_from: keep their initial values: {counted(kept)}")
    elif config.freeze and not (config.weights or config.pretrained):
        model.told.append("what is frozen keeps random weights: give --weights, --pretrained or --start-from")
    if config.train_only == "classifiers":
        freeze_all_but_classifiers(model)
    freeze(model, config.freeze)
    if config.supervise == "after":
        freeze_unread(model)
    return model
