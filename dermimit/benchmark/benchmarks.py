"""The benchmarks that ship with the package: which photographs, which labels, which folds, and their hash."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.benchmark.synthetic import classes, fresh_table
from dermimit.data.label_space import LabelSpace
from dermimit.data.package_yaml import package_yaml
from dermimit.data.photo_files import PHOTO_SUFFIXES
from dermimit.data.problems import suggest
from dermimit.data.synderm import LABEL_SPACE

SPLITS = "splits"
LISTS = ["attributes", "attributes_unknown"]
LISTED = "; "
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
        several_body_parts: a photograph may show several; `body_part` then holds lists.
        fold_names: what each fold holds out, where that is a source or a skin type.
        looks, looks_sha256: file of the package with a hash of the look of photographs, and its hash; "" where there is
            none.
        part_of: the larger benchmark that this one is a part of; "" where it is whole.
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
    several_body_parts: bool = False
    fold_names: tuple[str, ...] = ()
    looks: str = ""
    looks_sha256: str = ""
    part_of: str = ""

    @property
    def diseases(self) -> tuple[str, ...]:
        """Short names, in the order of columns of probabilities."""
        return tuple(self.classes)

    @property
    def counts(self) -> pd.DataFrame:
        """Photographs by disease and fold, with totals; and the patients of each disease and of each fold."""
        table = pd.crosstab(self.frame["disease"], self.frame["fold"]).reindex(list(self.classes), fill_value=0)
        table.columns = [self.fold_name(fold) for fold in table.columns]
        table["all"] = table.sum(axis=1)
        table.loc["photographs"] = table.sum()
        patients = self.frame["patient_id"].nunique()
        of_class = self.frame.groupby("disease")["patient_id"].nunique().reindex(list(self.classes), fill_value=0)
        table["patients"] = [*of_class, patients]
        of_fold = self.frame.groupby("fold")["patient_id"].nunique()
        table.loc["patients"] = [*of_fold, patients, patients]
        return table

    @property
    def label_space(self) -> LabelSpace:
        """The classes of the three tasks."""
        return LabelSpace(self.name, self.diseases, self.body_parts, self.attributes, self.several_body_parts)

    def fold_name(self, fold: int) -> str:
        """What a fold holds out, or its number."""
        return self.fold_names[fold] if self.fold_names else f"fold {fold}"


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
        for reason, left in more.pop("left_out").items():
            facts["not_checked"] += f" {left:,} photographs {reason} are left out." if left else ""
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
        frame[column] = [[] if pd.isna(names) else names.split(LISTED) for names in frame[column]]
    return Benchmark(name=name, frame=frame[COLUMNS], **facts)


def image_name(path: object) -> str:
    """How a benchmark calls a photograph: the name of its file, without folder and extension."""
    name = Path(str(path).strip().replace("\\", "/")).name
    return Path(name).stem if Path(name).suffix.lower() in PHOTO_SUFFIXES else name


def as_csv(frame: pd.DataFrame) -> str:
    """The table of a benchmark as text; lists of names are joined by "; "."""
    lists = {c: [LISTED.join(v) if isinstance(v, list) else v for v in frame[c]] for c in (*LISTS, "body_part")}
    return frame.assign(**lists).to_csv(index=False, lineterminator="\n")


@cache
def _described() -> dict[str, dict]:
    """The content of benchmarks.yaml."""
    return package_yaml(__package__, SPLITS, "benchmarks.yaml")
