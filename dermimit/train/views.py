"""A fixed number of augmented views of each photograph, the same in every run, for a trunk that is not trained."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from dermimit.data import PhotoDataset
from dermimit.data.lesion_channel import WithLesionMap
from dermimit.data.problems import row_number
from dermimit.data.reading import PhotoError, explaining
from dermimit.train.config import TrainConfig
from dermimit.train.order import seed_of


class Views(Dataset[dict[str, Any]]):
    """Photographs in `count` augmented views each; an item is one of them, by torch's global random state.

    View v of a photograph is what its transform gives with torch's generator seeded by v and by what the photograph's
    file holds: runs of other seeds, splits and heads see the same views.

    Args:
        photos: with a transform that draws from torch's generator alone.
        count: views of each photograph.
    """

    def __init__(self, photos: PhotoDataset | WithLesionMap, count: int) -> None:
        self.photos, self.count, self.contents = photos, count, contents(photos)
        self.frame, self.label_space, self.targets = photos.frame, photos.label_space, photos.targets

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.view(index, drawn_view(self.count))

    def view(self, index: int, view: int) -> dict[str, Any]:
        """The photograph's item in view `view`, below `count`."""
        before = torch.get_rng_state()
        torch.default_generator.manual_seed(seed_of(self.contents[index], view))
        try:
            return self.photos[index]
        finally:
            torch.set_rng_state(before)


def drawn_view(count: int) -> int:
    """A number below `count`, by torch's global random state."""
    return int(torch.randint(count, ()))


def contents(photos: PhotoDataset | WithLesionMap, column: str = "image") -> list[str]:
    """SHA-256 of each photograph's file, or of its mask's, in hexadecimal digits.

    Raises:
        PhotoError: a file cannot be read, naming its row.
    """

    def content(index: int) -> str:
        path = photos.root / photos.frame[column].iloc[index]
        try:
            with explaining(path):
                return hashlib.sha256(path.read_bytes()).hexdigest()
        except PhotoError as error:
            raise PhotoError(f"{row_number(photos.frame.index[index])} of the manifest: {error}") from error.__cause__

    with ThreadPoolExecutor() as pool:
        return list(pool.map(content, range(len(photos))))


def check_views(config: TrainConfig, model: nn.Module) -> None:
    """Whether a run with a fixed number of views can be: its model is to take the tokens of its trunk.

    Raises:
        ValueError: it cannot, with the setting to change.
    """
    if not config.views:
        return
    takes_no_tokens = getattr(model, "takes_no_tokens", None)
    if takes_no_tokens is None:
        raise ValueError(f"views={config.views}: the model {config.model} has no trunk whose tokens could be kept; "
                         "take a dermimitformer, or views=0")  # fmt: skip
    if why := takes_no_tokens():
        raise ValueError(f"views={config.views}: {why}; choose another selection, or views=0")
