"""Chapter "Real photographs": what a wrong split and missing labels do to a score.

`leakage` compares splits by patient with splits by photograph on PAD-UFES-20; `missingness` asks whether absent labels
say something of the disease.
"""
