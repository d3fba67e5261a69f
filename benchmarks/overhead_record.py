"""The record of `model_overhead.py`: cases that are added to it one by one, each with where it comes from."""

import time
from pathlib import Path
from typing import Any

from overhead_models import KINDS

from dermimit.records import read_json, write_json

SAME = ("commit", "dirty", "code_fingerprint", "device")
"""What a case must share with this run to be gone on with."""


def key(case: dict[str, Any]) -> tuple[int, str]:
    """What a case is of: pixels, and how it was to be compiled."""
    return case["size"], case.get("compile", "no")


def is_whole(case: dict[str, Any]) -> bool:
    """Whether every model is in a case, or is said to be left out."""
    there = {row["model"] for row in case["models"]} | {row["model"] for row in case.get("left_out", [])}
    return set(KINDS) <= there and "shares" in case


class Record:
    """A file of cases. A case of another commit or device stays until the one that replaces it is whole.

    Args:
        path: the file, which need not be there.
        facts: what is said of all cases.
        origin: where cases come from that are measured now.
    """

    def __init__(self, path: Path, facts: dict[str, Any], origin: dict[str, Any]) -> None:
        self.path, self.facts, self.origin = path, facts, origin
        self.old = read_json(path) if path.is_file() else {"cases": []}
        self.cases: list[dict[str, Any]] = self.old["cases"]
        self.now: list[dict[str, Any]] = []
        self.started, self.load = time.time(), origin["load"]

    def has(self, size: int, batch: int, compile: str) -> bool:
        """Whether a whole case of this commit and device is there."""
        return any(is_whole(case) for case in self._same(size, batch, compile))

    def begin(self, size: int, batch: int, compile: str, again: bool = False) -> dict[str, Any]:
        """The case to put models into: the one that this commit began on this device, or a new one."""
        found = [] if again else self._same(size, batch, compile)
        facts = {"size": size, "batch": batch, "compile": compile, "repeats": self.facts["repeats"]}
        facts |= {name: self.facts[name] for name in ("bf16", "backbone")}
        case = found[0] if found else facts | {"models": [], "left_out": [], "provenance": self.origin}
        self.now.append(case)
        return case

    def finished(self, wanted: list[tuple[int, int, str]]) -> bool:
        """Whether all cases that are wanted are whole."""
        return len(self.now) == len(wanted) and all(map(is_whole, self.now))

    def content(self) -> dict[str, Any]:
        """What is written."""
        return self.facts | {"cases": self.cases, "provenance": self.old.get("provenance", self.origin)}

    def save(self, origin: dict[str, Any]) -> None:
        """Write the file.

        Args:
            origin: where the case that was begun last comes from, as of now.
        """
        new = self.now[-1]
        new["provenance"] = origin
        others = [case for case in self.cases if key(case) != key(new)]
        old = next((case for case in self.cases if key(case) == key(new)), new)
        if old is new or is_whole(new) or not is_whole(old):
            self.cases = sorted([*others, new], key=lambda case: (key(case)[1] == "no", case["size"]))
            self.old["provenance"] = origin
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.content())

    def _same(self, size: int, batch: int, compile: str) -> list[dict[str, Any]]:
        wanted = {name: self.facts[name] for name in ("repeats", "bf16", "backbone")}
        wanted |= {"size": size, "batch": batch, "compile": compile}
        here = [case for case in self.cases if all(case.get(name) == value for name, value in wanted.items())]
        return [c for c in here if all(c["provenance"][name] == self.origin[name] for name in SAME)]
