"""The claims as one table: words, intervals on a common axis, verdicts. HTML, so that it fits a phone and the dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dermimit.evaluate.estimate import Estimate
from studies.overview.claims import MACRO_F1, Claim, Finding
from studies.overview.collect import BLOCKS
from studies.shared.verdict_words import NOT_TESTED, css_class, word

SPAN = 16.0  # points on either side of zero
WIDTH, HEIGHT = 200, 22
MARGIN = 2.0
COLUMNS = ("Claim", "Synthetic images", "Real photographs")


def matrix(claims: Sequence[Claim]) -> str:
    """The table as HTML: a row a claim, its findings below one another in two columns."""
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    body, place = [], 0
    for heading, count in BLOCKS.items():
        body.append(f'<tr class="block"><th colspan="3" scope="colgroup">{escape(heading)}</th></tr>')
        body += [row(claim) for claim in claims[place : place + count]]
        place += count
    return f'<table class="claims"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


CHIP = f'<span class="chip {css_class(NOT_TESTED)}">{NOT_TESTED}</span>'
"""Stands where a claim has no finding."""


def row(claim: Claim) -> str:
    """One claim."""
    text = f'<strong>{escape(claim.text)}</strong><span class="meaning">{escape(claim.meaning)}</span>'
    cells = [
        f'<td data-label="{name}">{"".join(map(shown, findings)) or CHIP}</td>'
        for name, findings in zip(COLUMNS[1:], (claim.synthetic, claim.real), strict=True)
    ]
    return f'<tr><th scope="row">{text}</th>{"".join(cells)}</tr>'


def shown(finding: Finding) -> str:
    """One finding: what was compared, its interval drawn and in numbers, its chip."""
    chip = f'<span class="chip {css_class(finding.verdict)}">{escape(word(finding.verdict))}</span>'
    parts = [f'<span class="what">{escape(finding.what)}</span>']
    if finding.estimate is not None:
        scored = finding.unit == MACRO_F1  # the other units have an axis of their own
        numbers = f"{finding.estimate.signed(1)} {'points' if scored else finding.unit}"
        if scored:
            parts.append(drawing(finding.estimate, css_class(finding.verdict)))
        parts.append(f'<span class="numbers">{escape(numbers)}</span>')
    note = f'<span class="note">{escape(finding.note)}</span>' if finding.note else ""
    return f'<div class="finding">{"".join(parts)}<span class="said">{chip} {note}</span></div>'


def drawing(estimate: Estimate, kind: str) -> str:
    """An interval on the axis that all findings share, from −16 to +16 points; an end beyond it is an arrow.

    The pale band is the margin within which a difference would not matter. The numbers stand beside it as text, so
    that the drawing is hidden from screen readers.
    """

    def x(value: float) -> float:
        return WIDTH / 2 + max(-SPAN, min(SPAN, value)) / SPAN * (WIDTH / 2 - 8)

    middle, band = HEIGHT / 2, x(MARGIN) - x(-MARGIN)
    left, right = x(estimate.low), x(estimate.high)
    ends = ""
    if estimate.low < -SPAN:
        ends += f'<path d="M{left} {middle - 5} l-6 5 l6 5"/>'
    if estimate.high > SPAN:
        ends += f'<path d="M{right} {middle - 5} l6 5 l-6 5"/>'
    return (
        f'<svg class="interval {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true" focusable="false">'
        f'<rect class="margin" x="{x(-MARGIN):.1f}" y="0" width="{band:.1f}" height="{HEIGHT}"/>'
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{HEIGHT}"/>'
        f'<line class="range" x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}"/>{ends}'
        f'<circle cx="{x(estimate.value):.1f}" cy="{middle}" r="5"/></svg>'
    )


def plain(claims: Sequence[Claim]) -> str:
    """The same as text, for a reader without HTML."""
    lines = []
    for claim in claims:
        lines.append(claim.text)
        for name, found in zip(COLUMNS[1:], (claim.synthetic, claim.real), strict=True):
            lines += [f"  {name}, {line(finding)}" for finding in found]
    return "\n".join(lines)


def line(finding: Finding) -> str:
    """A finding in one line of text."""
    size = f" {finding.estimate.signed(1)} {finding.unit}" if finding.estimate is not None else ""
    note = f" ({finding.note})" if finding.note else ""
    return f"{finding.what}:{size} {word(finding.verdict)}{note}"
