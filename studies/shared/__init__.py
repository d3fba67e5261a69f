"""What several studies need: pages, published records, references, charts.

`page` opens and closes every notebook, with `parameters`, `folders`, `paths` and `show`; `training` is for the one that
trains. `evidence` and `references` read published runs, `published` says where they come from, and `published_cases`
draws their test photographs again; `charts`, `interval_charts`, `pictures` and `widgets` show and describe.
"""
