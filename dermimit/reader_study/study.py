"""A reader study on disk: prepared once, whole or not at all; answers are added to it and nothing else changes.

study.json   what readers are asked, codes, seed, and each reader's plan: never sent as a whole to a reader
key.parquet  case -> photograph, truth and the model's answer: never sent to a reader
photos/      C001.png, …: upright, without metadata or names
evidence/    C001.json, and C001.png with the map where there is one
answers/     one file a reader, a line an answer
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from dermimit.data import PhotoSet
from dermimit.data.label_space import LabelSpace
from dermimit.data.reading import open_photo
from dermimit.data.splits import select
from dermimit.reader_study.cases import Shares, select_cases
from dermimit.reader_study.design import CODE, Plan, new_codes, randomise
from dermimit.reader_study.evidence import check_run, evidence_of, overlay
from dermimit.reader_study.private import FOLDER, make_private
from dermimit.records import provenance, read_json, write_json, write_parquet
from dermimit.train.run import Run

KEPT = ["case", "half", "image", "disease", "body_part", "attributes", "attributes_unknown", "fitzpatrick",
        "skin_group"]  # fmt: skip
LONGEST = 1600  # pixels of a photograph's longer side, as shown
FORMAT = 2
OLD = {1: "its reader codes can be computed from its seed; prepare the study anew"}


LONGEST_WASHOUT = 3650  # days


@dataclass(frozen=True)
class Settings:
    """What the protocol fixes beforehand.

    Attributes:
        title: shown to readers; must not tell the hypothesis.
        cases: how many, even.
        readers: how many.
        seed: of cases, halves, sequences and orders, never of codes; a secret one by default. It tells who will see
            what, so it is kept in study.json and never sent.
        split: of the dataset to choose from.
        shares: of the diseases, see `select_cases`.
        washout_days: least days between a reader's last answer of the first period and the first of the second.
    """

    title: str = "Reading study of skin photographs"
    cases: int = 60
    readers: int = 12
    seed: int = field(default_factory=lambda: secrets.randbits(32))
    split: str = "test"
    shares: Shares = "equal"
    washout_days: float = 28.0

    def __post_init__(self) -> None:
        if not 0 <= self.washout_days <= LONGEST_WASHOUT:
            raise ValueError(f"washout days {self.washout_days}: give 0 to {LONGEST_WASHOUT}")
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: give 0 or more")


@dataclass(frozen=True)
class Study:
    """A prepared study: `plans` maps reader codes to plans, `key` is the file of that name."""

    folder: Path
    name: str
    settings: Settings
    label_space: LabelSpace
    plans: dict[str, Plan]
    key: pd.DataFrame

    def answers(self, reader: str) -> Path:
        """The file of a reader's answers."""
        return self.folder / "answers" / f"{reader}.jsonl"

    def photo(self, case: str) -> Path:
        """The photograph as shown."""
        return self.folder / "photos" / f"{case}.png"

    def map(self, case: str) -> Path:
        """The photograph with the model's map; may be absent."""
        return self.folder / "evidence" / f"{case}.png"

    def evidence(self, case: str) -> dict[str, Any]:
        """Task -> [[name, probability], …], most probable first."""
        return read_json(self.folder / "evidence" / f"{case}.json")


def prepare(photo_set: PhotoSet, run: Run, out: Path, settings: Settings) -> Study:
    """Choose the cases, ask the model, draw up the plans, and write the study's folder.

    Raises:
        ValueError: the folder exists, the run does not fit the dataset, or there are too few cases.
        PhotoError: a photograph cannot be read.
    """
    if out.exists():
        raise ValueError(f"{out} exists already: a study is never overwritten, give another folder")
    started, draft = time.time(), out.with_name(f".{out.name}.{os.getpid()}")
    cases = select_cases(select(photo_set.frame, settings.split), settings.cases, settings.seed, settings.shares)
    check_run(run, photo_set, cases["image"].to_list())
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=FOLDER)  # what is written below it cannot be reached by others
        for name in ("photos", "evidence", "answers"):
            (draft / name).mkdir()
        cases = pd.concat([cases[KEPT], _write_cases(cases, photo_set.root, run, draft)], axis=1)
        write_parquet(draft / "key.parquet", cases)
        halves = dict(zip(cases["case"], cases["half"], strict=True))
        plans = randomise(halves, new_codes(settings.readers), settings.seed)
        write_json(draft / "study.json", _described(photo_set, run, settings, plans, cases, started))
        make_private(draft)
        os.replace(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return load_study(out)


def _write_cases(cases: pd.DataFrame, root: Path, run: Run, draft: Path) -> pd.DataFrame:
    """Write photograph, probabilities and map of each case; return the model's first answer and its probability."""
    answers = []
    for line in cases.itertuples():
        photo = open_photo(root / line.image)
        photo.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        _bare(photo).save(draft / "photos" / f"{line.case}.png")
        said, looked = evidence_of(run, root / line.image)
        write_json(draft / "evidence" / f"{line.case}.json", said)
        if looked is not None:
            overlay(photo, looked).save(draft / "evidence" / f"{line.case}.png")
        answers.append(said["disease"][0])
    return pd.DataFrame(answers, columns=["model_disease", "model_confidence"], index=cases.index)


def _bare(photo: Image.Image) -> Image.Image:
    """The pixels alone: no camera, date, place or comment."""
    bare = Image.new("RGB", photo.size)
    bare.paste(photo)
    return bare


def _described(photo_set: PhotoSet, run: Run, settings: Settings, plans: dict[str, Plan], cases: pd.DataFrame,
               started: float) -> dict[str, Any]:  # fmt: skip
    source = {"dataset": photo_set.name, "run": run.path.name, "run_commit": run.provenance.get("commit")}
    facts = provenance(cases, started, source)
    return {
        "format": FORMAT,
        "name": f"study-{secrets.token_hex(4)}",  # sent to readers: tells nothing of cases, dataset or seed
        "settings": asdict(settings),
        "label_space": photo_set.label_space.to_dict(),
        "plans": {code: asdict(plan) for code, plan in plans.items()},
        "provenance": facts,
    }


def load_study(folder: Path) -> Study:
    """The study in a folder that `prepare` wrote.

    Raises:
        ValueError: there is none, or its files are of another format.
    """
    for name in ("study.json", "key.parquet"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} is not a reader study: {name} is missing; prepare it with "
                             "`dermimit reader-study prepare`")  # fmt: skip
    values = read_json(folder / "study.json")
    if values.get("format") != FORMAT:
        remedy = OLD.get(values.get("format"), "use the version that prepared it")
        raise ValueError(f"{folder / 'study.json'}: format {values.get('format')!r}, this version reads {FORMAT}: "
                         f"{remedy}")  # fmt: skip
    plans = {
        code: Plan(plan["sequence"], tuple(tuple((case, arm) for case, arm in period) for period in plan["periods"]))
        for code, plan in values["plans"].items()
    }
    if wrong := [code for code in plans if not CODE.fullmatch(code)]:
        raise ValueError(f"{folder / 'study.json'}: {wrong[0]!r} is no reader code: restore the file from a copy")
    space, key = LabelSpace.from_dict(values["label_space"]), pd.read_parquet(folder / "key.parquet")
    return Study(folder, values["name"], Settings(**values["settings"]), space, plans, key)
