"""The benchmarks that ship with the package: which photographs, which labels, which folds, and their hash."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from dermimit.benchmark.synthetic import classes, fresh_table
from dermimit.data.problems import suggest
from dermimit.data.synderm import LABEL_SPACE

SPLITS = "splits"
LISTS = ["attributes", "attributes_unknown"]
COLUMNS = ["image", "patient_id", "lesion_id", "disease", "body_part", "fitzpatrick", *LISTS, "fold"]


@dataclass(frozen=True)
class Benchmark:
    """A fixed set of photographs: cross-validated by patient, or a test set in one fold.

    Attributes:
        name, title, version, dataset (of `dermimit.data`), source, licence, made, not_checked: what it is, where it
            comes from, how the folds were made, and what could not be checked of them.
        classes: short name of each disease -> its name.
        body_parts, attributes: their classes, in the order of probabilities.
        frame: `COLUMNS`, a row a photograph; `image` is the stem of its file, `fold` the one that tests it.
        sha256: of the table that ships, or that a rule made.
    """

    name: str
    title: str
    version: str
    dataset: str
    source: str
    licence: str
    made: str
    not_checked: str
    classes: dict[str, str]
    body_parts: tuple[str, ...]
    attributes: tuple[str, ...]
    frame: pd.DataFrame
    sha256: str

    @property
    def diseases(self) -> tuple[str, ...]:
        """Short names, in the order of columns of probabilities."""
        return tuple(self.classes)

    @property
    def counts(self) -> pd.DataFrame:
        """Photographs by disease and fold, with totals; and the patients of each fold."""
        table = pd.crosstab(self.frame["disease"], self.frame["fold"]).reindex(list(self.classes))
        table.columns = [f"fold {fold}" for fold in table.columns]
        table["all"] = table.sum(axis=1)
        table.loc["photographs"] = table.sum()
        patients = self.frame.groupby("fold")["patient_id"].nunique().to_list()
        table.loc["patients"] = [*patients, self.frame["patient_id"].nunique()]
        return table


def names() -> tuple[str, ...]:
    """The benchmarks that are known."""
    return tuple(_described())


def rule_of(name: str) -> dict[str, Any]:
    """How the table of a benchmark is made from a copy of its dataset; empty where it ships.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _described():
        raise ValueError(f"unknown benchmark {name!r}; {suggest(name, _described())}")
    return _described()[name].get("rule", {})


def title_of(name: str) -> str:
    """What a benchmark is."""
    return _described()[name]["title"]


@cache
def benchmark(name: str, root: Path | None = None) -> Benchmark:
    """A benchmark by its name.

    Args:
        name: one of `names`.
        root: folder of the dataset, where the table may not be passed on and is made from a copy.

    Raises:
        ValueError: there is none of this name, the table that ships was changed, or `root` is missing.
        ManifestError: the copy cannot be read.
    """
    known = _described()
    if name not in known:
        raise ValueError(f"unknown benchmark {name!r}; {suggest(name, known)}")
    facts = dict(known[name])
    if rule := facts.pop("rule", None):
        if root is None:
            raise ValueError(f"benchmark {name}: its table is made from your copy of the dataset: give --root FOLDER")
        from dermimit.benchmark.rules import table_of

        table, more = table_of(Path(root), rule, name)
        if left := more.pop("left_out"):
            facts["not_checked"] += f" {left:,} photographs without a disease are left out."
        return Benchmark(name=name, frame=table[COLUMNS], **facts | more)
    if regime := facts.pop("regime", None):
        content = fresh_table(regime).to_csv(index=False, lineterminator="\n").encode()
        facts |= {"classes": classes(), "body_parts": LABEL_SPACE.body_parts, "attributes": LABEL_SPACE.attributes}
    else:
        content = resources.files(__package__).joinpath(SPLITS, facts.pop("table")).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != facts["sha256"]:
        raise ValueError(
            f"benchmark {name}: its table was changed (SHA-256 {found[:12]}...): install the package again"
        )
    table = pd.read_csv(BytesIO(content), dtype={"patient_id": str, "lesion_id": str})
    table["fold"] = table[facts.pop("fold", "fold")]
    frame = table[table["fold"].notna()].astype({"fold": int}).reset_index(drop=True)
    facts |= {task: tuple(facts[task]) for task in ("body_parts", "attributes")}
    for column in LISTS:
        frame[column] = [[] if pd.isna(names) else names.split("; ") for names in frame[column]]
    return Benchmark(name=name, frame=frame[COLUMNS], **facts)


@cache
def _described() -> dict[str, dict]:
    """The content of benchmarks.yaml."""
    return yaml.safe_load(resources.files(__package__).joinpath(SPLITS, "benchmarks.yaml").read_text(encoding="utf-8"))
