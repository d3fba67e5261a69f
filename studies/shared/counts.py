"""Small numbers as words, as prose has them."""

from __future__ import annotations

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(number: int) -> str:
    """The number as a word up to twelve, else in figures; 0 is "none"."""
    return WORDS[number] if number < len(WORDS) else str(number)
