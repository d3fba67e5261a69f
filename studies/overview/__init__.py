"""Results in one view: every claim of the paper with what was measured of it."""
