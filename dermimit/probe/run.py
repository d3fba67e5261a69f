"""One probe, from photographs to its record."""

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dermimit.data import LabelSpace, ManifestError, PhotoDataset, load
from dermimit.data.quarantine import leave_out
from dermimit.data.transforms import CentralView, eval_transform, least_side
from dermimit.lock import locked
from dermimit.probe.backbone import open_backbone
from dermimit.probe.colour import describe
from dermimit.probe.config import COLOUR, COLOUR_SIZE, ProbeConfig
from dermimit.probe.cross_validation import cross_validate
from dermimit.probe.features import Features, check_names
from dermimit.probe.kept import features_of
from dermimit.probe.record import PROVENANCE, is_finished, write_record
from dermimit.probe.scores import score
from dermimit.records import data_fingerprint, provenance, read_json
from dermimit.weights import read_weights


def probe(config: ProbeConfig) -> Path:
    """Reads the photographs once, asks every method in grouped cross-validation, and writes the record.

    Args:
        config: what to probe, and how.

    Returns:
        the folder, with config.json, answers.parquet (out-of-fold probabilities), metrics.json and provenance.json;
        as it is where the same probe is finished there.

    Raises:
        ManifestError: the dataset is wrong, or too small for the folds.
        PhotoError: a photograph cannot be read.
        ValueError: the folder holds another record, or the backbone cannot be had as asked for.
    """
    finished, started = is_finished(config), time.time()
    frame, space, root, left_out = labelled(config)
    if finished:
        check_inputs(config, frame)
        print(f"{config.out}: finished already", file=sys.stderr)
        return config.out
    with locked(config.out):
        features, facts = seen(config, frame, space, root)
        took = time.time() - started
        classes = tuple(name for name in space.diseases if (frame["disease"] == name).any())
        answers, chosen = cross_validate(features, frame, classes, config)
        metrics = {"classes": classes, "folds": config.folds, "seed": config.seed, "resamples": config.resamples}
        rows = score(answers, classes, config.resamples)
        metrics["rows"] = [row | ({"C": chosen[row["row"]]} if row["row"] in chosen else {}) for row in rows]
        widths = {name: features.of(name).shape[1] for name in features.names()}
        extra = {"backbone": facts, "widths": widths, "without_disease": left_out, "feature_seconds": round(took, 1)}
        extra |= {"features_from_cache": True} if features.from_cache else {}
        write_record(config, answers, metrics, provenance(frame, started, extra))
    print(f"{config.out}: finished in {time.time() - started:.0f} s", file=sys.stderr)
    return config.out


def check_inputs(config: ProbeConfig, frame: pd.DataFrame) -> None:
    """Raises ValueError where a finished probe is of other photographs or weights than the ones that are there now.

    A record holds the last part of their places alone, so other ones may have the same name.
    """
    then = read_json(config.out / PROVENANCE)
    remedy = "choose another --out, or delete the folder"
    if then["data_fingerprint"] != data_fingerprint(frame):
        raise ValueError(f"{config.out} is a probe of other photographs or labels than {config.data_root}: {remedy}")
    if config.weights and then["backbone"]["sha256"] != read_weights(config.weights).sha256:
        raise ValueError(f"{config.out} is a probe of other weights than {config.weights}: {remedy}")


def labelled(config: ProbeConfig) -> tuple[pd.DataFrame, LabelSpace, Path, int]:
    """The photographs whose disease is known, the label space, the dataset's folder, and how many were left out."""
    photos = load(config.dataset, config.data_root, config.image_size or COLOUR_SIZE, seed=None, **config.data_options)
    frame = leave_out(photos.frame, config.quarantine) if config.quarantine else photos.frame
    known = frame["disease"].notna()
    if not known.any():
        raise ManifestError(f"{config.data_root}: no photograph has a disease; nothing to probe")
    if without := int((~known).sum()):
        warnings.warn(f"{without} of {len(frame)} photographs have no disease and are left out", stacklevel=2)
    if frame["split"].notna().any():
        warnings.warn("the dataset's own splits are not used: every photograph is in a fold", stacklevel=2)
    return frame[known], photos.label_space, photos.root, without


def seen(config: ProbeConfig, frame: pd.DataFrame, space: LabelSpace, root: Path) -> tuple[Features, dict[str, Any]]:
    """The features of all photographs, and what is known of the backbone and its view of them."""
    if config.backbone == COLOUR:
        size = config.image_size or COLOUR_SIZE
        photos = PhotoDataset(frame, space, root, CentralView(size), least=least_side(size))
        rows = tqdm(range(len(photos)), "features", disable=None, leave=False)
        numbers = np.stack([describe(photos[i]["image"].permute(1, 2, 0).numpy()) for i in rows])
        return Features({COLOUR: numbers.astype(np.float32)}), {"architecture": COLOUR, "image_size": size}
    backbone = open_backbone(config)
    prepared = backbone.preprocessing
    check_names(backbone.model, prepared.size, config.features)
    photos = PhotoDataset(frame, space, root, eval_transform(prepared), least=least_side(prepared.size))
    features = features_of(backbone, photos, config.batch_size, "attentive" in config.methods, config.cache)
    return features, backbone.facts | {"preprocessing": prepared.to_dict()}
