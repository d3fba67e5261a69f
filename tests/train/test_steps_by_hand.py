"""Steps, epochs and choices of training by hand: what a step changes, what an epoch sees, which weights are kept."""

import copy
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

from dermimit.data.label_space import LabelSpace
from dermimit.data.transforms import RandomRotation
from dermimit.train import TrainConfig, assemble, engine, epoch, run_folder
from dermimit.train.group_dro import GroupWeights
from dermimit.train.history import best_epoch, selection_metric
from dermimit.train.long_tail import disease_loss
from dermimit.train.losses import soft_cross_entropy
from dermimit.train.recipe import loss_terms, plain_recipe
from dermimit.train.variants import group_dro, pcgrad, recipe_of, watching

NAN = float("nan")
SPACE = LabelSpace("made", ("a", "b", "c"), ("arm", "leg"), ("x", "y"))


class Noise(Dataset):
    """Eight photographs of pixels by chance, with an unknown label; diseases 0, 0, 0, 0, 0, 1, 2 and one unknown."""

    label_space = SPACE

    def __init__(self):
        disease = torch.eye(3)[[0, 0, 0, 0, 0, 1, 2, 0]]
        disease[7] = NAN
        self.targets = {"disease": disease}
        self.frame = pd.DataFrame({"image": [f"{i}.png" for i in range(8)], "fitzpatrick": [1, 6, 1, 6, 1, 1, 1, 1]})

    def __len__(self):
        return 8

    def __getitem__(self, index):
        image = torch.rand(3, 4, 4) + index
        return {"image": image, "targets": {t: v[index] for t, v in self.targets.items()}, "index": index}


class Linear(nn.Module):
    """A linear classifier of pixels, with dropout where asked, that remembers what it has seen."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.dropout, self.seen = nn.Linear(48, 3), nn.Dropout(dropout), []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        z = self.trunk(self.dropout(images.flatten(1)))
        return {"disease": z}, {"disease/logits_before": z}


def config(**settings) -> TrainConfig:
    usual = {"tasks": ("disease",), "image_size": 16, "samples": 8, "epochs": 2, "batch_size": 4, "warmup": 0.0,
             "cutmix_probability": 0.0, "tracker": "none"}  # fmt: skip
    return TrainConfig(data_root=Path("data"), out=Path("run"), **usual | settings)


def one_epoch(net, settings, number=0, optimizer=None, recipe=None):
    accelerator = Accelerator(cpu=True)
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=settings.lr)
    recipe = recipe or plain_recipe(settings, Noise(), accelerator)
    return epoch.train_one_epoch(net, None, optimizer, Noise(), settings, number, accelerator, recipe)


def test_a_step_is_clipped_and_each_group_has_a_rate_of_its_own():
    settings, net = config(lr=0.5, clip_norm=0.01), Linear()
    before = copy.deepcopy(net)
    optimizer = torch.optim.SGD([{"params": [net.trunk.weight], "lr_scale": 3.0}, {"params": [net.trunk.bias]}], lr=9.0)
    one_epoch(net, settings, 1, optimizer)
    places = plain_recipe(settings, Noise(), Accelerator(cpu=True)).order(1)
    before_loss = soft_cross_entropy(before(net.seen[0])[0]["disease"], Noise().targets["disease"][places])
    weight, bias = torch.autograd.grad(before_loss, list(before.trunk.parameters()))
    norm = float((weight.square().sum() + bias.square().sum()).sqrt())
    rate = 0.5 * 0.5 * (1 + math.cos(math.pi / 2))  # step 1 of 2, halfway down the cosine
    assert norm > 1
    torch.testing.assert_close(net.trunk.weight, before.trunk.weight - 3 * rate * 0.01 / norm * weight)
    torch.testing.assert_close(net.trunk.bias, before.trunk.bias - rate * 0.01 / norm * bias, atol=1e-7, rtol=1e-4)


def test_epochs_see_the_same_photograph_otherwise_and_an_epoch_again_sees_it_the_same():
    recipe = plain_recipe(config(), Noise(), Accelerator(cpu=True))
    recipe = SimpleNamespace(**vars(recipe) | {"order": lambda _: [5, 2, 7, 1]})
    seen = []
    for number in (0, 1, 0):
        net = Linear()
        one_epoch(net, config(), number, recipe=recipe)
        seen.append(torch.cat(net.seen))
    assert torch.equal(seen[0], seen[2]) and not (seen[0] == seen[1]).any()
    assert torch.equal(seen[0].floor(), seen[1].floor())


def test_chance_within_the_model_follows_from_seed_and_epoch_alone():
    ends = []
    for state, seed, number in ((1, 0, 0), (2, 0, 0), (1, 0, 1), (1, 5, 0)):
        net = Linear(dropout=0.5)
        recipe = plain_recipe(config(), Noise(), Accelerator(cpu=True))
        recipe = SimpleNamespace(**vars(recipe) | {"order": lambda _: [5, 2, 6, 1]})
        torch.manual_seed(state)
        one_epoch(net, config(seed=seed), number, recipe=recipe)
        ends.append(net.trunk.bias.detach())
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2]) and not torch.equal(ends[0], ends[3])


@pytest.mark.parametrize("parts", [1, 2])
def test_cutmix_has_the_settings_of_the_run_and_whole_batches(monkeypatch, parts):
    asked = []

    class Recorded:
        def __init__(self, alpha=0.3, probability=0.5, generator=None):
            asked.append((alpha, probability))

        def __call__(self, images, targets):
            asked.append(len(images))
            return images, targets

    monkeypatch.setattr(epoch, "CutMix", Recorded)
    one_epoch(Linear(), config(cutmix_alpha=0.8, cutmix_probability=0.25, accumulate=parts))
    assert asked == [(0.8, 0.25), 4]


def test_epochs_follow_one_another_through_passes_over_the_photographs():
    order = plain_recipe(config(samples=16, epochs=4), Noise(), Accelerator(cpu=True)).order
    assert sorted(order(0) + order(1)) == sorted(order(2) + order(3)) == list(range(8))
    assert order(0) + order(1) != order(2) + order(3)


def test_losses_have_the_weights_of_the_run():
    settings = config(tasks=("body_part", "attributes", "disease"), weight_body_part=2.0, weight_disease=0.5)
    assert loss_terms(settings, Noise()) == {"weights": {"body_part": 2.0, "attributes": 1.0, "disease": 0.5},
                                             "both": True, "multi_label": ["attributes"]}  # fmt: skip
    assert loss_terms(config(supervise="after"), Noise())["both"] is False


def test_a_row_with_one_unknown_entry_is_unknown():
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 0.0]])
    target = torch.tensor([[0.7, NAN, 0.0], [0.0, 1.0, 0.0]])
    by_hand = math.log(math.exp(0.5) + 2)
    assert soft_cross_entropy(logits, target).item() == pytest.approx(by_hand)


def test_a_disease_without_training_photographs_has_the_weight_of_one():
    train = torch.eye(3, dtype=torch.float64)[[0] * 5 + [1] * 4]
    z, logits = (0.3, -1.0, 2.0), torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64)
    target = torch.tensor([[0.0, 0.2, 0.8]], dtype=torch.float64)
    log_p = [v - math.log(sum(map(math.exp, z))) for v in z]
    of_five, of_four, of_one = 1 / sum(0.999**i for i in range(5)), 1 / sum(0.999**i for i in range(4)), 1.0
    mean = (5 * of_five + 4 * of_four) / 9  # over the training photographs: nobody has the third disease
    balanced = -(0.2 * of_four / mean * log_p[1] + 0.8 * of_one / mean * log_p[2])
    assert disease_loss("class_balanced", train)(logits, target).item() == pytest.approx(balanced, abs=1e-12)
    of_row = [math.log(sum(math.exp(v) * n for v, n in zip(z, (5, 4, 1), strict=True)) / (math.exp(v) * n))
              for v, n in zip(z, (5, 4, 1), strict=True)]  # fmt: skip
    adjusted = 0.2 * of_row[1] + 0.8 * of_row[2]
    assert disease_loss("logit_adjusted", train)(logits, target).item() == pytest.approx(adjusted, abs=1e-12)


def test_the_disease_chooses_the_epoch_where_it_is_known():
    others = ("val/attributes/map", "val/body_part/map", "val/body_part/macro_f1")
    scores = ((0.1, 0.9), (0.6, 0.2), (0.5, 0.8))
    rows = [{"val/disease/macro_f1": disease} | dict.fromkeys(others, other) for disease, other in scores]
    assert selection_metric(rows[0]) == "val/disease/macro_f1" and best_epoch(rows) == 1


# ---------------------------------------------------------------- groups


def losses(values) -> dict[int, dict[str, torch.Tensor]]:
    return {g: {"disease": torch.tensor(value)} for g, value in values.items()}


def test_groups_that_a_batch_holds_share_all_weight_of_its_loss():
    assert float(GroupWeights(3, step=0.0)(losses({0: 2.0, 2: 6.0}))["disease"]) == pytest.approx(4.0)
    assert float(GroupWeights(4, step=0.0)(losses({1: 5.0}))["disease"]) == pytest.approx(5.0)


def test_the_weight_of_a_group_without_loss_falls_far():
    weights = GroupWeights(2, step=1.0)
    weights.update([0, 1], torch.tensor([0.0, 7.0]))
    assert weights.q.tolist() == pytest.approx([1 / (1 + math.exp(7)), 1 / (1 + math.exp(-7))], rel=1e-4)


def test_groups_are_those_of_the_photographs_of_the_batch_and_the_reported_loss_is_of_all():
    terms = {"weights": {"disease": 2.0}, "both": False, "multi_label": []}
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0], [3.0, 0.0]])
    target, index = torch.eye(2)[[0, 0, 1, 1]], torch.tensor([5, 0, 4, 2])
    group = torch.tensor([1, 9, 0, 9, 1, 0])  # of the batch: 0, 1, 1, 0
    rows = [math.log(sum(math.exp(v) for v in z)) - z[y] for z, y in zip(logits.tolist(), (0, 0, 1, 1), strict=True)]
    objectives = group_dro(terms, group, GroupWeights(2, step=0.0))
    found, told = objectives({"disease": logits}, {"disease/logits_before": logits}, {"disease": target}, index)
    assert float(found["disease"]) == pytest.approx((rows[0] + rows[3]) / 2 + (rows[1] + rows[2]) / 2)
    assert float(told["disease"]) == pytest.approx(sum(rows) / 4)
    uneven = torch.tensor([0, 9, 1, 9, 1, 1])  # of the batch: 1, 0, 1, 1
    found, told = group_dro(terms, uneven, GroupWeights(2, step=0.0))(
        {"disease": logits}, {"disease/logits_before": logits}, {"disease": target}, index
    )
    assert float(found["disease"]) == pytest.approx(rows[1] + (rows[0] + rows[2] + rows[3]) / 3)
    assert float(told["disease"]) == pytest.approx(sum(rows) / 4)


# ---------------------------------------------------------------- recipes


@pytest.mark.parametrize("settings", [{"sampling": "diseases"}, {"even_skin": True}])
def test_even_draws_differ_from_epoch_to_epoch_and_are_those_of_the_epoch(settings):
    accelerator = Accelerator(cpu=True)
    recipe = recipe_of(config(samples=800, **settings), Noise(), Linear(), accelerator)
    again = recipe_of(config(samples=800, **settings), Noise(), Linear(), accelerator)
    assert recipe.order(1) == again.order(1) != again.order(0) == recipe.order(0)
    drawn = np.bincount(recipe.order(0), minlength=8) / 400
    kinds = [0, 0, 0, 0, 0, 1, 2, 3] if "sampling" in settings else [0, 1, 0, 1, 0, 0, 0, 0]
    assert np.bincount(kinds, drawn) == pytest.approx(1 / len(set(kinds)), abs=0.08)


def test_the_loss_of_the_disease_is_the_one_that_the_run_names():
    z, target = torch.tensor([[1.0, -1.0, 0.5]]), torch.tensor([[0.0, 1.0, 0.0]])
    objectives = recipe_of(config(disease_loss="focal"), Noise(), Linear(), Accelerator(cpu=True)).objectives
    found, told = objectives({"disease": z}, {"disease/logits_before": z}, {"disease": target}, torch.tensor([0]))
    p = math.exp(-1) / (math.e + math.exp(-1) + math.exp(0.5))
    assert float(found["disease"]) == float(told["disease"]) == pytest.approx(-((1 - p) ** 2) * math.log(p))


def test_shared_weights_get_the_gradients_without_their_conflict():
    shared, own = nn.Parameter(torch.tensor([1.0, 1.0])), nn.Parameter(torch.tensor(2.0))
    one, two = shared[0] * own, (shared[1] - shared[0]) * 1.0
    backward = pcgrad([shared], config(), Accelerator(cpu=True))
    assert backward({"disease": one, "attributes": two}, one + two, 0) == {}
    # (2, 0) - (-2 / 2) (-1, 1) = (1, 1); (-1, 1) loses its part along (2, 0): (0, 1)
    assert shared.grad.tolist() == pytest.approx([1.0, 2.0]) and float(own.grad) == pytest.approx(1.0)


def test_gradients_are_measured_in_every_third_step_only():
    shared, called = nn.Parameter(torch.tensor([1.0, 1.0])), []
    measured = watching(lambda *given: called.append(given[2]) or {}, [shared], 3, Accelerator(cpu=True))
    for step in range(7):
        one, two = shared[0] * 3, shared[1] - shared[0]
        found = measured({"disease": one, "attributes": two}, one + two, step)
        assert bool(found) == (step in (0, 3, 6))
    assert called == list(range(7)) and found["gradient/cosine/disease/attributes"] == pytest.approx(-(0.5**0.5))


def test_photographs_are_augmented_as_the_run_asks(tiny_photos):
    def steps(**settings):
        run = config(image_size=16, **settings)
        return [type(step) for step in assemble.photographs(run, tiny_photos, "train", True).transform.transforms]

    assert v2.RandomVerticalFlip in steps(vertical_flip=True) and RandomRotation not in steps(vertical_flip=True)
    assert RandomRotation in steps(rotation=20.0) and v2.RandomVerticalFlip not in steps(rotation=20.0)
    jitter = assemble.colour_jitter(0.5)
    assert jitter.brightness == jitter.contrast == jitter.saturation == pytest.approx((0.6, 1.4))
    assert jitter.hue == pytest.approx((-0.1, 0.1))


# ---------------------------------------------------------------- a run without its steps


@pytest.fixture
def without_steps(tiny_photos, tmp_path, monkeypatch):
    """Runs whose epoch e sets all weights to e, their average to e + 10, with given scores; tells what was asked."""

    def run(scores, **settings):
        found = SimpleNamespace(asked=[], emas=[])

        def train(model, ema, optimizer, photos, config, number, accelerator, recipe):
            for module, value in ((model, number), *([(ema.module, number + 10)] if ema else [])):
                for parameter in module.parameters():
                    parameter.data.fill_(value)
            found.emas.append(ema)
            return {"loss": 1.0, "lr": 0.1}

        def told(model, photos, *_):
            found.asked.append(float(next(model.parameters()).detach().flatten()[0]))
            return pd.DataFrame()

        given = iter(scores)
        monkeypatch.setattr(engine, "train_one_epoch", train)
        monkeypatch.setattr(engine, "predict", told)
        monkeypatch.setattr(engine, "score", lambda *_: {"disease/macro_f1": next(given)})
        monkeypatch.setattr(engine, "write_record", lambda *given: setattr(found, "model", given[3]))
        model = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
        engine.fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, model_kwargs=model,
                               samples=12, epochs=3, batch_size=4, tracker="none", **settings))  # fmt: skip
        found.kept = {float(v) for p in found.model.parameters() for v in p.detach().flatten()[:1]}
        return found

    return run


def test_the_best_epochs_weights_are_tested_and_kept(without_steps):
    found = without_steps((0.2, 0.5, 0.4))
    assert found.asked == [0, 1, 2, 1, 1] and found.kept == {1.0}  # three validations, then val and test


def test_the_moving_average_is_what_is_evaluated_and_kept(without_steps):
    found = without_steps((0.2, 0.5, 0.4), ema=0.9)
    assert found.asked == [10, 11, 12, 11, 11] and found.kept == {11.0}
    (ema,) = {id(one): one for one in found.emas}.values()
    decays = [ema.get_decay(step) for step in (2, 9, 1000)]  # short at first: 1 - (1 + step - 1)^(-2/3), at most 0.9
    assert decays == pytest.approx([1 - 2 ** (-2 / 3), 1 - 9 ** (-2 / 3), 0.9])


def test_temperatures_are_fitted_on_the_validation_split(tiny_photos, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(run_folder, "fit_temperatures", lambda frame, _: asked.append(set(frame["split"])) or {})
    monkeypatch.setattr(run_folder, "score", lambda *_: {})
    splits = {name: pd.DataFrame({"image": ["a.png"], "split": [name]}) for name in ("val", "test")}
    history = pd.DataFrame([{"epoch": 0, "val/disease/macro_f1": 0.5, "seconds": 1.0}])
    run_folder.write_record(tmp_path, config(), tiny_photos, nn.Linear(2, 2), splits, history, 0.0, torch.device("cpu"))
    assert asked == [{"val"}]
