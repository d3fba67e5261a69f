"""Group DRO against loops over the groups; training mixes of skin types; what a run does with these settings."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.data.problems import ManifestError
from dermimit.data.skin import mix_skin, skin_group
from dermimit.train import TrainConfig, fit, load_run
from dermimit.train.group_dro import GroupWeights, objectives_by_group
from dermimit.train.losses import soft_cross_entropy, task_objectives
from dermimit.train.order import even_groups
from dermimit.train.variants import group_dro


def test_weights_follow_the_published_rule_where_every_group_is_there():
    weights, expected = GroupWeights(3, step=0.1), [1 / 3] * 3
    for losses in ([1.0, 2.0, 4.0], [3.0, 3.0, 0.5], [0.0, 1.0, 8.0]):
        weights.update([0, 1, 2], torch.tensor(losses))
        raised = [q * math.exp(0.1 * loss) for q, loss in zip(expected, losses, strict=True)]
        expected = [q / sum(raised) for q in raised]
        assert weights.q.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_group_that_a_batch_lacks_keeps_its_weight():
    weights = GroupWeights(3, step=1.0)
    weights.update([0, 2], torch.tensor([0.0, math.log(3)]))
    assert weights.q.tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=1e-5)
    weights.update([1], torch.tensor([9.0]))
    assert weights.q.tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=1e-5)


def batch(seed=0, n=12):
    rng = torch.Generator().manual_seed(seed)
    logits = {"disease": torch.randn(n, 5, generator=rng), "attributes": torch.randn(n, 4, generator=rng)}
    out = {f"{task}/logits_before": z + torch.randn(z.shape, generator=rng) for task, z in logits.items()}
    known = torch.eye(5)[torch.randint(5, (n,), generator=rng)]
    known[3] = float("nan")
    targets = {"disease": known, "attributes": torch.randint(2, (n, 4), generator=rng).float()}
    return logits, out, targets, {"disease": 1.0, "attributes": 5.0}, True


def test_the_loss_is_the_weighted_sum_of_the_groups_losses():
    group, given = torch.tensor([0, 1, 2, 1] * 3), batch()
    weights = GroupWeights(3, step=0.05)
    found = weights(objectives_by_group(group, *given))
    logits, out, targets, task_weights, both = given
    slow, totals = {}, []
    for g in range(3):
        rows = [i for i in range(12) if group[i] == g]
        cut = [{k: v[rows] for k, v in part.items()} for part in (logits, out, targets)]
        slow[g] = task_objectives(*cut, task_weights, both)[0]
        totals.append(float(sum(slow[g].values())))
    q = np.exp(0.05 * np.array(totals))
    q /= q.sum()
    for task in logits:
        assert float(found[task]) == pytest.approx(sum(q[g] * float(slow[g][task]) for g in range(3)), rel=1e-5)


def test_one_group_alone_is_the_usual_loss_and_logits_without_an_interaction_count_once():
    logits, _, targets, weights, both = batch()
    out = {f"{task}/logits_before": z for task, z in logits.items()}
    usual = task_objectives(logits, out, targets, weights, both)[0]
    found = objectives_by_group(torch.zeros(12, dtype=torch.long), logits, out, targets, weights, both)
    assert {t: float(v) for t, v in found[0].items()} == pytest.approx({t: float(v) for t, v in usual.items()})


def test_a_group_without_known_labels_takes_no_share_and_keeps_its_weight():
    """Of the disease groups 0 and 1 know two photographs each, and group 2 none."""
    logits, _, targets, _, _ = batch(n=6)
    group, index = torch.tensor([0, 1, 2, 2, 1, 0]), torch.arange(6)
    targets["disease"][2, 0] = targets["disease"][3] = float("nan")
    out = {f"{task}/logits_before": z for task, z in logits.items()}
    terms = {"weights": dict.fromkeys(logits, 1.0), "both": False, "multi_label": ["attributes"]}
    plain = soft_cross_entropy(logits["disease"], targets["disease"])
    found, told = group_dro(terms, group, GroupWeights(3, step=0.0))(logits, out, targets, index)
    assert float(found["disease"]) == pytest.approx(float(plain)) == pytest.approx(float(told["disease"]))
    alone, weights = {"disease": logits["disease"]}, GroupWeights(3, step=0.5)
    group_dro(terms, group, weights)(alone, out, {"disease": targets["disease"]}, index)
    assert float(weights.q[2]) == pytest.approx(1 / 3) and float(weights.q[0]) != pytest.approx(1 / 3)
    assert float(weights.q.sum()) == pytest.approx(1)


def test_a_task_without_known_labels_is_no_loss_and_moves_no_weight():
    logits = {"disease": torch.randn(4, 5, requires_grad=True)}
    terms, weights = {"weights": {"disease": 1.0}, "both": False}, GroupWeights(2, step=0.5)
    unknown = {"disease": torch.full((4, 5), float("nan"))}
    objectives = group_dro(terms, torch.tensor([0, 0, 1, 1]), weights)
    found, _ = objectives(logits, {"disease/logits_before": logits["disease"]}, unknown, torch.arange(4))
    found["disease"].backward()
    assert found["disease"].item() == 0 and not logits["disease"].grad.any() and weights.q.tolist() == [0.5, 0.5]


def test_even_groups_are_drawn_equally_often():
    group = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    order = even_groups(group, 6000, seed=1)
    assert torch.bincount(group[order]).tolist() == pytest.approx([2000] * 3, rel=0.08)
    assert order == even_groups(group, 6000, seed=1)


@pytest.fixture
def frame():
    kinds = np.arange(600) % 6 + 1
    split = np.array(["train"] * 420 + ["val"] * 60 + ["test"] * 120)
    return pd.DataFrame({"image": [f"{i}.png" for i in range(600)], "split": split, "fitzpatrick": kinds})


@pytest.mark.parametrize("share", [0, 0.05, 0.25, 0.5])
def test_a_mix_has_its_share_of_dark_skin_and_as_many_photographs_as_any_other(frame, share):
    out = mix_skin(frame, share)
    for split, total in (("train", 280), ("val", 40)):
        kinds = out.loc[out["split"] == split, "fitzpatrick"]
        assert len(kinds) == total and (kinds >= 5).sum() == round(share * total)
    assert (out["split"] == "test").sum() == 120


def test_smaller_shares_of_dark_skin_are_part_of_larger_ones(frame):
    dark = [set(out.loc[out["fitzpatrick"] >= 5, "image"]) for out in (mix_skin(frame, s) for s in (0.05, 0.1, 0.5))]
    assert dark[0] < dark[1] < dark[2]


def test_wrong_mixes_are_refused(frame):
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        mix_skin(frame, 0.6)
    with pytest.raises(ManifestError, match="split train: 0 photographs of types V and VI"):
        mix_skin(frame[(frame["fitzpatrick"] < 5)], 0.1)
    with pytest.raises(ManifestError, match="row 3 of the manifest: no skin type"):
        skin_group(pd.Series([1.0, np.nan], index=[0, 1]))
    with pytest.raises(ValueError, match=r"dark_share=0\.7: must be -1, or between 0 and 0\.5"):
        TrainConfig(data_root=Path("."), out=Path("."), dark_share=0.7)


def test_a_run_with_all_of_these_settings_trains_and_can_be_loaded(tiny_photos, tmp_path):
    settings = {"even_skin": True, "group_dro": 0.05, "colour_jitter": 0.5}
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, samples=24, epochs=2,
                         batch_size=4, model="dermimitformer_tiny_patch8_64", model_kwargs={"img_size": 16, "lsm_k": 2},
                         optimizer="adamw", lr=0.001, **settings)  # fmt: skip
    run = load_run(fit(config))
    weights = run.model.group_weights.q
    assert float(weights.sum()) == pytest.approx(1, abs=1e-4) and len(set(weights.tolist())) > 1
    assert run.config.group_dro == 0.05 and run.config.even_skin
