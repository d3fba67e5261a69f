"""The model card of the shipped model, from its run's own record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.statistics import count_interval
from dermimit.records import read_json
from studies.shared.parameters import DATASETS
from studies.shared.paths import PUBLISHED
from studies.shared.references import UNIFORM, reference_scores


def read_card(root: Path) -> dict[str, Any]:
    """Configuration, provenance, accuracy and test predictions of the run behind results/published/explorer.

    Args:
        root: the project's folder.
    """
    folder = root / PUBLISHED / "explorer"
    run = next(folder.glob("*/config.json")).parent
    answers = pd.read_parquet(run / "predictions.parquet")
    ablation = pd.read_parquet(root / PUBLISHED / "synderm/full-seed0/predictions.parquet")
    test, known = (frame[frame["split"] == "test"].set_index("image") for frame in (answers, ablation))
    if list(test["disease"]) != list(known["disease"].reindex(test.index)):
        raise ValueError("the explorer's run and the ablation were tested on different photographs: train one again")
    space = LabelSpace.from_dict(read_json(run / "label_space.json"))
    return {
        "config": read_json(run / "config.json"),
        "provenance": read_json(run / "provenance.json"),
        "accuracy": read_json(folder / "accuracy.json"),
        "space": space,
        "guess": float(reference_scores(test, test, space).loc[UNIFORM, "disease/macro_f1"]),
        "test": test.assign(fitzpatrick=known["fitzpatrick"]),
    }


def facts_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """What the model is and how it was made; text."""
    config, facts, file = card["config"], card["provenance"], card["accuracy"]["file"]
    value, low, high = file["macro_f1"]
    names = {"disease": "diseases", "body_part": "body parts", "attributes": "attributes"}
    classes = ", ".join(f"{len(card['space'].classes(task))} {name}" for task, name in names.items())
    trained = f"{config['samples']:,} images seen in {config['epochs']} epochs"
    recipe = f"{config['optimizer']}, learning rate {config['lr']:g}, batch {config['batch_size']}"
    hours = f"{facts['train_seconds'] / 3600:.1f} hours of training"
    lines = {
        "model": f"{config['model']}, lesion selection and cross-interaction",
        "parameters": f"{facts['parameters']:,}",
        "predicts": classes,
        "trained on": f"{DATASETS.get(config['dataset'], config['dataset'])}: {trained}",
        "image size": f"{config['image_size']} × {config['image_size']} pixels",
        "recipe": f"{recipe}, seed {config['seed']}",
        "disease macro-F1 on the test split, % (95 %)": f"{Estimate(value, low, high).percent()}, eight-bit weights",
        "macro-F1 of a uniform guess on the same images, %": f"{100 * card['guess']:.1f}",
        "size": f"{card['accuracy']['megabytes']:.1f} MB",
        "trained": f"{facts['started'][:10]}, commit {facts['commit'][:10]}, {hours}",
        "licence": "Apache-2.0",
    }
    return pd.DataFrame({"fact": list(lines), "value": list(lines.values())})


def scores_table(card: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy of the disease for all test photographs and by skin type, with 95 % intervals (Wilson); text."""
    test = card["test"]
    right, groups = test["answer"].astype(str) == test["disease"].astype(str), {"all": slice(None)}
    groups |= {str(kind): test["fitzpatrick"] == kind for kind in sorted(test["fitzpatrick"].dropna().unique())}
    lines = []
    for name, rows in groups.items():
        hits, n = int(right[rows].sum()), len(right[rows])
        low, high = count_interval(hits, n)
        line = {"skin type": name, "images": n}
        lines.append(line | {"accuracy (95 %)": f"{hits / n:.3f} ({low:.3f} to {high:.3f})"})
    return pd.DataFrame(lines)
