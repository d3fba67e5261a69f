"""Concatenation with weights of its own: what joins the tasks without attention, at any size."""

from jaxtyping import Float
from torch import Tensor, nn


class WideConcatenation(nn.Module):
    """A residual MLP over the features of all tasks side by side, y = x + W₂ GELU(W₁ LN(x)).

    It is the control for the cross-interaction module: as many parameters, and no attention between the tasks.

    Args:
        features: number of features of all tasks together.
        hidden: width of the hidden layer.
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.norm, self.grow, self.act = nn.LayerNorm(features), nn.Linear(features, hidden), nn.GELU()
        self.shrink = nn.Linear(hidden, features)

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
        """Features of the same shape, each of which may depend on all of them."""
        return x + self.shrink(self.act(self.grow(self.norm(x))))


def hidden_of_size(features: int, parameters: int) -> int:
    """The hidden width with which a `WideConcatenation` has as nearly as possible so many parameters."""
    return max(1, round((parameters - 3 * features) / (2 * features + 1)))
