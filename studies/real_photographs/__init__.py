"""Chapter "Real photographs": what models find in photographs of patients, and what a wrong split does to a score.

`sensitivity` counts what the published models find of each diagnosis and `scores` sets them beside one another;
`leakage` compares splits by patient with splits by photograph; `missingness` asks whether absent labels say something
of the disease; `datasheets` writes the licences and faults of public datasets into the appendix.
"""
