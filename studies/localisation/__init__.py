"""Chapter "Where it looks": maps and selected patches against lesion masks.

`map_scores` scores maps of runs on `masked_photographs`, `summary` brings intervals, `selection` says what is selected.
`contrast` says how much a lesion stands out; `segmenters` and `outlines` train networks that outline it first. The page
compares choices of patches (`four_ways`, `against_attention`) and how well maps point (`pointing`).
"""
