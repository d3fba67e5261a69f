"""What a trained run says of photographs that nobody has labelled.

`inputs` finds the photographs, `decoding` reads them while the model computes, `photographs` asks the model; `text`,
`table`, `drawings` and `printing` show the answers, and `rules` calibrates and withholds them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "inputs": ["find_photographs"],
        "photographs": ["predict_photo"],
        "table": ["predict_photos", "write_table"],
        "text": ["describe"],
    },
)
