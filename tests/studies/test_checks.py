"""The measurements of SynDerm: their formulas against references, and that each check can fail."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score

from dermimit.data.synderm import LABEL_SPACE, SynDerm, posterior
from dermimit.data.synderm.knowledge import knowledge
from studies.shared.pictures import local_patterns
from studies.synderm_checks import realism, shortcuts, visibility

matplotlib.use("Agg")
TINY = visibility.VisibilitySettings(n_train=6, n_test=8, image_size=32, epochs=1, pairs_in_batch=3)
FACTS = knowledge()


def colour_of(light: float, a: float, b: float) -> np.ndarray:
    """Linear sRGB of a CIE L*a*b* colour: the textbook inverse."""
    y = (light + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) / 7.787) * np.array([0.9505, 1.0, 1.089])
    return np.linalg.inv([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ xyz


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB display values of linear light, uint8."""
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)


def noise(size: int, a: float, seed: int) -> np.ndarray:
    """(size, size) noise whose power falls as 1 / f^a."""
    rng, k = np.random.default_rng(seed), np.fft.fftfreq(size) * size
    f = np.hypot(k[:, None], k)
    f[0, 0] = np.inf
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * f ** (-a / 2)).real


# Visibility


@pytest.mark.parametrize("attribute", LABEL_SPACE.attributes)
def test_both_versions_of_a_case_are_possible(attribute):
    cases = SynDerm(25, seed=3)
    for i in range(25):
        others = visibility.context(attribute, cases.labels(i).attributes)
        assert attribute not in others
        for present in (others, others | {attribute}):
            seen = np.array([[a in present for a in FACTS.attributes]])
            for j in FACTS.ruled:
                _, fixed = FACTS.rule_effect(j, seen)
                assert np.isnan(fixed[0]) or bool(fixed[0]) == seen[0, j], (present, FACTS.attributes[j])


def test_the_context_is_left_as_drawn_where_it_is_possible():
    assert visibility.context("scale", ("plaque", "erythema")) == {"plaque", "erythema"}
    assert visibility.context("papule", ("papule", "umbilication")) == {"patch"}


def test_auroc_agrees_with_sklearn_and_its_interval_with_the_bootstrap():
    rng = np.random.default_rng(1)
    truth = rng.random(400) < 0.4
    scores = rng.standard_normal(400) + truth
    found = visibility.auroc_interval(truth, scores)
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, scores))
    draws = rng.integers(0, 400, (800, 400))
    positive, ranks = truth[draws], stats.rankdata(scores[draws], axis=1)
    n = positive.sum(1)
    aurocs = ((ranks * positive).sum(1) - n * (n + 1) / 2) / (n * (400 - n))
    assert aurocs[0] == pytest.approx(roc_auc_score(truth[draws[0]], scores[draws[0]]))
    low, high = np.quantile(aurocs, (0.025, 0.975))
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=0.01)


def test_delong_standard_error_by_hand():
    found = visibility.auroc_interval(np.array([1, 1, 0, 0], bool), np.array([3.0, 1.0, 2.0, 0.0]))
    spread = np.sqrt(np.var([1.0, 0.5], ddof=1) / 2 + np.var([0.5, 1.0], ddof=1) / 2)
    assert found["auroc"] == 0.75
    assert found["low"] == pytest.approx(max(0, 0.75 - stats.norm.ppf(0.975) * spread))


def test_a_perfect_auroc_is_not_certain():
    found = visibility.auroc_interval(np.repeat([False, True], 50), np.arange(100.0))
    assert found["auroc"] == found["high"] == 1
    assert 0.9 < found["low"] < 0.99
    assert np.isnan(visibility.auroc_interval(np.array([True]), np.array([0.3]))["auroc"])


def test_the_interval_covers_the_truth():
    rng, inside, truth = np.random.default_rng(2), 0, np.repeat([False, True], 60)
    area = stats.norm.cdf(1 / np.sqrt(2))
    for _ in range(300):
        found = visibility.auroc_interval(truth, rng.standard_normal(120) + truth)
        inside += found["low"] <= area <= found["high"]
    assert inside / 300 == pytest.approx(0.95, abs=0.03)


def test_measuring_twice_gives_the_same():
    first, second = (visibility.measure("crust", TINY) for _ in range(2))
    assert repr(first | {"seconds": 0}) == repr(second | {"seconds": 0})  # NaN is not equal to itself
    assert first["skin"]["all"]["photographs"] == 8
    assert len(visibility.tidy([first])) == 3


def test_a_regime_has_pairs_of_its_own_and_the_third_version_its_old_ones():
    regimes = (None, "version-3", "plain")
    old, named, plain = (visibility.training_pairs("crust", replace(TINY, regime=regime)) for regime in regimes)
    assert torch.equal(old, named) and not torch.equal(old, plain)


def test_training_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    visibility.train_probe(visibility.training_pairs("crust", TINY), TINY)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_probe_sees_what_is_plain_and_not_what_is_not_there():
    """Pairs that differ by a bright square are told apart; pairs that do not differ are not."""
    pairs = torch.randint(90, 110, (40, 2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    settings = replace(TINY, epochs=12, pairs_in_batch=5)
    test = torch.randint(90, 110, (60, 3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    truth, found = np.arange(60) % 2 == 1, {}
    for name, change in (("plain", 60), ("absent", 0)):
        pairs[:, 1, :, 8:14, 10:16] += change
        test[1::2, :, 12:18, 14:20] += change
        scores = visibility.train_probe(pairs, settings)(test).detach()
        found[name] = visibility.auroc_interval(truth, scores.numpy())
        pairs[:, 1, :, 8:14, 10:16] -= change
        test[1::2, :, 12:18, 14:20] -= change
    assert found["plain"]["auroc"] > 0.95
    assert 0.25 < found["absent"]["auroc"] < 0.75


@pytest.mark.parametrize(("name", "value"), [("n_train", 0), ("epochs", 0), ("pairs_in_batch", -1)])
def test_visibility_refuses_impossible_sizes(name, value):
    with pytest.raises(ValueError, match=name):
        visibility.VisibilitySettings(**{name: value})


def test_visibility_refuses_an_unknown_attribute():
    with pytest.raises(ValueError, match="unknown attribute 'scales'"):
        visibility.context("scales", ())


# Shortcuts


def two_diseases(n: int, seed: int, confounders) -> SynDerm:
    names = LABEL_SPACE.diseases
    prior = [float(d in ("melanoma", "melanocytic naevus")) for d in names]
    return SynDerm(n, seed, 16, prior=prior, confounders=confounders)


@pytest.mark.parametrize(("spec", "tells"), [({"ink": {"melanoma": 1.0}}, True), ({"ink": 0.5}, False)])
def test_nuisance_numbers_tell_the_disease_only_where_they_are_confounded(spec, tells):
    train, test = two_diseases(200, 11, spec), two_diseases(200, 12, spec)
    truth = shortcuts.diseases(test)
    given = shortcuts.by_trees(shortcuts.nuisance(train), shortcuts.diseases(train), shortcuts.nuisance(test))
    found = shortcuts.scores(truth, given, resamples=200)
    often = float((shortcuts.majority(shortcuts.diseases(train), 200) == truth).mean())
    assert (found["accuracy_low"] > often) == tells
    assert not tells or found["accuracy"] == 1


def test_nuisance_numbers_do_not_depend_on_the_size_of_the_picture():
    assert np.array_equal(shortcuts.nuisance(SynDerm(5, 1, 16)), shortcuts.nuisance(SynDerm(5, 1, 48)))


def test_flat_refuses_what_is_not_a_number():
    assert shortcuts.flat({"a": (1, 2.5), "b": True}) == [1.0, 2.5, 1.0]
    with pytest.raises(TypeError, match="'b'"):
        shortcuts.flat({"b": "melanoma"})


def test_features_of_known_pictures():
    images = np.zeros((2, 16, 16, 3), np.uint8)
    images[1, :8] = 255
    found = shortcuts.histograms(images)
    assert found.shape == (2, 512)
    assert found[0, 0] == 1
    assert found[1, [0, 511]] == pytest.approx(np.sqrt([0.5, 0.5]))
    assert shortcuts.thumbnails(images)[1].reshape(8, 8, 3)[[0, -1], 0, 0].tolist() == [1, 0]
    with pytest.raises(ValueError, match="no multiple"):
        shortcuts.thumbnails(images, 5)


def test_the_bayes_rule_is_the_largest_posterior():
    cases = SynDerm(25, seed=5)
    labels = [cases.labels(i) for i in range(25)]
    given = shortcuts.by_bayes(labels)
    for c, k in zip(labels, given, strict=True):
        p = posterior(c.body_part, c.attributes, (c.number, c.size, c.arrangement))
        assert p[LABEL_SPACE.diseases[k]] == pytest.approx(max(p.values()))


def test_the_classical_shortcuts_learn_a_plain_difference():
    rng = np.random.default_rng(0)
    target = np.arange(60) % 2
    x = rng.standard_normal((60, 4)) + 6 * target[:, None]
    for by in (shortcuts.by_histogram, shortcuts.by_neighbours):
        given, chosen = by(x[:30], target[:30], x[30:45], target[30:45], x[45:])
        assert (given == target[45:]).all()
        assert chosen


def test_a_row_of_the_table(tmp_path):
    settings = shortcuts.ShortcutSettings(n_train=60, n_val=8, n_test=12, image_size=16, resamples=50)
    for name in ("majority", "histogram", "thumbnail", "nuisance", "nuisance_permuted", "ceiling"):
        first = shortcuts.row(name, settings, tmp_path)
        assert first == shortcuts.row(name, settings, tmp_path)
        assert 0 <= first["accuracy_low"] <= first["accuracy"] <= first["accuracy_high"] <= 1
        assert first["n"] == 12
    with pytest.raises(ValueError, match="unknown classifier 'trees'"):
        shortcuts.row("trees", settings, tmp_path)


@pytest.mark.slow
def test_a_network_answers_for_the_test_photographs(tmp_path):
    settings = shortcuts.ShortcutSettings(
        n_train=32, n_val=8, n_test=8, image_size=64, samples=64, epochs=1, resamples=50
    )
    assert shortcuts.row("vit_disease", settings, tmp_path)["n"] == 8
    assert shortcuts.row("vit_full", settings, tmp_path)["n"] == 8


# Realism


@pytest.mark.parametrize("wanted", [(70.0, 12.0, 16.0), (35.0, 14.0, 15.0), (50.0, 0.0, 20.0)])
def test_typology_angle_of_known_colours(wanted):
    image = np.broadcast_to(encoded(colour_of(*wanted)), (8, 8, 3))
    found = realism.skin_colour(image, np.ones((8, 8), bool))
    light, a, b = wanted
    assert found["lightness"] == pytest.approx(light, abs=0.4)
    assert found["chroma"] == pytest.approx(np.hypot(a, b), abs=0.8)
    assert found["ita"] == pytest.approx(np.degrees(np.arctan((light - 50) / b)), abs=2)
    assert found["hue"] == pytest.approx(np.degrees(np.arctan2(b, a)), abs=2)


def test_hidden_skin_has_no_colour():
    assert np.isnan(realism.skin_colour(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool))["ita"])


@pytest.mark.parametrize("a", [0.0, 1.0, 2.0, 3.0])
def test_slope_of_noise_of_known_spectrum(a):
    found = np.mean([realism.slope(realism.spectrum(noise(96, a, seed))) for seed in range(8)])
    assert found == pytest.approx(a, abs=0.12)


def test_a_wave_lies_in_its_octave():
    grey = np.sin(2 * np.pi * 12 * np.arange(96) / 96)[:, None] * np.ones(96)
    found = realism.by_octave(realism.spectrum(grey))
    assert max(found, key=found.get) == "power_8_16"
    assert list(found)[-1] == "power_32_48"


def test_frechet_distance_of_known_gaussians():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40_000, 3)), rng.standard_normal((40_000, 3)) * [1, 2, 3] + [1, 0, 0]
    assert realism.frechet(x, y) == pytest.approx(1 + 0 + 1 + 4, rel=0.03)
    assert realism.frechet(x, x) == pytest.approx(0, abs=1e-9)


def test_local_patterns_of_a_flat_and_of_an_edged_picture():
    assert local_patterns(np.ones((9, 9)))[8] == 1
    edge = np.repeat([0.0, 1.0], 5)[:, None] * np.ones(8)
    assert local_patterns(edge)[5] == pytest.approx(1 / 8)


def sample(n: int, shift: float, seed: int, per_group: int = 1) -> realism.Sample:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, 5)) + shift
    groups = np.array([f"{shift}-{seed}-{i // per_group}" for i in range(n)])
    return realism.Sample(pd.DataFrame({"ita": values[:, 0]}), values, groups)


def test_two_sample_test_and_distance_find_a_shift_and_no_other():
    same, far = sample(200, 0, 1, per_group=2), sample(200, 3, 2)
    assert realism.two_sample_test(same, far)["accuracy"] > 0.97
    assert realism.two_sample_test(same, sample(200, 0, 3))["accuracy"] == pytest.approx(0.5, abs=0.12)
    found = realism.distances(same, far, splits=10)
    assert found["real_drawn"]["low"] > found["real_real"]["high"]
    assert found == realism.distances(same, far, splits=10)


def test_halves_share_no_patient():
    whole = sample(60, 0, 4, per_group=3)
    first, second = realism.halves(whole, np.random.default_rng(0))
    assert not set(whole.groups[first]) & set(whole.groups[second])
    assert sorted([*first, *second]) == list(range(60))


def test_summary_is_by_patient_and_leaves_unknown_out():
    one = sample(40, 0, 5, per_group=4)
    one.measures.loc[0, "ita"] = np.nan
    line = realism.summary("x", one, resamples=100)[0]
    assert line["n"] == 39
    assert line["low"] < line["mean"] < line["high"]
    assert line["q05"] < line["q25"] < line["q50"] < line["q75"] < line["q95"]


def test_drawn_sample_and_comparison():
    first, second = (realism.drawn_sample(SynDerm(12, seed, 32, zoom=1.9)) for seed in (1, 2))
    assert first.descriptors.shape == (12, 25)
    assert np.isfinite(first.descriptors).all()
    found = realism.compare(first, {"again": second})
    assert {line["set"] for line in found["table"]} == {realism.REAL, "again"}
    assert len(found["distances"]) == 3
    assert len(found["told_apart"]) == 2


# Charts


def test_charts_are_drawn():
    from matplotlib import pyplot as plt

    from studies.synderm_checks import charts as check_charts

    score = {k: v for m in ("accuracy", "macro_f1") for k, v in ((m, 0.3), (f"{m}_low", 0.2), (f"{m}_high", 0.4))}
    models = pd.DataFrame([{"model": m, "label": text, **score} for m, text in shortcuts.LABELS.items()])
    seen = pd.DataFrame(
        [
            {"attribute": a, "skin": skin, "auroc": 0.7, "low": 0.6, "high": 0.8}
            for a in LABEL_SPACE.attributes
            for skin in visibility.SKIN_GROUPS
        ]
    )
    measured = pd.DataFrame(
        [line for k in (1, 2) for line in realism.summary(f"s{k}", realism.drawn_sample(SynDerm(6, k, 32)), 50)]
    )
    figures = [
        check_charts.shortcut_points(models),
        check_charts.visibility_points(seen),
        check_charts.realism_measures(measured),
        check_charts.realism_spectrum(measured),
    ]
    for figure in figures:
        figure.canvas.draw()
        plt.close(figure)
