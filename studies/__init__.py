"""The studies of the book, one folder a chapter; the package `dermimit` knows nothing of them.

`measure` writes the records below results/published; `tables`, `charts` and `numbers` read them for the pages; the
other modules are what is measured. A study imports `dermimit` and `studies.shared`, never another study. They are in
no wheel: a checkout is needed.
"""
