"""Measure what each regime of SynDerm-49 leaves to be won: ceilings, readers of the truth, readers of a crop.

Writes results/published/synderm_checks/regimes.json, and fresh_test.json: how many cases of each disease the fresh test
set of each regime has, and a fingerprint of its pictures.

Run: python -m studies.synderm_checks.measure_regimes [--only ceilings readers crops fresh]
"""
