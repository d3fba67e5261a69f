"""Chapter "Speed": what a prediction, an epoch and the book cost in time.

The records come from benchmarks/; `tables` and `charts` read them, and `book_speed` reads how long the book took.
"""
