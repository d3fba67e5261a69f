"""DATASHEET.md of a written SynDerm folder: the template `datasheet.md` with the numbers in force."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from dermimit.data.synderm.additive import additive_ceiling
from dermimit.data.synderm.case import CAUSES
from dermimit.data.synderm.ceiling import Ceiling, ceiling
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES
from dermimit.data.synderm.regimes import LEAST_SHARE, VERSION_3, Regime
from dermimit.records import write_atomically

SIMULATED = 10_000  # cases behind the ceiling in the datasheet


def save_datasheet(root: Path, record: Mapping[str, Any], dataset: SynDerm) -> None:
    """Write DATASHEET.md, `datasheet.md` with the numbers of this dataset filled in."""
    template = Template(resources.files(__package__).joinpath("datasheet.md").read_text(encoding="utf-8"))
    text = template.substitute(_numbers(record, dataset))
    write_atomically(root / "DATASHEET.md", lambda draft: draft.write_text(text, encoding="utf-8"))


def _numbers(record: Mapping[str, Any], dataset: SynDerm) -> dict[str, str]:
    """What the template asks for."""
    cases, days = sum(record["n"].values()), record["visits"]
    best = _ceiling(tuple(dataset.prior.tolist()), str(dataset.regime))
    ordered = sorted((item for item in record["prior"].items() if item[1]), key=lambda item: -item[1])
    several = {"diseases": LABEL_SPACE.diseases, "body_parts": LABEL_SPACE.body_parts} | {
        "attributes": LABEL_SPACE.attributes, "numbers": NUMBERS, "sizes": SIZES, "arrangements": ARRANGEMENTS,
    }  # fmt: skip
    return {name: ", ".join(values) for name, values in several.items()} | {
        "photographs": f"{cases * len(days):,}",
        "cases": f"{cases:,}",
        "splits": ", ".join(f"{split} {count:,}" for split, count in record["n"].items()),
        "size": str(record["image_size"]),
        "seed": str(record["seed"]),
        "days": ", ".join(f"{day:g}" for day in days),
        "skin": ", ".join(f"{t}: {p:.1%}" for t, p in record["fitzpatrick"].items()),
        "prior": f"from {ordered[0][0]} ({ordered[0][1]:.2%}) to {ordered[-1][0]} ({ordered[-1][1]:.2%})",
        "confounders": "\n".join(f"| {name} | {_odds(rows)} |" for name, rows in record["confounders"].items()),
        "zoom": "drawn by chance" if record["zoom"] is None else f"{record['zoom']:g}",
        "camera": ", ".join(f"{k} = {v}" for k, v in record["camera"].items()) or "nothing",
        "maps": MAPS.format(
            last=len(LABEL_SPACE.attributes), causes=", ".join(f"{i} {c}" for i, c in enumerate(CAUSES))
        )
        if record["maps"]
        else "This folder has no maps (`maps=True` writes them).",
        "accuracy": f"{best.accuracy:.1%}",
        "macro_f1": f"{best.macro_f1:.1%}",
        "top3": f"{best.top3_accuracy:.1%}",
        "error": f"{best.mc_standard_error:.1%}",
        "f1_error": f"{best.macro_f1_standard_error:.1%}",
        "simulated": f"{best.n:,}",
        "holds": _holds(record),
        **_regime(dataset.regime),
        "renderer": str(record["renderer"]),
        "versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        "date": record["date"],
        "fingerprint": record["fingerprint"],
    }


NOISY = (
    "The disease is always true. In the training and validation splits `body_part`, `attributes` and "
    "`attributes_unknown` are what a reader wrote down, some missing and some wrong at the rates of `noise.yaml` of "
    "the package; `true_body_part` and `true_attributes` stand beside them. In the test split the labels are true."
)
ADDITIVE = (
    "A reader who scores a disease by one number for the site plus one for all else reaches accuracy {likelihood:.1%} "
    "as trained by maximum likelihood and {best:.1%} at the best that is known, with the shipped prior."
)
REGIMES = {
    "interaction": "Pairs of diseases (`interactions.yaml` of the package) share everything but one finding, whose "
    "meaning depends on the body part. These tables are constructed for testing methods: at strength 0 the finding "
    "speaks by itself, at 1 it is an exclusive or with the site.",
    "groups": "Groups of four diseases (`interaction_groups.yaml` of the package) share everything but two findings, "
    "whose meaning depends on the body part. These tables are constructed for testing methods: at strength 0 the "
    "findings speak by themselves, at 1 each is an exclusive or with the site.",
    "small": "Lesions cover about 0.5 to 3 % of the picture and lie anywhere on the skin in sight, among moles, hair, "
    "shadows, jewellery and ruler marks that are drawn independently of the disease and of the lesions.",
    "noisy": "A reader writes down the truth or, at a rate set for each class, draws anew from how common the answers "
    "are; the rates follow from published agreement between readers where there is any, and are ours elsewhere.",
}
MAPS = """`maps/<name>.npz` holds what each pixel shows: `attribute_map` ({last}, H, W) bits, which attributes changed a
pixel, packed along the first axis; `lesion_map` (H, W), the number of the primary lesion, 0 for none; `cause` (H, W):
{causes}. `dermimit.data.synderm.files.read_maps(path)` reads a file; without the package:

```python
maps = numpy.load("maps/<name>.npz")
attribute_map = numpy.unpackbits(maps["attribute_map"], axis=0, count={last}).astype(bool)
```"""


@cache
def _ceiling(prior: tuple[float, ...], regime: str) -> Ceiling:
    return ceiling(n=SIMULATED, prior=prior, regime=regime)


def _regime(regime: Regime) -> dict[str, str]:
    """What the template says of the regime."""
    interacts = regime.interaction is not None or regime.groups is not None
    parts = {"interaction": regime.interaction is not None, "groups": regime.groups is not None}
    parts |= {"small": regime.small, "noisy": regime.noisy > 0}
    told = [REGIMES[name] for name, there in parts.items() if there]
    if regime.noisy not in (0, 1):
        told.append(f"The reader errs {regime.noisy:g} times as often as the rates say.")
    if regime.version > VERSION_3.version:
        told.append(f"Rare diseases have a share of at least {LEAST_SHARE:.2%} of the shipped prior.")
    added = additive_ceiling(str(regime), n=SIMULATED) if interacts else None
    return {
        "regime": str(regime),
        "labels": NOISY if regime.noisy else "Every label is known; none is missing.",
        "regimes": "\n\n".join(told),
        "given": ", body part" if interacts else "",
        "pairs": " and the groups of the interaction" if interacts else "",
        "additive": ADDITIVE.format(best=added.best.accuracy, likelihood=added.likelihood.accuracy) if added else "",
    }


def _odds(rows: Mapping[str, float]) -> str:
    """P(confounder | disease) in words."""
    others = ", ".join(f"{d} {p:.1%}" for d, p in rows.items() if d != "default")
    return f"{rows['default']:.1%}" + (f"; {others}" if others else "")


def _holds(record: Mapping[str, Any]) -> str:
    """Whether the ceiling bounds every classifier here."""
    leaks, caveats = [name for name, rows in record["confounders"].items() if len(rows) > 1], []
    if leaks:
        caveats.append(f"**It bounds no classifier here: {', '.join(leaks)} depend on the disease and give it away.**")
    if record["visits"] != [0]:
        caveats.append(
            "**It speaks of photographs on day 0.** Later ones have lost or kept signs, and a series of visits shows "
            "the course, which tells more than one photograph."
        )
    return " ".join(caveats) or (
        "No confounder depends on the disease here, so it bounds every classifier of these photographs."
    )
