"""Photographs and labels: manifests, splits, transforms, and one module for each dataset.

Names are imported when they are first used, so that a table of labels does not wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "label_space": ["LabelSpace"],
        "loaders": ["DATASETS", "check_options", "options_of"],
        "photo_set": ["PhotoSet", "load"],
        "photos": ["PhotoDataset"],
        "problems": ["ManifestError"],
        "reading": ["PhotoError"],
        "splits": ["LeakageError", "check_leakage"],
    },
)
