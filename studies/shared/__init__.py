"""What several studies need: pages, published records, references, charts.

`page` opens and closes every notebook, with `parameters`, `folders` and `show`; `training` is for the one that trains;
`evidence` and `references` read published runs; `published_cases` draws their test photographs again; `charts`,
`interval_charts` and `pictures` show and describe.
"""
