"""The page on the regimes: its tables say what the records say, and what has not run says so."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
import torch

from dermimit.data.synderm import LABEL_SPACE, SynDerm, interaction_groups
from studies.synderm_checks import interaction, reached, regime_charts, regime_numbers, regime_tables
from studies.synderm_checks.arrays import drawn
from studies.synderm_checks.measure_reached import scores, signs
from studies.synderm_checks.reached import ReachedSettings, build, data, loss_of, predict
from studies.synderm_checks.reached_training import Leg, batch, trained

matplotlib.use("Agg")
TINY = ReachedSettings(
    regime="noisy", image_size=32, n_train=24, n_val=4, n_test=20, budgets=(48,), model="resnet10t", batch_size=8
)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return data(TINY, tmp_path_factory.mktemp("arrays"), 1, "x" * 12)


def scored(accuracy):
    return {"accuracy": accuracy, "macro_f1": accuracy, "mc_standard_error": 0.01}


@pytest.fixture
def ceilings():
    rows = [
        ("plain", 0.8, 0.8, 0.8, 0.8),
        ("interaction=1", 0.75, 0.6, 0.66, 0.7),
        ("groups=1", 0.77, 0.54, 0.65, 0.7),
    ]
    return {
        "table": [
            {"regime": name, "chance": 0.06, "exact": scored(exact)}
            | {"additive": {"likelihood": scored(added), "best": scored(best), "bound": bound}}
            for name, exact, added, best, bound in rows
        ]
    }


@pytest.fixture
def known():
    row = {"photographs": 48, "macro_f1": 0.4, "macro_f1_low": 0.3, "macro_f1_high": 0.5}
    attributes = [{"attribute": a, "auroc": 0.5 + i / 60, "average_precision": 0.2, "share": 0.1}
                  for i, a in enumerate(LABEL_SPACE.attributes)]  # fmt: skip
    return {"interaction": {"curve": [row | {"accuracy": 0.45, "body_part_accuracy": 0.8}], "flat": False,
                            "attributes": attributes}}  # fmt: skip


def test_a_line_a_regime_from_chance_to_the_exact_rule(ceilings, known):
    table = regime_tables.ceilings_table(ceilings, known).set_index("regime")
    assert table.loc["interaction=1", "reached"] == "0.450"  # the record says "interaction", the same regime
    assert table.loc["interaction=1", "reached, macro-F1"] == "0.400 (0.300 to 0.500)"
    assert table.loc["plain", "reached"] == regime_tables.NOT_TRAINED
    assert table.loc["interaction=1", ["additive, maximum likelihood", "additive, best known", "exact"]].tolist() == [
        0.6, 0.66, 0.75,
    ]  # fmt: skip
    axis = regime_charts.ladder(ceilings, known).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["plain", "interaction=1", "groups=1"]


def test_what_the_page_quotes(ceilings, known):
    readers = {
        "table": [
            {"reader": r, "regime": regime, "accuracy": a - less}
            for regime, less in (("interaction=1", 0), ("groups=1", 0.1))
            for r, a in (("linear", 0.6), ("two layers", 0.75))
        ]
    }
    crops = {
        "table": [
            {"regime": regime, "crop": place, "side": 0.35, "body_part": True, "accuracy": 0.1 * i}
            for regime in ("plain", "small")
            for i, place in enumerate(("random", "central", "true", "whole"))
        ]
    }
    told = regime_numbers.of_regimes(ceilings, readers, crops, {})
    assert (told["linear"], told["layers"], told["true"], told["additive"]) == pytest.approx((60, 75, 20, 66))
    assert (told["fours"], told["fours_additive"], told["fours_linear"]) == pytest.approx((77, 65, 50))
    assert told["reached"] == "No larger network has been trained on these images yet"
    assert regime_numbers.of_network(known)["reached"] == (
        "A larger network reached a macro-F1 of 40.0 % (interaction) after 48 images, with 1 of 1 curves still rising"
    )
    both = known | {"plain": known["interaction"] | {"flat": True}}
    assert "40.0 % (plain) after 48 images, with 1 of 2 curves" in regime_numbers.of_network(both)["reached"]


def test_the_visible_attributes_are_counted():
    names = LABEL_SPACE.attributes
    table = [{"attribute": a, "skin": "all", "auroc": 0.5 + i / 60, "low": 0.4 + i / 60} for i, a in enumerate(names)]
    told = regime_numbers.of_visibility({"table": table}, {"table": [row | {"auroc": 0.9} for row in table]})
    assert (told["attributes"], told["detected"]) == (27, sum(row["low"] > 0.5 for row in table))
    assert (
        told["median"] == pytest.approx(0.5 + 13 / 60)
        and told["primary_before"] == 0.9 > told["median"] > told["primary"]
    )


def test_the_hardest_attributes_come_first(known):
    table = regime_tables.unreached(known)
    assert len(table) == 6 and table["AUROC"].is_monotonic_increasing and table["AUROC"][0] == 0.5


@pytest.mark.parametrize("fours", [False, True])
def test_every_group_is_told_with_what_is_made_up(fours):
    table = regime_tables.groups_table(interaction_groups(fours))
    assert len(table) == len(interaction_groups(fours)) and table["made up"].str.len().min() > 20
    assert not table.isna().any().any()
    if fours:
        assert table["findings"][0].startswith("scale (plaque psoriasis, seborrhoeic dermatitis); excoriation (")


def test_time_is_told_beside_the_third_version():
    row = {"regime": "small", "size": 64, "images_per_second_cpu": 151.4}
    ratios = {"time_ratio_median": 1.19, "time_ratio_min": 1.1, "time_ratio_max": 1.3}
    table = regime_tables.speed_table({"regimes": [row | ratios]})
    assert table.iloc[0].tolist() == ["small", 151, "1.19 (1.10 to 1.30)"]


def test_rates_name_their_sources():
    table = regime_tables.noise_rates("attributes")
    assert len(table) == 27 and (table["source"] == "our round figure, faria2010").any()
    assert table["replaced at random"].between(0, 0.5).all()
    assert "doi:10.1111/ijd.13621" in regime_tables.noise_sources()


def test_labels_that_are_missing_count_nothing(arrays):
    rows = np.arange(8)
    outputs = torch.zeros(8, sum(reached.SIZES))
    whole = loss_of(outputs, arrays["train"], rows, TINY)
    wild = outputs.clone()
    unknown = np.isnan(arrays["train"].attributes[rows])
    assert unknown.any()
    wild[:, -27:][torch.from_numpy(unknown)] = 50.0
    assert loss_of(wild, arrays["train"], rows, TINY) == pytest.approx(whole.item())
    assert not np.isnan(arrays["test"].attributes).any() and (arrays["test"].body_part >= 0).all()


@pytest.mark.slow
def test_a_training_goes_on_after_a_stop_with_the_same_numbers(arrays, tmp_path):
    settings = replace(TINY, budgets=(48, 96))
    whole = {
        budget: predict(model, arrays["test"]) for budget, model in trained(settings, arrays["train"], tmp_path / "a")
    }
    stopped = Leg(settings, tmp_path / "b" / "constant.pt")
    stopped.go(arrays["train"], 2, lambda step: min(1.0, (step + 1) / settings.warmup))
    for budget, model in trained(settings, arrays["train"], tmp_path / "b"):
        assert np.array_equal(predict(model, arrays["test"])["disease"], whole[budget]["disease"])
    assert not np.array_equal(whole[48]["disease"], whole[96]["disease"])
    with pytest.raises(ValueError, match="budgets rise"):
        next(trained(replace(settings, budgets=(16,)), arrays["train"], tmp_path / "b"))


def test_each_epoch_shows_every_case_once():
    rows = [batch(40, TINY, step) for step in range(2 * (40 // TINY.batch_size))]
    half = len(rows) // 2
    first, second = np.concatenate(rows[:half]), np.concatenate(rows[half:])
    assert len(set(first)) == len(first) == 40 // TINY.batch_size * TINY.batch_size
    assert set(first) <= set(range(40)) and not np.array_equal(first, second)


def test_answers_are_scored_with_an_interval(arrays):
    found = predict(build(TINY).eval(), arrays["test"])
    told = scores(found, arrays["test"], 20, 0)
    assert 0 <= told["macro_f1_low"] <= told["macro_f1_high"] <= 1
    assert found["disease"].sum(1) == pytest.approx(1, abs=1e-4)


def test_arrays_are_those_of_the_dataset(tmp_path):
    cases = SynDerm(6, 3, 16, regime="plain")
    arrays = drawn(tmp_path / "a.npz", cases, 2)
    assert (arrays.images[4] == cases[4].image).all()
    assert LABEL_SPACE.diseases[arrays.disease[4]] == cases.labels(4).disease
    assert LABEL_SPACE.body_parts[arrays.body_part[4]] == cases.labels(4).body_part


def test_signs_are_scored_by_attribute(tmp_path):
    rng = np.random.default_rng(0)
    cases = drawn(tmp_path / "b.npz", SynDerm(300, 3, 16, regime="plain"), 1)
    found = {"attributes": np.clip(cases.attributes + 0.1 * rng.standard_normal(cases.attributes.shape), 0, 1)}
    assert min(row["auroc"] for row in signs(found, cases)) > 0.99


def test_readers_of_the_truth_are_trained_and_scored_beside_the_ceilings():
    table = interaction.measure(("interaction=1", "groups=1"), n_train=8192, n_test=200, seed=1)
    assert set(table["regime"]) == {"interaction=1", "groups=1"} and {
        "linear",
        "two layers",
        "exact",
        "additive, best",
    } <= set(table["reader"])
    assert table["accuracy"].between(0, 1).all()
