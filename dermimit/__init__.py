"""DermImit: an open implementation of DermImitFormer, for photographs of your own.

    from pathlib import Path
    import dermimit

    config = dermimit.TrainConfig(dataset="folder", data_root=Path("photos"), out=Path("runs/mine"))
    run = dermimit.load_run(dermimit.fit(config))  # `fit` goes on where it was interrupted
    print(dermimit.describe(dermimit.predict_photo(run, "photo.jpg")))
    image = dermimit.load("folder", "photos", run.preprocessing).photos("test")[0]["image"]
    where = dermimit.attribution(run, image[None], "disease", None, "integrated_gradients").map

The sub-packages hold the rest: `data`, `model` (which registers the models with timm), `train`, `evaluate`, `explain`,
`export`, `explore`. Names are imported when they are first used, so that a table does not wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["data", "evaluate", "explain", "explore", "export", "model", "predict", "train"],
    submod_attrs={
        "data": ["LabelSpace", "PhotoSet", "load"],
        "evaluate": ["Estimate"],
        "explain": ["attribution"],
        "export": ["export_run"],
        "model": ["DermImitFormer", "ModelConfig"],
        "predict": ["describe", "predict_photo", "predict_photos"],
        "prediction": ["Prediction"],
        "train": ["Run", "TrainConfig", "fit", "load_run"],
    },
)
__version__ = "0.1.0"
