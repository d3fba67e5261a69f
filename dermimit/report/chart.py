"""A small chart as SVG that takes its colours from the page, light or dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from dermimit.report.markup import Markup, el

WIDTH, HEIGHT = 440, 290
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 16, 44


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, some of 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A number at an axis: 1200 as 1,200, 0.5 as 0.5."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:g}"


@dataclass
class Chart:
    """Axes with ticks, to which lines, points and words are added.

    Attributes:
        title: what is drawn, also read to those who do not see it.
        x, y: ends of the axes.
        x_label, y_label: with units.
    """

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_label: str
    y_label: str
    parts: list[Markup] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a value, in units of the drawing."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            round(LEFT + across * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1),
        )

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str, dashed: bool = False) -> None:
        """A line through points; those without a value are left out."""
        places = [self.at(x, y) for x, y in zip(xs, ys, strict=True) if y == y]
        points = " ".join(f"{a},{b}" for a, b in places)
        self.parts.append(el("polyline", points=points, class_=f"line {colour}{' dashed' if dashed else ''}"))

    def point(self, x: float, y: float, colour: str, radius: float = 3.5) -> None:
        """A dot."""
        a, b = self.at(x, y)
        self.parts.append(el("circle", cx=a, cy=b, r=radius, class_=f"dot {colour}"))

    def words(self, x: float, y: float, text: str, colour: str = "", anchor: str = "start", up: float = 0) -> None:
        """Text beside a point, `up` units above it."""
        a, b = self.at(x, y)
        shift = {"start": 7, "end": -7}.get(anchor, 0)
        self.parts.append(
            el("text", text, x=a + shift, y=round(b - up + 4, 1), text_anchor=anchor, class_=colour or None)
        )

    def svg(self) -> Markup:
        """The chart."""
        bottom, left = HEIGHT - BOTTOM, LEFT
        axes = []
        for value in ticks(*self.y):
            _, b = self.at(self.x[0], value)
            axes.append(el("line", x1=left, x2=WIDTH - RIGHT, y1=b, y2=b, class_="grid"))
            axes.append(el("text", short(value), x=left - 6, y=b + 4, text_anchor="end"))
        for value in ticks(*self.x, most=4):
            a, _ = self.at(value, self.y[0])
            axes.append(el("line", x1=a, x2=a, y1=bottom, y2=bottom + 4, class_="axis"))
            axes.append(el("text", short(value), x=a, y=bottom + 17, text_anchor="middle"))
        axes.append(el("line", x1=left, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
        middle = (left + WIDTH - RIGHT) / 2
        axes.append(el("text", self.x_label, x=middle, y=HEIGHT - 8, text_anchor="middle", class_="label"))
        turn = f"rotate(-90 13 {(TOP + bottom) / 2})"
        axes.append(
            el("text", self.y_label, x=13, y=(TOP + bottom) / 2, text_anchor="middle", transform=turn, class_="label")
        )
        drawing = el(
            "svg",
            el("title", self.title),
            axes,
            self.parts,
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            class_="chart",
        )
        return el("figure", el("figcaption", self.title), drawing)
