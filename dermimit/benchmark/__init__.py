"""Public benchmarks: fixed splits, anybody's answers in, scores with intervals by patient out; no torch needed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers_file": ["AnswersError", "Given", "read_answers_file"],
        "benchmarks": ["Benchmark", "benchmark", "names"],
        "scoring": ["report", "difference"],
        "verify": ["verify"],
    },
)
