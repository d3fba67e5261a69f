"""Findings in a line of prose."""

from __future__ import annotations

from collections.abc import Iterable


def listed(findings: Iterable[str], heading: str = "", separator: str = "; ") -> str:
    """`heading: one; another`, or the findings alone where there is no heading; "none" where there is no finding."""
    text = separator.join(findings) or "none"
    return f"{heading}: {text}" if heading else text
