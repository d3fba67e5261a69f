"""The model card of the shipped model, from its run's own record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.comparisons import accuracy_by_skin_type
from dermimit.evaluate.statistics import count_interval
from dermimit.records import read_json


def read_card(root: Path) -> dict[str, Any]:
    """Configuration, provenance, accuracy and test predictions of the run behind results/published/explorer.

    Args:
        root: the project's folder.
    """
    folder = root / "results/published/explorer"
    run = next(folder.glob("*/config.json")).parent
    frame = pd.read_parquet(run / "predictions.parquet")
    return {
        "config": read_json(run / "config.json"),
        "provenance": read_json(run / "provenance.json"),
        "accuracy": read_json(folder / "accuracy.json"),
        "space": LabelSpace.from_dict(read_json(run / "label_space.json")),
        "test": frame[frame["split"] == "test"],
    }


def facts_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """What the model is and how it was made; text."""
    config, facts, file = card["config"], card["provenance"], card["accuracy"]["file"]
    value, low, high = file["macro_f1"]
    names = {"disease": "diseases", "body_part": "body parts", "attributes": "attributes"}
    classes = ", ".join(f"{len(card['space'].classes(task))} {name}" for task, name in names.items())
    trained = f"{config['samples']:,} photographs shown in {config['epochs']} epochs"
    recipe = f"{config['optimizer']}, learning rate {config['lr']:g}, batch {config['batch_size']}"
    hours = f"{facts['train_seconds'] / 3600:.1f} hours of training"
    lines = {
        "model": f"{config['model']}, lesion selection and cross-interaction",
        "parameters": f"{facts['parameters']:,}",
        "answers": classes,
        "trained on": f"{config['dataset']}: {trained}, drawn by a program",
        "photographs": f"{config['image_size']} × {config['image_size']} pixels",
        "recipe": f"{recipe}, seed {config['seed']}",
        "disease macro-F1 on the test split (95 %)": f"{value:.3f} ({low:.3f} to {high:.3f}), eight-bit file",
        "size": f"{card['accuracy']['megabytes']:.1f} MB",
        "made": f"{facts['started'][:10]}, commit {facts['commit'][:10]}, {hours}",
        "licence": "Apache-2.0",
    }
    return pd.DataFrame({"fact": list(lines), "value": list(lines.values())})


def scores_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy of the disease for all test photographs and by skin type, with 95 % intervals (Wilson); text."""
    table = accuracy_by_skin_type(card["test"], card["space"])
    hits, n = int((table["accuracy"] * table["photos"]).round().sum()), int(table["photos"].sum())
    low, high = count_interval(hits, n)
    whole = pd.DataFrame([{"skin type": "all", "photos": n, "accuracy": hits / n, "low": low, "high": high}])
    both = pd.concat([whole, table], ignore_index=True)
    text = [f"{v:.3f} ({a:.3f} to {b:.3f})" for v, a, b in both[["accuracy", "low", "high"]].to_numpy()]
    return both[["skin type", "photos"]].assign(**{"accuracy (95 %)": text})
