"""Somebody else's table and a folder of photographs, turned into a dataset "folder" of this project.

`source` reads the table, `mapping` finds what its columns are, `labels` puts their values into our forms, `matching`
finds the photographs, `writing` makes the folder, `summary` says what was done; `run` is all of it.
"""
