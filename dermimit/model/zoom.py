"""Looking twice: at the photograph, then closer at the box around its best patches."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from dermimit.model.answer import answer
from dermimit.model.dermimitformer import DermImitFormer, Images
from dermimit.model.task_head import Outputs
from dermimit.tasks import SELECTING_TASKS

is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # torch 2.6 has the second alone
MIN_SIDE = 0.25
"""Shortest side of a box, as a share of the photograph's: it is enlarged four times at most."""


class ZoomDermImitFormer(DermImitFormer):
    """DermImitFormer with a second pass over an enlarged detail, with the same weights; the answer is the mean.

    The box is chosen by the disease's patch scores of the first pass, or by the attributes' without a disease. It has
    no gradient; both passes are trained through the mean of their logits.

    Args: as `DermImitFormer`, with `config.zoom`.

    Raises:
        ValueError: no task has patch scores.

    Source: RAMS-Trans (Hu et al., ACM MM 2021).
    Differs from RAMS-Trans: the score is the model's own (`lsm_score="rollout"` comes nearest to theirs) and not the
    rollout averaged over all tokens; the box surrounds the component of the best patch, not the largest one; it is
    square so that nothing is stretched, and has a shortest side; the second pass uses the same class token; the
    passes share one loss on their mean logits.
    """

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        scored = [task for task in SELECTING_TASKS[::-1] if task in self.heads and self.heads[task].selection]
        if not scored:
            raise ValueError(f"zoom=True with tasks {', '.join(self.tasks)}: none of them scores patches; "
                             "add the disease or the attributes, or use zoom=False")  # fmt: skip
        self.zoom_task: str = scored[0]

    def takes_no_tokens(self) -> str:
        """Why the model needs the photograph beside its trunk's tokens."""
        return "zoom=True looks at the photograph a second time"

    def forward(self, images: Images) -> tuple[Outputs, Outputs]:
        """Mean logits of both passes, and every intermediate.

        `forward_features` and `forward_head` remain those of a single pass.

        Args:
            images: as `DermImitFormer.forward`.

        Returns:
            logits: task -> (B, classes), the mean over the passes.
            out: the first pass's intermediates under their usual names, so that patches are places in the photograph;
                those of the second as "<name>_zoomed", places in the detail; "<task>/logits_first" and
                "<task>/logits_zoomed"; and "box" (B, 4), see `zoom_box`. "<task>/logits_before" is the mean.
        """
        first, out = super().forward(images)  # refuses tokens
        scores = out[f"{self.zoom_task}/scores"]
        out["box"] = zoom_box(scores, self.grid_size, self.config.zoom_threshold)
        zoomed, detail = super().forward(crop(images, out["box"]))
        logits = {task: (first[task] + zoomed[task]) / 2 for task in first}
        for task in first:
            name = f"{task}/logits_before"
            out[name] = logits[task] if out[name] is first[task] else (out[name] + detail[name]) / 2
            out[f"{task}/logits_first"], out[f"{task}/logits_zoomed"] = first[task], zoomed[task]
        return answer(logits, out | {f"{name}_zoomed": value for name, value in detail.items()})


@torch.no_grad()
def zoom_box(
    scores: Float[Tensor, "batch patches"], grid: tuple[int, int], threshold: float
) -> Float[Tensor, "batch 4"]:
    """The square around the patches that belong to the best one.

    They are the patches whose score exceeds `threshold` times the mean score and that hang together with the best
    patch, corners included. The square has the longer side of their bounding box, at least `MIN_SIDE`, about the same
    centre, moved where it would leave the photograph.

    Args:
        scores: of each patch, at least 0, row-major.
        grid: patches down and across.
        threshold: above 0.

    Returns:
        x0, y0, x1, y1 in [0, 1], from the photograph's upper left corner.
    """
    component = connected_to_best(scores, scores > threshold * scores.mean(dim=1, keepdim=True), grid)
    low_y, high_y = _extent(component.any(dim=2))
    low_x, high_x = _extent(component.any(dim=1))
    side = torch.maximum(high_y - low_y, high_x - low_x).clamp_min(MIN_SIDE)
    x0, y0 = (
        torch.minimum(((low + high - side) / 2).clamp_min(0), 1 - side)
        for low, high in ((low_x, high_x), (low_y, high_y))
    )
    return torch.stack([x0, y0, x0 + side, y0 + side], dim=1)


def connected_to_best(
    scores: Float[Tensor, "batch patches"], above: Bool[Tensor, "batch patches"], grid: tuple[int, int]
) -> Bool[Tensor, "batch rows columns"]:
    """The best patch, and all patches in `above` that can be reached from it by steps to any of 8 neighbours."""
    best = F.one_hot(scores.argmax(dim=1), scores.shape[1]).bool()
    allowed = (above | best).float().unflatten(1, grid)
    if is_exporting():
        return reached_by_squaring(best, allowed.flatten(1), grid)
    reached = best.float().unflatten(1, grid)
    for _ in range(scores.shape[1]):
        wider = F.max_pool2d(reached[:, None], 3, stride=1, padding=1)[:, 0] * allowed
        if torch.equal(wider, reached):
            break
        reached = wider
    return reached.bool()


def reached_by_squaring(
    best: Bool[Tensor, "batch patches"], allowed: Float[Tensor, "batch patches"], grid: tuple[int, int]
) -> Bool[Tensor, "batch rows columns"]:
    """As `connected_to_best`, without a loop that ends early, which a graph cannot have: squaring the relation "is a
    neighbour" n times tells what lies within 2ⁿ steps.

    Args:
        best, allowed: as there, patches row-major; allowed is 0 or 1.
        grid: patches down and across.
    """
    n = allowed.shape[1]
    place = torch.cartesian_prod(*(torch.arange(side, device=best.device) for side in grid))
    beside = ((place[:, None] - place).abs().amax(dim=2) <= 1).float()
    within = allowed[:, :, None] * beside * allowed[:, None, :]
    for _ in range(n.bit_length()):
        within = ((within @ within) > 0).float()
    return ((best.float()[:, None] @ within) > 0)[:, 0].unflatten(1, grid)


def _extent(any_there: Bool[Tensor, "batch cells"]) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Where the first marked cell begins and the last ends, as shares of the side."""
    n, marked = any_there.shape[1], any_there.int()
    return marked.argmax(dim=1) / n, (n - marked.flip(1).argmax(dim=1)) / n


def crop(
    images: Float[Tensor, "batch channels height width"], box: Float[Tensor, "batch 4"]
) -> Float[Tensor, "batch channels height width"]:
    """Each image's box, resized bilinearly to the image's size; the whole image is given back as it is.

    Args:
        images: any range.
        box: as from `zoom_box`.
    """
    x0, y0, x1, y1 = box.float().unbind(dim=1)
    zero = torch.zeros_like(x0)
    matrix = torch.stack([x1 - x0, zero, x0 + x1 - 1, zero, y1 - y0, y0 + y1 - 1], dim=1).unflatten(1, (2, 3))
    places = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, places.to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False)
