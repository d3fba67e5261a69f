"""Chapter "What it survives": killed processes, full disks, damaged files.

The records come from benchmarks/; `tables` and `charts` read them.
"""
