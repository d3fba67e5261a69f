"""`dermimit models`."""

from typing import Annotated, Literal

import tyro


def models(
    what: Annotated[Literal["list", "show"], tyro.conf.Positional] = "list",
    name: Annotated[str, tyro.conf.Positional] = "",
    /,
) -> None:
    """List the published models, which other commands take by name in place of a run's folder; or show one's card.

    Args:
        what: `list`, or `show` and a name.
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
