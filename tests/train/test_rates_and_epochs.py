"""Which parameters count as new and how fast they learn, and which epoch is kept."""

from pathlib import Path

import timm

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.train import TrainConfig
from dermimit.train.history import best_epoch
from dermimit.train.optimizers import build_optimizer, learning_rate_scales


def test_new_parts_are_classifiers_and_what_joins_the_tasks():
    tasks, config = (
        {"body_part": 2, "attributes": 3, "disease": 4},
        TrainConfig(data_root=Path("data"), out=Path("run"), layer_decay=0.5, new_lr=3.0),
    )
    for choices in ({"fusion": "cim"}, {"fusion": "concat", "concat_hidden": 8}):
        model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=tasks, img_size=32, lsm_k=4, **choices)
        scales = learning_rate_scales(model, config)
        inside = {name for name, _ in model.named_parameters() if name.startswith(("trunk.", "heads."))}
        assert {scales[name] for name, _ in model.named_parameters() if name not in inside} == {3.0}
        assert all(scales[name] < 1 for name in inside)
        groups = build_optimizer(model, config).param_groups
        rates = {id(p): group.get("lr_scale", 1.0) for group in groups for p in group["params"]}
        assert all(rates[id(p)] == scales[name] for name, p in model.named_parameters())


def test_the_earliest_of_equally_good_epochs_is_the_best():
    rows = [{"val/disease/macro_f1": score} for score in (0.2, 0.5, 0.5, 0.4)]
    assert best_epoch(rows) == 1 and best_epoch(rows[:1] * 3) == 0
    assert best_epoch([{"val/disease/macro_f1": float("nan"), "val/attributes/map": m} for m in (0.3, 0.6, 0.6)]) == 1
