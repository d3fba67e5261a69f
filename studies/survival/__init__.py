"""Chapter "Fault tolerance": killed processes, damaged files, strangers at the servers, full disks.

`measure` runs the tests that `probes.yaml` lists; other records come from benchmarks/. `tables` and `charts` read them.
"""
