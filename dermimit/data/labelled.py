"""What training and scoring ask of photographs, whatever an item's `image` is: pixels, or what was made of them."""

from typing import Any, Protocol, runtime_checkable

import pandas as pd
from torch import Tensor

from dermimit.data.label_space import LabelSpace


@runtime_checkable
class LabelledPhotos(Protocol):
    """Photographs of a manifest with their targets, as `PhotoDataset` has them.

    Attributes:
        frame: a manifest; its rows in order are the items.
        label_space: names the classes.
        targets: task -> float32 (photographs, classes), NaN where unknown.
    """

    frame: pd.DataFrame
    label_space: LabelSpace
    targets: dict[str, Tensor]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...
