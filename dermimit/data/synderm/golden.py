"""Fingerprints of what SynDerm draws, to tell whether two versions of the code draw the same pictures."""

import hashlib
import json

from dermimit.data.synderm.dataset import SynDerm


def labels_fingerprint() -> str:
    """SHA-256 over labels and all drawn parameters of twelve cases."""
    cases = [SynDerm(12, seed=3, image_size=16)[i] for i in range(12)]
    return hashlib.sha256(json.dumps([[vars(c.labels), c.parameters] for c in cases]).encode()).hexdigest()


def pixels_fingerprint() -> str:
    """SHA-256 over photographs, attribute maps and cause maps of 24 cases at 64 pixels."""
    digest = hashlib.sha256()
    for case in (SynDerm(24, seed=3, image_size=64)[i] for i in range(24)):
        digest.update(case.image.tobytes() + case.attribute_map.tobytes() + case.cause.tobytes())
    return digest.hexdigest()
