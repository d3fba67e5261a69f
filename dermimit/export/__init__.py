"""A trained run as an ONNX file: `export_run` writes one and checks its answers against the model's.

`graph` is the model with its concepts as inputs, which the explorer lets a reader change; `plain` is any run without
them. `facts` says how to use the file, `parity` how far it is from the model. `quantise` makes the file small where it
answers as well, and `accuracy` measures both on test photographs, clean and spoilt. `example` is a script that uses the
file without this package.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"onnx": ["Exported", "export_run"]})
