"""Chapter "When it fails": what goes with errors, and what changes an answer that should not.

`by_condition` tags wrong answers, `error_dependence` ties the tasks' errors together, `counterfactuals` change one
thing of a synthetic case, and `planted` and `ink_study` ask after shortcuts, on synthetic images and on real ones.
"""
