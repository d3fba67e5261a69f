"""How a case changes with time: the course of a disease applied to its labels and lesions."""

from dataclasses import replace

from dermimit.data.synderm.case import Labels, Stage
from dermimit.data.synderm.knowledge import Course, knowledge

FLUID = ("vesicle", "bulla", "pustule")
INFLAMED = ("erythema", "excoriation", "erosion", "wheal")
FLAT = "macule"


def after(labels: Labels, course: Course, days: float) -> tuple[Labels, Stage]:
    """What a case shows some days after its photograph in the dataset.

    With p = days / course.days: *resolving* lesions lose redness and height as p goes to 1, blisters turn to crust at
    p = 0.3, and at p = 1 only the residue is left; *spreading* ones multiply by 1 + p, up to 2.5; *growing* ones widen
    by 1 + p / 2, up to 2; *relapsing* ones fade until p = 1 and are back at p = 2; *migrating* ones stand elsewhere
    each day and are gone at p = 1; *stable* ones stay. A simple scheme of ours, not a fit to patients.

    Returns:
        the labels of that day and the stage for drawing.
    """
    if days < 0:
        raise ValueError(f"days: must be 0 or more, found {days}")
    p = days / course.days
    if p == 0 or course.kind == "stable":
        return labels, Stage()
    if course.kind == "spreading":
        return labels, Stage(more=min(1 + p, 2.5), activity=1.0)
    if course.kind == "growing":
        return labels, Stage(grown=min(1 + p / 2, 2.0))
    if course.kind == "relapsing":
        phase = p % 2
        activity = abs(1 - phase)
        return (_calmed(labels, course) if activity < 0.4 else labels), Stage(activity=activity)
    if p >= 1:
        return _healed(labels, course), Stage(activity=0.0)
    if course.kind == "migrating":
        return labels, Stage(shuffle=1 + int(days))
    return (_crusted(labels) if p >= 0.3 else labels), Stage(grown=1 - 0.45 * p, activity=1 - p)


def _with(labels: Labels, present: set[str]) -> Labels:
    return replace(labels, attributes=tuple(a for a in knowledge().attributes if a in present))


def _crusted(labels: Labels) -> Labels:
    """Blisters and pustules have dried: crust and flat marks are left."""
    present = set(labels.attributes)
    if not present & set(FLUID):
        return labels
    return _with(labels, (present - set(FLUID) - {"umbilication"}) | {"crust", FLAT})


def _calmed(labels: Labels, course: Course) -> Labels:
    """Between two bouts: what is inflamed or wet is gone; the flat mark and the residue stay."""
    present = set(labels.attributes) - set(INFLAMED) - set(FLUID) - {"crust"}
    return _with(labels, present | _residue(course) | ({FLAT} if not present & set(knowledge().elements) else set()))


def _healed(labels: Labels, course: Course) -> Labels:
    """All lesions are gone but for the residue, if the course leaves one."""
    residue = _residue(course)
    return _with(labels, residue | {FLAT} if residue else set())


def _residue(course: Course) -> set[str]:
    return {course.residue} if course.residue else set()
