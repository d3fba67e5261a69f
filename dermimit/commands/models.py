"""`dermimit models`."""

from typing import Annotated, Literal

import tyro


def models(
    what: Annotated[Literal["list", "show"], tyro.conf.Positional] = "list",
    name: Annotated[str, tyro.conf.Positional] = "",
    /,
) -> None:
    """List the published models, whose names other commands accept instead of a run's folder; or show a model card.

    Args:
        what: `list`, or `show` with a name.
        name: of the model whose card is shown.
    """
    from dermimit.zoo.listing import listing
    from dermimit.zoo.resolve import CARD_TEXT, published

    if what == "show":
        print((published(name) / CARD_TEXT).read_text(encoding="utf-8"), end="")
    elif name:
        raise ValueError(f"models list takes no name; the card of a model is shown by `dermimit models show {name}`")
    else:
        print(listing())
