"""Controls for lesion selection: patches chosen by chance, by their place, or by a lesion map from elsewhere."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from dermimit.model.attention import Layer
from dermimit.model.selection import Selection


class RandomSelection(Selection):
    """K patches drawn at random: what any rule of selection has to beat.

    In training they are drawn anew for each photograph and forward pass, from torch's generator. In evaluation a fixed
    generator has drawn them once, the same for all photographs, so that an answer depends on nothing but the
    photograph. Scores are the numbers drawn, uniform in [0, 1).

    Args: as `Selection`.
    """

    drawn: Tensor

    def __init__(self, *, k: int, num_patches: int) -> None:
        super().__init__(k=k, num_patches=num_patches)
        drawn = torch.rand(num_patches, generator=torch.Generator().manual_seed(0), device="cpu")
        self.register_buffer("drawn", drawn, persistent=False)

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Random scores and the K largest."""
        batch = layers[-1].batch
        drawn = self.drawn.expand(batch, -1)
        scores = torch.rand_like(drawn) if self.training else drawn.clone()
        return scores, scores.topk(self.k, dim=-1).indices


class CentreSelection(Selection):
    """The K patches nearest to the centre of the photograph, where most photographers put the lesion.

    Scores are 1 − d/d_max with d the Euclidean distance of a patch's centre in patches; equals come in row-major order.

    Args:
        k: number of patches to select.
        grid: patches down and across.
    """

    near: Tensor
    order: Tensor

    def __init__(self, *, k: int, grid: tuple[int, int]) -> None:
        super().__init__(k=k, num_patches=grid[0] * grid[1])
        y, x = (torch.arange(n, dtype=torch.float64, device="cpu") - (n - 1) / 2 for n in grid)
        distance = (y[:, None] ** 2 + x**2).sqrt().flatten()
        near = 1 - distance / distance.max().clamp_min(1e-9)
        self.register_buffer("near", near.float(), persistent=False)
        self.register_buffer("order", distance.argsort(stable=True)[:k], persistent=False)

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """The same for every photograph."""
        batch = layers[-1].batch
        return self.near.repeat(batch, 1), self.order.repeat(batch, 1)


class GivenSelection(Selection):
    """The K patches that a lesion map covers most: what an oracle or a segmentation network would select.

    score = (share of the patch on the lesion) + 10⁻³ (mean share of the 3 × 3 patches about it), so that patches beside
    the lesion fill the places that the lesion leaves. What lies beyond the border counts as skin.

    Args:
        k: number of patches to select.
        grid: patches down and across.
    """

    def __init__(self, *, k: int, grid: tuple[int, int]) -> None:
        super().__init__(k=k, num_patches=grid[0] * grid[1])
        self.grid = grid

    def of_map(
        self, lesion: Float[Tensor, "batch 1 height width"]
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Scores of all patches and the K best, best first; of a map of 0 (skin) to 1 (lesion)."""
        share = F.adaptive_avg_pool2d(lesion, self.grid)
        scores = (share + 1e-3 * F.avg_pool2d(share, 3, stride=1, padding=1)).flatten(1)
        return scores, scores.topk(self.k, dim=-1).indices
