"""Pretrained weights of a ViT: where they come from, whose names they have, and filling a DermImitFormer with them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "filling": ["Filled", "fill", "provenance_of"],
        "known": ["KNOWN", "KnownWeights"],
        "location": ["locate"],
        "reading": ["Weights", "read_weights"],
    },
)
