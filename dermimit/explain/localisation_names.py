"""What measurements, tables and figures of localisation have in common, without the code that measures."""

import numpy as np

SCORES = ("pointing", "energy", "auroc", "average_precision", "iou", "deletion", "insertion")
BASELINES = ("centre_prior", "edge_density", "random", "untrained")
"""Maps that do not know what the network learned."""
HUMAN_IOU = 0.76
"""Median IoU of two groups of people who drew the same lesion of PAD-UFES-20 independently: a practical ceiling."""
SHARES = np.linspace(0, 1, 21)
"""Where curves of deletion and insertion are stored, so that they can be averaged."""
