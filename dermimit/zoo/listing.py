"""The published models as text for a terminal."""

from collections.abc import Mapping
from typing import Any

from dermimit.evaluate.estimate import Estimate
from dermimit.weights import locate
from dermimit.zoo.resolve import card_of, names, remedy

INDENT = 10


def listing() -> str:
    """All published models, a paragraph each."""
    return "\n\n".join(paragraph(card_of(name)) for name in names()) or "no model is published with this version"


def paragraph(card: Mapping[str, Any]) -> str:
    """What one must know to choose a model."""
    data, scores, trunk = card["data"], card["scores"], card["trunk"]
    seeds = f"{scores['seeds']} seeds" if scores["seeds"] > 1 else "one seed"
    lines = {
        "predicts": ", ".join(f"{len(classes)} {what}" for what, classes in card["answers"].items()),
        "data": f"{data['title']}, {data['photographs']:,} photographs of {data['patients']:,} patients",
        "macro-F1": f"{Estimate(*scores['macro_f1']).plain()} of the disease, patient-grouped folds, {seeds}",
        "size": f"{card['megabytes']:.1f} MB",
        "needs": f"{trunk['weights']}, {at_hand(trunk)}",
        "licence": f"{card['licence']}; of the trunk {trunk['licence']}; of the data {data['licence']}",
        "card": f"dermimit models show {card['name']}",
    }
    return "\n".join([card["name"], *(f"  {word:<{INDENT}}{said}" for word, said in lines.items())])


def at_hand(trunk: Mapping[str, str]) -> str:
    """Whether the trunk's weights are on this machine, and else how they are had."""
    try:
        locate(trunk["weights"])
    except FileNotFoundError:
        return f"not on this machine: {remedy(trunk)}"
    return "on this machine"
