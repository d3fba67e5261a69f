"""The list of known weights in words; it does not wait for torch."""

from dermimit.weights.known import KNOWN, KnownWeights
from dermimit.weights.location import here

UNKNOWN = "not known"


def listing() -> str:
    """Every known weights: name, architecture, licence, size, whether it is here; source, way and sha256."""
    return "\n\n".join(entry(known) for known in KNOWN.values())


def entry(known: KnownWeights) -> str:
    """One of them."""
    there = "here" if here(known) else "not here"
    licence = f"licence {known.licence or UNKNOWN}"
    lines = [
        f"{known.name}  ({known.architecture}, {licence}, size {megabytes(known.size)}, {there})",
        f"  {known.source}",
        f"  {known.how}",
        f"  sha256 {known.sha256 or UNKNOWN}",
    ]
    return "\n".join(lines)


def megabytes(size: int) -> str:
    """A file's size in words."""
    return f"{size / 1e6:.1f} MB" if size else UNKNOWN
