"""DermImit: an open implementation of DermImitFormer.

`import dermimit.model` registers the models with timm. Parts are imported when they are first named, so that what needs
no network, such as a table, does not wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["data", "evaluate", "explain", "explore", "model", "predict", "train"],
    submod_attrs={"model": ["DermImitFormer", "ModelConfig"]},
)
__version__ = "0.1.0"
