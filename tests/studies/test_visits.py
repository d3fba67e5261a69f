"""Several visits: each fusion against a slow reference, missing visits, training that uses time, and explanations."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from dermimit.records import read_json
from studies.visits import numbers, tables
from studies.visits.model import FREQUENCIES, KINDS, LONGEST, VisitFusion, time_encoding
from studies.visits.training import Series, answers, attended, fit_visits

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cases():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(4, 3, 6, generator=generator)
    days = torch.tensor([[0.0, 3, 10], [0, 30, 60], [0, 1, 2], [0, 5, 400]])
    there = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0]], dtype=torch.bool)
    return features, days, there


@pytest.mark.parametrize("kind", KINDS)
def test_a_visit_that_did_not_take_place_changes_nothing(kind, cases):
    features, days, there = cases
    model = VisitFusion(6, 5, kind).eval()
    usual = model(features, days, there)
    torch.testing.assert_close(model(torch.where(there[..., None], features, 1e3), days, there), usual)
    torch.testing.assert_close(model(features[:1, :2], days[:1, :2], there[:1, :2]),
                               model(features[:1], days[:1], torch.tensor([[True, True, False]])))  # fmt: skip
    usual.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_late_and_change_by_hand(cases):
    features, days, there = cases
    late = VisitFusion(6, 5, "late").eval()
    for i in range(4):
        each = [late.classifier(late.norm(features[i, v])).log_softmax(-1) for v in range(3) if there[i, v]]
        mean = (sum(each) / len(each)).log_softmax(-1)
        torch.testing.assert_close(late(features, days, there)[i], mean)
    change = VisitFusion(6, 5, "change").eval()
    x, kept = change.norm(features[1]), [0, 2]
    by_hand = torch.cat([x[0], x[kept].mean(0), x[2] - x[0]])
    torch.testing.assert_close(change(features, days, there)[1], change.classifier(by_hand))
    alone = change.norm(features[2])[1]
    torch.testing.assert_close(change(features, days, there)[2],
                               change.classifier(torch.cat([alone, alone, torch.zeros(6)])))  # fmt: skip


def test_a_set_has_no_order_and_attention_with_days_has(cases):
    features, days, _ = cases
    there, turned = torch.ones(4, 3, dtype=torch.bool), [2, 0, 1]
    for kind, same in (("timeless", True), ("late", True), ("attention", False)):
        model = VisitFusion(6, 5, kind).eval()
        usual, shuffled = model(features, days, there), model(features[:, turned], days, there)
        assert torch.allclose(usual, shuffled, atol=1e-5) == same, kind


def test_time_encoding_by_hand():
    found = time_encoding(torch.tensor([[0.0, 7.0]]))[0, 1]
    for j in range(FREQUENCIES):
        wavelength = 2 * (LONGEST / 2) ** (j / (FREQUENCIES - 1))
        assert found[j].item() == pytest.approx(math.sin(2 * math.pi * 7 / wavelength), abs=1e-5)
        assert found[FREQUENCIES + j].item() == pytest.approx(math.cos(2 * math.pi * 7 / wavelength), abs=1e-5)


def test_an_unknown_fusion_is_refused():
    with pytest.raises(ValueError, match="unknown fusion of visits 'early'"):
        VisitFusion(6, 5, "early")


def test_attended_visits_are_one_or_more():
    torch.manual_seed(0)
    some = attended(4000, 5, drop=1.0)
    assert some.any(1).all()
    np.testing.assert_allclose(np.bincount(some.sum(1), minlength=6)[1:] / 4000, 0.2, atol=0.03)
    assert attended(50, 5, drop=0.0).all()


def growing(n: int, seed: int) -> Series:
    """Disease 1 grows with the days, disease 0 does not; where it starts says nothing."""
    rng = np.random.default_rng(seed)
    disease, start = rng.integers(0, 2, n), rng.normal(size=n)
    days = np.cumsum(np.c_[np.zeros(n), rng.uniform(1, 20, (n, 2))], axis=1)
    size = start[:, None] + disease[:, None] * days / 10 + 0.1 * rng.normal(size=(n, 3))
    features = np.exp(-((size[..., None] - np.linspace(-3, 7, 12)) ** 2) / 2)
    return Series(
        torch.tensor(features, dtype=torch.float32), torch.tensor(days, dtype=torch.float32), torch.tensor(disease)
    )


def test_change_is_learnt_where_one_visit_says_little():
    train, val, test = (growing(n, seed) for n, seed in ((600, 0), (200, 1), (400, 2)))

    def right(kind, part=lambda s: s):
        model = fit_visits(part(train), part(val), kind, epochs=25, batch_size=200, lr=0.02)
        return (answers(model, part(test)) == test.disease.numpy()).mean()

    assert right("change") > 0.9 and right("attention") > 0.8
    assert right("late", lambda s: s.only(0)) < 0.65


def test_training_repeats_itself():
    train, val = growing(100, 0), growing(50, 1)
    one, two = (fit_visits(train, val, "attention", seed=3, epochs=2).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_first_lines_are_those_of_the_record():
    record = read_json(ROOT / "results/published/visits/record.json")
    first = numbers.of_visits(record)
    rows = {line["row"]: line for line in record["rows"]}
    best = max(tables.NAMES, key=lambda name: rows[name]["accuracy"])
    assert first["best"] == tables.NAMES[best] and first["gain"] == 100 * rows[best]["gain"]
    assert first["pretended_low"] == 100 * record["leakage"]["difference"]["value_low"]
    assert first["by_photograph"] - first["by_patient"] == pytest.approx(first["pretended"])
    assert first["all"] > first["one"]
    assert first["timeless"] == 100 * rows["timeless"]["accuracy"] and first["changed"] == record["change"][0]["cases"]
    shown = tables.compared_table(record).set_index("prediction from")
    assert shown.loc[first["best"], "gain in accuracy (95 %)"].startswith(f"{first['gain'] / 100:+.3f} (")
    controls = tables.controls_table(record).set_index("visits")["loss in accuracy (95 %)"]
    assert controls["order shuffled"].startswith(f"{first['shuffled'] / 100:+.3f} (")
    changes = tables.change_table(record).set_index("map")
    assert changes.loc[first["map"], "AUROC (95 %)"].startswith(f"{first['map_auroc']:.2f} (")
    assert changes.loc["pixel difference", "compared with the pixel difference"] == "–"


def with_ends(name, low, high):
    return {name: (low + high) / 2, f"{name}_low": low, f"{name}_high": high}


def test_gains_losses_and_maps_are_told_by_their_intervals():
    sides = ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))
    scores = with_ends("accuracy", 0.4, 0.5) | with_ends("macro_f1", 0.3, 0.4)
    rows = [scores | with_ends("gain", *ends) | {"row": "late", "reference": False} for ends in sides]
    rows.append(scores | with_ends("gain", 0, 0) | {"row": "visit 1", "reference": True})
    told = tables.compared_table({"rows": rows})["compared with the best single visit"]
    assert told.tolist() == ["higher", "lower", "inconclusive", "–"]
    controls = [scores | with_ends("loss", *ends) | {"row": "attention", "control": "without days"} for ends in sides]
    told = tables.controls_table({"controls": [*controls, controls[0] | {"row": "late"}]})["compared with as they were"]
    assert told.tolist() == ["lower", "higher", "inconclusive"]
    seen = with_ends("auroc", 0.6, 0.7) | with_ends("pointing", 0.1, 0.2) | {"map": "m"}
    maps = [seen | with_ends("over_pixels", *ends) for ends in sides]
    pixels = maps[0] | {"map": tables.PIXELS}
    told = tables.change_table({"change": [*maps, pixels]})["compared with the pixel difference"]
    assert told.tolist() == ["better", "worse", "inconclusive", "–"]
