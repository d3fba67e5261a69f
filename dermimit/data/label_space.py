"""The label space: the tasks, and the names of their classes in the order of a model's outputs."""

from dataclasses import asdict, dataclass
from typing import Any

from dermimit.data.columns import LIST_COLUMNS
from dermimit.data.problems import ManifestError, suggest

TASKS = ("body_part", "attributes", "disease")
LISTED = (list, tuple)
KINDS: dict[str, tuple[type, ...]] = {
    "name": (str,), "diseases": LISTED, "body_parts": LISTED, "attributes": LISTED, "several_body_parts": (bool,)
}  # fmt: skip
"""Types of the label space's entries in JSON."""


@dataclass(frozen=True)
class LabelSpace:
    """The class names of the three tasks, in the order of the model's outputs.

    Args:
        name: the dataset the names belong to.
        diseases: mutually exclusive classes; at least one.
        body_parts: classes; empty where the dataset has none.
        attributes: lesion attributes, any number of which may be present; empty where the dataset has none.
        several_body_parts: one photo may show several body parts; otherwise they are mutually exclusive.

    Raises:
        ManifestError: a name is empty, not text, or given twice.
    """

    name: str
    diseases: tuple[str, ...]
    body_parts: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    several_body_parts: bool = False

    def __post_init__(self) -> None:
        for field in ("diseases", "body_parts", "attributes"):
            names = tuple(getattr(self, field))
            object.__setattr__(self, field, names)
            bad = [n for n in names if not isinstance(n, str) or not n.strip()]
            bad += [n for i, n in enumerate(names) if n in names[:i]]
            if bad:
                raise ManifestError(
                    f"label space {self.name!r}, {field}: {bad[0]!r} is empty or given twice; remove it"
                )
        if not self.diseases:
            raise ManifestError(f"label space {self.name!r}: name at least one disease")

    def classes(self, task: str) -> tuple[str, ...]:
        """The class names of `task`, one of `TASKS`."""
        if task not in TASKS:
            raise ManifestError(f"unknown task {task!r}; {suggest(task, TASKS)}")
        return {"body_part": self.body_parts, "attributes": self.attributes, "disease": self.diseases}[task]

    def multi_label(self, task: str) -> bool:
        """Whether any number of the classes of `task` may hold at once, each with a probability of its own."""
        self.classes(task)
        return task == "attributes" or (task == "body_part" and self.several_body_parts)

    @property
    def list_columns(self) -> tuple[str, ...]:
        """The manifest's columns that hold a list of names."""
        return (*LIST_COLUMNS, "body_part") if self.several_body_parts else LIST_COLUMNS

    @property
    def num_classes(self) -> dict[str, int]:
        """Number of classes of each task that has any."""
        return {task: len(self.classes(task)) for task in TASKS if self.classes(task)}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, ready for JSON; `several_body_parts` is written only where it is true."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return values if self.several_body_parts else {k: v for k, v in values.items() if k != "several_body_parts"}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LabelSpace":
        """The inverse of `to_dict`.

        Raises:
            ManifestError: a value of another type, or an entry that there is not.
        """
        for key, value in values.items():
            kind = KINDS.get(key)
            if kind is None or not isinstance(value, kind):
                expected = f"expected {' or '.join(k.__name__ for k in kind)}" if kind else f"known: {', '.join(KINDS)}"
                raise ManifestError(f"label space: {key}={str(value)[:80]!r}: {expected}")
        if lacking := {"name", "diseases"} - values.keys():
            raise ManifestError(f"label space: {min(lacking)} is missing")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)
