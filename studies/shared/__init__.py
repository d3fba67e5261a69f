"""What several studies need: pages, published records, references, charts.

`page` is what every notebook opens with; `evidence` and `references` read published runs; `published` says where they
come from, `published_cases` draws their test photographs again; `charts`, `interval_charts`, `pictures` and
`widgets` show and describe.
"""
