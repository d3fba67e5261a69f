"""The model, step by step: what the shipped network computes for one image, and the same by hand."""
