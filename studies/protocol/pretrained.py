"""The questions of the protocol that are asked of a pretrained network: their plan, and what its records say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dermimit.records import read_json
from studies.protocol.contrasts import judged, read_contrasts
from studies.protocol.numbers import selection_text, sentence
from studies.protocol.records import read_runs
from studies.protocol.states import FAMILIES, states
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT
from studies.shared.verdict_words import NOT_TESTED, SUPPORTED, word

TABLES = ROOT / EXPERIMENTS / "pretrained"
RECORDS = PUBLISHED / "pretrained"
"""Folder of the records, from the repository's top."""
IMAGES = 16_000
"""That each training sees."""


def read_verdicts(root: Path) -> pd.DataFrame:
    """The contrasts with what the published runs say of them; nothing while none has run.

    Args:
        root: the project's folder.
    """
    path = root / RECORDS / "verdicts.json"
    if not path.is_file():
        return judged(read_contrasts(TABLES), read_runs(path.parent), path.parent)
    return pd.DataFrame(read_json(path)["contrasts"])


def text(contrasts: pd.DataFrame) -> str:
    """What a pretrained network says of selection and of interaction, in sentences without the last full stop.

    While a perfect choice of patches does not help, nothing is said of attention, as in book/protocol.md.

    Args:
        contrasts: from `read_verdicts`.
    """
    lines = states(contrasts, FAMILIES).set_index("id")
    subject = "Cross-attention instead of a concatenation of the same size, where findings interact,"
    told = [selection_text(lines, outline="E3", attention="E1")]
    if told[0] and word(lines.loc["E3", "verdict"]) != SUPPORTED:
        told.append("Where a perfect choice has no proven gain, attention cannot be judged")
    told.append(sentence(lines.loc["E4"], subject))
    if all(word(verdict) == NOT_TESTED for verdict in lines["verdict"]):
        return f"What a pretrained network says is {NOT_TESTED} yet"
    return ". ".join(filter(None, told))
