"""A reader study without patients' risk: doctors read photographs, then again with the model's answer in sight.

`design` deals cases to readers and `study` writes them into a folder that one computer serves (`server`, `session`);
`answers` and `export` give tables back. `analysis` and `model` find what the model's answer changed, and `power` says
beforehand how many readers and cases that needs.
"""

from typing import Literal

Shares = Literal["equal", "as_found"]
"""Of the diseases among the cases: as many of each, or as the dataset has them."""
