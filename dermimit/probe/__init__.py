"""What frozen features of a backbone already tell: the baseline that comes before any training.

`backbone` opens a timm model and fills it, `features` reads every photograph once through it, `kept` keeps what it
gave. `neighbours`, `logistic` and `attentive` learn from these features, `cross_validation` asks each of them for the
photographs of patients that it has not seen, and `scores`, `record` and `table` say what came out. `colour` is 25
numbers of colour and texture in place of a network.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"config": ["ProbeConfig"], "record": ["out_of_fold"], "run": ["probe"]}
)
