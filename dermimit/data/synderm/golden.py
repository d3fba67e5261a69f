"""Fingerprints of what SynDerm draws, to tell whether two versions of the code draw the same pictures."""

import hashlib

from dermimit.data.synderm.dataset import SynDerm


def pixels_fingerprint(regime: str | None = None) -> str:
    """SHA-256 over photographs, attribute maps and cause maps of 24 cases at 64 pixels, of version 3 or of a regime."""
    digest = hashlib.sha256()
    for case in (SynDerm(24, seed=3, image_size=64, regime=regime)[i] for i in range(24)):
        digest.update(case.image.tobytes() + case.attribute_map.tobytes() + case.cause.tobytes())
    return digest.hexdigest()
