"""What is tried beside random kills and mutated files, and by which test: the list in probes.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("probes.yaml")


@dataclass(frozen=True)
class Probe:
    """One thing that is tried.

    Attributes:
        area: what it is tried on.
        tried: what is done to it.
        expected: what has to come of it.
        test: file and name of the test that tries it, in all its variants.
    """

    area: str
    tried: str
    expected: str
    test: str


def read_probes(path: Path = FILE) -> list[Probe]:
    """The list, in its order.

    Raises:
        ValueError: a line lacks a field, or a test stands twice.
    """
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        probes = [Probe(area, **line) for area, lines in listed.items() for line in lines]
    except TypeError as error:
        raise ValueError(f"{path}: each line has `tried`, `expected` and `test` ({error})") from error
    tests = [probe.test for probe in probes]
    if twice := [test for test in tests if tests.count(test) > 1]:
        raise ValueError(f"{path}: {twice[0]} stands twice: give it one line")
    return probes
