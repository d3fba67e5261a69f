"""Chapter "Rare diseases": scores by frequency, remedies, few examples, and diseases never seen.

`by_frequency` scores head, middle and tail; `few_shot` learns from a handful of photographs on frozen features;
`novelty` asks whether an unknown disease is noticed.
"""
