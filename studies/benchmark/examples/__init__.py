"""Outputs of other programs as answers files: each script stands alone, with NumPy and pandas, and may be copied."""
