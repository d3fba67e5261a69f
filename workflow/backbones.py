"""Which pretrained backbone the book of a real dataset is trained on: the best published one whose weights are here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDS = {"pad_ufes_20": "real_backbones/table.json"}
PACKAGED = {f"dermimitformer_lite{n}_stem_224": f"efficientnet-lite{n}" for n in range(3)}
"""Builders whose weights come with `pretrained=True`, and their names in `dermimit weights list`."""
TOKENS = "tokens=results/tokens"


@dataclass(frozen=True)
class Choice:
    """What a book is trained on.

    Attributes:
        settings: of the backbone, for `dermimit.train.with_settings`; empty for the profile's own model.
        said: a sentence about it.
    """

    settings: str
    said: str


def best_available(dataset: str, published: Path, here: Callable[[str], bool] | None = None) -> Choice:
    """The backbone of the row with the highest published macro-F1, of those whose weights are on this machine.

    Args:
        dataset: as in `dermimit.data`.
        published: folder of the records.
        here: whether known weights are installed; by default as `dermimit.weights.locate` finds them.
    """
    path = published / RECORDS.get(dataset, "")
    if not path.is_file():
        return Choice("", f"The profile's own model: no table of backbones is published for {dataset}.")
    record = json.loads(path.read_text(encoding="utf-8"))
    missing: list[str] = []
    rows = {row["row"]: row for row in record["rows"]}
    for line in sorted(record["scores"], key=lambda line: -line["macro_f1"]):
        row = rows[line["row"]]
        plain = rows[f"{line['row'].partition('_')[0]}_D"]["settings"]
        weights = weights_of(plain)
        if (here or installed)(weights):
            said = f"{row['group']} (weights {weights}): {row['label']} has a published macro-F1 of "
            others = (
                f"; better ones are not here, `make weights` installs them: {', '.join(missing)}" if missing else ""
            )
            return Choice(text_of(record["recipe"], plain), f"{said}{line['macro_f1']:.3f}{others}.")
        if row["group"] not in missing:
            missing.append(row["group"])
    lacking = f"; `make weights` installs those of {', '.join(missing)}" if missing else ""
    return Choice("", f"The profile's own model: no weights of a published backbone are on this machine{lacking}.")


def weights_of(settings: str) -> str:
    """The name of the weights that a row starts from."""
    values = dict(word.split("=", 1) for word in settings.split())
    return values.get("weights") or PACKAGED[values["model"]]


def text_of(recipe: Mapping[str, Any], settings: str) -> str:
    """Recipe and settings as text, with a folder for the tokens of a frozen trunk; the profile says the precision."""
    words = [*(f"{name}={value}" for name, value in recipe.items() if name != "precision"), settings]
    return " ".join([*words, TOKENS] if " views=" in settings else words)


def installed(name: str) -> bool:
    """Whether known weights are on this machine."""
    from dermimit.weights import locate

    try:
        locate(name)
    except (FileNotFoundError, ValueError):
        return False
    return True
