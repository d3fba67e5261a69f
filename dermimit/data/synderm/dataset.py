"""SynDerm as a torch dataset that draws its pictures on demand."""

from collections.abc import Sequence

from torch.utils.data import Dataset

from dermimit.data.schema import LabelSpace
from dermimit.data.synderm.case import Case, draw_labels, make_case
from dermimit.data.synderm.ceiling import normalised_prior
from dermimit.data.synderm.colour import SKIN_TYPES
from dermimit.data.synderm.knowledge import Array, knowledge

LABEL_SPACE = LabelSpace("synderm", knowledge().diseases, knowledge().body_parts, knowledge().attributes)


class SynDerm(Dataset):
    """Procedural clinical photographs with Derm-49's label shape: 49 diseases, 15 body parts, 27 attributes.

    Case i of seed s is the same to the bit whatever the number of workers, the order or the batch.

    Args:
        n: number of cases, 1 and up.
        seed: 0 and up; different seeds share no case.
        image_size: side of the square picture in pixels, 16 and up. Labels and layout do not depend on it.
        fitzpatrick: the skin types to draw, some of 1..6; all six evenly when None.
        prior: (49,) weights of the diseases, in the order of LABEL_SPACE; the shipped long-tailed prior when None.
        confounders: whether ink rings, rulers, stray hairs and vignettes occur (independently of the disease).

    Raises:
        ValueError: an argument is out of range.
        IndexError: a case outside 0..n-1 is asked for.
    """

    def __init__(
        self,
        n: int,
        seed: int = 0,
        image_size: int = 64,
        fitzpatrick: Sequence[int] | None = None,
        prior: Sequence[float] | Array | None = None,
        confounders: bool = True,
    ) -> None:
        for name, value, least in (("n", n, 1), ("seed", seed, 0), ("image_size", image_size, 16)):
            if value < least:
                raise ValueError(f"{name}: must be {least} or more, found {value}")
        self.skin_types = tuple(SKIN_TYPES if fitzpatrick is None else fitzpatrick)
        if not self.skin_types or set(self.skin_types) - set(SKIN_TYPES):
            raise ValueError(f"fitzpatrick: must be some of 1..6, found {self.skin_types}")
        self.n, self.seed, self.image_size, self.confounders = n, seed, image_size, confounders
        self.prior = normalised_prior(prior, knowledge())

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Case:
        index = range(self.n)[index]
        labels = draw_labels(self.seed, index, self.prior, self.skin_types)
        return make_case(self.seed, index, self.image_size, labels, self.confounders)
