"""The worked case as someone weighs it who knows every probability: body part alone, signs alone, both together.

Run: python -m studies.shared.idea book/images/idea.png
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.synderm import posterior
from dermimit.explain.style import BLUE, GREY, pretty, use_style
from studies.shared.anatomy_charts import SMALL, USUAL, plain, save_picture
from studies.shared.worked_case import REGIME, picture, worked_case

ELSEWHERE = "face"
SHOWN = 3  # diseases of each differential


def differentials() -> dict[str, dict[str, float]]:
    """What is known -> the most probable diseases, by Bayes' rule on the tables that the case was drawn from.

    Returns:
        four differentials of `SHOWN` diseases, most probable first.
    """
    labels = worked_case().labels
    here, signs = labels.body_part, labels.attributes
    known = {
        f"The {pretty(here)} alone": (here, None),
        "The signs alone": (None, signs),
        f"Signs on a {pretty(here)}": (here, signs),
        f"Same signs on a {ELSEWHERE}": (ELSEWHERE, signs),
    }
    found = {name: posterior(part, seen, regime=REGIME) for name, (part, seen) in known.items()}
    return {name: dict(sorted(p.items(), key=lambda item: -item[1])[:SHOWN]) for name, p in found.items()}


def idea_figure(size: int = 480) -> Figure:
    """Draw the case with its signs beside the four differentials; the true disease has a star.

    Args:
        size: side of the picture in pixels.
    """
    labels = worked_case().labels
    panels = [["case", "0", "1"], ["case", "2", "3"]]
    figure, axes = plt.subplot_mosaic(panels, figsize=(7, 3.1), width_ratios=(2, 1.35, 1.35), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05)  # type: ignore[union-attr]
    plain(axes["case"], picture(size))
    axes["case"].set_title(f"{pretty(labels.body_part)}: {', '.join(map(pretty, labels.attributes))}", fontsize=USUAL)
    for place, (name, shares) in enumerate(differentials().items()):
        differential(axes[str(place)], name, shares, labels.disease)
    return figure


def differential(axis: Axes, title: str, shares: dict[str, float], true: str) -> None:
    """Draw the most probable diseases as bars under their names.

    Args:
        axis: where.
        title: what is known.
        shares: disease -> probability, 0 to 1.
        true: the disease that gets a star.
    """
    for y, (name, share) in enumerate(shares.items()):
        axis.text(0, y - 0.08, pretty(name) + (" ★" if name == true else ""), fontsize=SMALL, va="bottom")
        axis.barh(y + 0.18, share, 0.3, color=BLUE if name == true else GREY)
        axis.text(share + 0.03, y + 0.18, f"{100 * share:.0f} %", fontsize=SMALL, va="center", color=GREY)
    axis.set_title(title, fontsize=USUAL, loc="left", weight="bold")
    axis.set(xlim=(0, 1.2), ylim=(len(shares) - 0.55, -0.6), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def main(out: tyro.conf.Positional[Path]) -> None:
    """Draw the picture into `out`, a PNG on white."""
    use_style()
    save_picture(idea_figure(), out)


if __name__ == "__main__":
    tyro.cli(main)
