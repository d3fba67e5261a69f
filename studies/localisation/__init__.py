"""Chapter "Where it looks": maps and selected patches against lesion masks.

`map_scores` scores maps of runs on `masked_photographs`, `summary` brings intervals, `selection` compares ways to
choose patches. `contrast` says how much a lesion stands out; `segmenters` and `outlines` train the rivals that outline
it first.
"""
