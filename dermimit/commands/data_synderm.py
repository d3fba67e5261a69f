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
    """Generate SynDerm-49, the synthetic dataset, in a folder; an interrupted call continues where it stopped.

    Args:
        out: folder to write; a folder that holds another dataset is refused.
        n: number of cases: a tenth for validation, a fifth for test, the rest for training.
        image_size: side in pixels.
        seed: of the cases.
        workers: processes; the files do not depend on it.
        fitzpatrick: skin types to sample evenly, some of 1 to 6; by default all six.
        confounders: add ink, rulers, dressings, stray hairs and vignettes with their usual probabilities.
        zoom: of the framing, 1 (overview) to 3; random by default.
        visits: days on which each case is imaged, such as 0 30 90.
        maps: also write the cause of each pixel, as maps/*.npz.
        regime: plain; interaction, or interaction=0.5 for half its strength: pairs of diseases that a finding tells
            apart only together with the body part; groups, or groups=0.5: groups of four diseases with two findings;
            small: small lesions among distractors; noisy, or noisy=2 for twice the errors: labels of an imperfect
            reader, some missing, some wrong; or several joined by +. version-3 is the dataset of the first edition.
        fresh_test: use the test set of 20,000 new cases, the same for every seed, and n for training and validation.
        beside: a folder generated before, on the same disk: images that both have, such as the fresh test set, are
            linked and not generated again.
    """
    from dermimit.data import synderm

    knobs: dict[str, Any] = {"fitzpatrick": fitzpatrick, "confounders": confounders, "zoom": zoom}
    knobs |= {"regime": regime, "fresh_test": fresh_test, "beside": beside}
    print(synderm.write(out, n, seed=seed, image_size=image_size, workers=workers, visits=visits, maps=maps, **knobs))
