"""The one way in which a value with its interval is read, printed and judged."""

import numpy as np
import pytest

from dermimit.evaluate.estimate import ALPHA, INCONCLUSIVE, NONE, Estimate, corrected_verdict, estimate, minus, p_text

NAN = float("nan")


def test_a_line_of_a_record_spells_its_ends_with_the_name_or_bare():
    assert estimate({"value": 1, "low": 0, "high": 2}) == Estimate(1, 0, 2)
    assert estimate({"net": 1, "net_low": 0, "net_high": 2}, "net") == Estimate(1, 0, 2)
    both = {"value": 1, "value_low": 0.5, "value_high": 1.5, "low": 0, "high": 2}  # its own ends come first
    assert estimate(both) == Estimate(1, 0.5, 1.5)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"value": 1, "low": 0, "high": 2}, "net"),  # no such value
        ({"net": 1, "low": 0, "high": 2}, "net"),  # bare ends are those of "value" alone
        ({"value": 1, "low": 0}, "value"),
        ({"value": 1, "value_low": 0, "high": 2}, "value"),
    ],
)
def test_a_line_without_the_value_or_its_interval_is_refused(line, name):
    with pytest.raises(KeyError):
        estimate(line, name)


def test_an_estimate_is_printed_with_a_minus_sign_and_its_interval():
    difference = Estimate(0.0104, -0.0031, 0.0216)
    assert difference.plain() == "0.010 (−0.003 to 0.022)" and difference.plain(1) == "0.0 (−0.0 to 0.0)"
    assert difference.signed() == "+0.010 (−0.003 to +0.022)" and "-" not in difference.signed()
    assert difference.points() == "+1.0 (−0.3 to +2.2)" and difference.points(0) == "+1 (−0 to +2)"
    assert Estimate(0.12, 0.101, 0.14).percent() == "12.0 (10.1 to 14.0)"
    assert Estimate(1.316, 1.1, 1.58).ratio() == "1.32 (1.10 to 1.58)"


def test_what_is_missing_is_a_dash_and_a_value_without_an_interval_stands_alone():
    nothing, alone = Estimate(NAN, NAN, NAN), Estimate(-0.1, NAN, NAN)
    printed = [getattr(nothing, way)() for way in ("plain", "signed", "percent", "points", "ratio")]
    assert printed == [NONE] * 5 and Estimate(np.float64("nan"), 0, 1).plain() == NONE
    assert alone.signed() == "−0.100" and alone.percent() == "−10.0"
    for missing in (nothing, alone):
        assert not (missing.above() or missing.below() or missing.excludes()) and missing.verdict() == INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "of_a_difference", "of_a_ratio"),
    [
        (1.1, 1.5, "higher", "higher"),
        (0.2, 0.9, "higher", "lower"),
        (-0.3, -0.1, "lower", "lower"),
        (-0.3, 1.2, INCONCLUSIVE, INCONCLUSIVE),
        (0.0, 1.0, INCONCLUSIVE, INCONCLUSIVE),  # an end on the value of no effect
    ],
)
def test_the_verdict_is_the_side_of_no_effect(low, high, of_a_difference, of_a_ratio):
    found = Estimate((low + high) / 2, low, high)
    assert found.verdict() == of_a_difference and found.verdict(none=1) == of_a_ratio
    assert found.verdict(("more", "less", "?")) == {"higher": "more", "lower": "less"}.get(of_a_difference, "?")
    for none, told in ((0, of_a_difference), (1, of_a_ratio)):
        assert (found.above(none), found.below(none)) == (told == "higher", told == "lower")
        assert found.excludes(none) == (told != INCONCLUSIVE)


@pytest.mark.parametrize(
    ("value", "p", "told"),
    [
        (0.1, 0.049, "higher"),
        (-0.1, 0.001, "lower"),
        (0.1, ALPHA, INCONCLUSIVE),
        (0.1, NAN, INCONCLUSIVE),
        (-0.1, None, INCONCLUSIVE),
    ],
)
def test_a_corrected_test_gives_the_side_only_below_its_level(value, p, told):
    assert corrected_verdict(value, p) == told
    assert corrected_verdict(value, p, ("+", "-", "0")) == {"higher": "+", "lower": "-", INCONCLUSIVE: "0"}[told]


def test_p_values_are_printed_down_to_their_floor():
    assert p_text(0.0312) == "0.031" and p_text(0.001) == p_text(0.0002) == "< 0.001"
    assert p_text(0.004, floor=0.004) == "< 0.004" and p_text(0.0041, floor=0.004) == "0.004"
    assert p_text(NAN) == NONE


def test_a_hyphen_becomes_a_minus_sign():
    assert minus("-1.5 (-2 to -1)") == "−1.5 (−2 to −1)"
