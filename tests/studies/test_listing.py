"""Lists in prose."""

from studies.shared.listing import listed


def test_findings_are_listed_and_their_absence_is_said():
    assert listed(["one", "two"]) == "one; two" and listed(iter(["one", "two"]), separator=", ") == "one, two"
    assert listed(["one"], "Wider") == "Wider: one" and listed([], "Wider") == "Wider: none" and listed([]) == "none"
