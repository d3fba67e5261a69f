"""Scores, and what may be said of them.

`predictions` and `metrics` turn a model into numbers; `resampling`, `significance` and `comparisons` say how sure these
are and whether two models differ; `estimate` prints and judges a value with its interval, everywhere in the same way.
`calibration`, `selective`, `conformal`, `subgroups` and `error_types` look at one side of the answers each. `folder`
scores a trained run on other photographs, and `runs` reads the records of many runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["Answers", "macro_f1", "read_answers"],
        "comparisons": ["compare"],
        "estimate": ["Estimate", "estimate"],
        "folder": ["evaluate"],
        "metrics": ["score"],
        "predictions": ["predict"],
        "runs": ["read_experiments", "read_records"],
        "streaming": ["score_file"],
    },
)
