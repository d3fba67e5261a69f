"""Chapter "Where it looks": maps and selected patches against lesion masks.

`map_scores` scores maps of runs on `masked_photographs`, `summary` brings intervals, `selection` compares ways to
choose patches.
`segmenters` and `outlines` train the rivals that outline the lesion first.
"""
