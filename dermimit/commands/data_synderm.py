"""`dermimit data synderm`."""

from pathlib import Path
from typing import Any


def synderm(
    out: Path,
    n: int = 20_000,
    image_size: int = 64,
    seed: int = 0,
    workers: int = 2,
    fitzpatrick: tuple[int, ...] | None = None,
    confounders: bool = True,
    zoom: float | None = None,
    visits: tuple[float, ...] = (0.0,),
    maps: bool = False,
    regime: str = "plain",
    fresh_test: bool = False,
    beside: Path | None = None,
) -> None:
    """Draw SynDerm-49, the procedural dataset, into a folder; an interrupted drawing goes on where it stopped.

    Args:
        out: folder to write; a folder that holds another dataset is refused.
        n: cases: a tenth for validation, a fifth for test, the rest for training.
        image_size: side in pixels.
        seed: of the cases.
        workers: processes; the files do not depend on it.
        fitzpatrick: skin types to draw evenly, some of 1 to 6; all six without it.
        confounders: draw ink, rulers, dressings, stray hairs and vignettes with their usual probabilities.
        zoom: of the framing, 1 (overview) to 3; drawn by chance without it.
        visits: days on which each case is photographed, such as 0 30 90.
        maps: also write what each pixel shows, as maps/*.npz.
        regime: plain; interaction, or interaction=0.5 for half its strength: diseases that findings tell apart only in
            the light of the site; small: small lesions among distractors; noisy, or noisy=2 for twice the errors:
            labels of a reader, some missing, some wrong; or several joined by +. version-3 draws what the first edition
            drew.
        fresh_test: take the fresh test set of 20,000 cases, the same for every seed, and n for training and validation.
        beside: a folder drawn before, on the same disk: pictures that both have, such as the fresh test set, are linked
            and not drawn again.
    """
    from dermimit.data import synderm

    knobs: dict[str, Any] = {"fitzpatrick": fitzpatrick, "confounders": confounders, "zoom": zoom}
    knobs |= {"regime": regime, "fresh_test": fresh_test, "beside": beside}
    print(synderm.write(out, n, seed=seed, image_size=image_size, workers=workers, visits=visits, maps=maps, **knobs))
