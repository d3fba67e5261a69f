"""Seeing what a network uses: attribution maps, how well they find the lesion, and the figures that show them.

`attributions` is the door to every method; `attention_maps`, `gradient_maps`, `occlusion_maps` and `baseline_maps` hold
them. `localisation` and `deletion` score maps against masks and against the answer itself, `sanity` and `randomise` ask
whether a map depends on what was learnt. `figures` and `style` draw.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"attributions": ["METHODS", "attribution", "methods_for"], "figures": ["answer_figure"]},
)
