"""What was found in a dataset's folder: faults, findings that are none, and counts beside the official ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dermimit.data.columns import SPLITS
from dermimit.data.duplicates import NEAR_DHASH, NEAR_PHASH, Group
from dermimit.data.loaders import options_of
from dermimit.data.official import differences
from dermimit.data.photo_files import shown
from dermimit.data.problems import command_line

CLASSES = 30  # diseases in the table; the rest are counted
SHOWN = 10  # examples of a finding in the table; the rest are counted


@dataclass
class Report:
    """What `check` found. `counts` and `official` are by the same keys; lists are whole, `table` cuts them."""

    dataset: str
    root: str
    strict: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    official: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    classes_by_split: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    absent_masks: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    unread: dict[str, list[str]] = field(default_factory=dict)
    converted: dict[str, list[str]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    patients_in_two_splits: dict[str, list[str]] = field(default_factory=dict)
    lesions_in_two_splits: dict[str, list[str]] = field(default_factory=dict)
    duplicates: list[Group] = field(default_factory=list)
    near_duplicates: list[Group] = field(default_factory=list)

    def findings(self) -> dict[str, Sequence[object]]:
        """What was found, by its name in the table."""
        double = [("duplicates", self.duplicates), ("near-duplicates", self.near_duplicates)]
        found: dict[str, Sequence[object]] = {
            "problems of the table": self.problems,
            "images listed but absent": self.absent,
            "masks listed but absent": self.absent_masks,
            "files present but not listed": self.unlisted,
            "unreadable images": [f"{image}: {reason}" for image, reason in self.unreadable.items()],
            "patients in two splits": [f"{p}: {', '.join(s)}" for p, s in self.patients_in_two_splits.items()],
            "lesions in two splits": [f"{x}: {', '.join(s)}" for x, s in self.lesions_in_two_splits.items()],
        }
        for name, groups in double:
            found[f"{name}, groups"] = groups
            found[f"{name} across splits"] = [g for g in groups if g.across_splits]
            found[f"{name} across patients"] = [g for g in groups if len(g.patients) > 1]
            found[f"{name} of different diseases"] = [g for g in groups if len(g.diseases) > 1]
        return found

    def faults(self) -> list[str]:
        """The findings that would corrupt a result; near-duplicates across splits only if `strict`."""
        names = ["problems of the table", "images listed but absent", "masks listed but absent", "unreadable images"]
        names += ["patients in two splits", "lesions in two splits", "duplicates across splits"]
        names += ["duplicates of different diseases"]
        names += ["near-duplicates across splits"] if self.strict else []
        found = self.findings()
        return [name for name in names if found[name]]

    def differences(self) -> list[str]:
        """Where the dataset's own figures are not those found here."""
        return differences(self.official, self.counts, self.classes)

    def table(self) -> str:
        """The report as text: counts beside the official ones, then each finding with its first examples."""
        lines = [f"{self.dataset} in {self.root}", f"  {'':<40}{'here':>10}{'official':>16}"]
        for name in [*self.counts, *(n for n, v in self.official.items() if n not in self.counts)]:
            here, official = self.counts.get(name, "–"), self.official.get(name, "–")
            if not isinstance(official, dict):
                lines.append(f"  {name.replace('_', ' '):<40}{here!s:>10}{official!s:>16}")
        lines += [f"  {'split ' + name:<40}{count:>10}" for name, count in self.splits.items()]
        lines += self._classes()
        faults = self.faults()
        for name, found in self.findings().items():
            lines.append(f"  {name:<40}{len(found):>10}{'  FAULT' if name in faults else ''}")
            lines += [f"      {item}" for item in found[:SHOWN]] if not name.endswith(", groups") else []
            more = len(found) - SHOWN
            lines += [f"      ... and {more} more; --json lists all"] if more > 0 and "groups" not in name else []
        lines += [f"  differs: {line}" for line in self.differences()] + [f"  note: {note}" for note in self.notes]
        lines += [
            f"  note: {len(images)} photograph(s) {kind}: {shown(images)}" for kind, images in self.converted.items()
        ]
        bits = f"at most {NEAR_PHASH} of 64 bits of the perceptual hash and {NEAR_DHASH} of the difference hash differ"
        lines.append(f"  Near-duplicates: {bits}; turned or mirrored copies are not found.")
        return "\n".join([*lines, "faults: " + (", ".join(faults) or "none"), f"next: {self.next_step()}"])

    def next_step(self) -> str:
        """What to do now, in a line: mend the faults, or train."""
        if self.faults() == ["images listed but absent"] and "missing" in options_of(self.dataset):
            return 'get the images, or go on without them: --options missing "leave out", in training --data-options'
        if self.faults():
            return "mend the faults, then check again; what cannot be read can be left out with --skip-broken FILE"
        words = ["dermimit", "train", "--dataset", self.dataset, "--data-root", self.root, "--out", "runs/mine"]
        given = [str(word) for pair in self.options.items() for word in pair]
        return command_line([*words, *(["--data-options", *given] if given else [])])

    def _classes(self) -> list[str]:
        """Photographs by disease and split, as lines of the table."""
        if not self.classes_by_split:
            return []
        lines = [f"  {'photographs of a disease':<40}" + "".join(f"{name:>10}" for name in (*SPLITS, "all"))]
        for disease, row in list(self.classes_by_split.items())[:CLASSES]:
            lines.append(f"    {disease:<38}" + "".join(f"{n:>10}" for n in (*row.values(), sum(row.values()))))
        more = len(self.classes_by_split) - CLASSES
        return lines + ([f"    ... and {more} more; --json lists all"] if more > 0 else [])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        thresholds = {"phash_bits": NEAR_PHASH, "dhash_bits": NEAR_DHASH}
        return asdict(self) | {
            "near": thresholds,
            "differences": self.differences(),
            "faults": self.faults(),
            "next": self.next_step(),
        }
