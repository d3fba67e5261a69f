"""The page on components: ticks follow the experiments, sentences the verdicts, curves the records of their version."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from judged import first_edition

from dermimit.evaluate.estimate import INCONCLUSIVE
from studies.evidence import component_charts, component_numbers, components, learning
from studies.protocol import records
from studies.shared.evidence import read_evidence
from studies.shared.folders import find_root
from studies.shared.verdict_words import CONTRADICTED, SUPPORTED

matplotlib.use("Agg")
ROOT = find_root()


@pytest.fixture(scope="module")
def ablation():
    return read_evidence(ROOT, "ablation")


@pytest.fixture(scope="module")
def judged():
    return first_edition()


@pytest.fixture(scope="module")
def scores(ablation):
    return components.scores(ablation)


@pytest.fixture(scope="module")
def curves():
    folder = ROOT / "results/published/protocol"
    return learning.curves(ROOT, records.read_runs(folder), pd.read_parquet(folder / records.CURVES))


def test_ticks_follow_the_experiments(ablation):
    found = components.ticks(ablation.experiments)
    assert found.loc["D"].sum() == 0
    assert found.columns[found.loc["full"]].tolist() == ["body part", "attributes", "patch tokens", "cross-attention"]
    assert found.columns[found.loc["D_B_A_LSM"]].tolist()[-2:] == ["patch tokens", "concatenation"]
    assert list(found.index) == list(components.NAMES)
    assert len(set(map(tuple, found.to_numpy()))) == len(found), "no two variants have the same components"


def test_a_component_has_the_difference_and_the_verdict_of_its_claim(judged, scores):
    found, claims = components.differences(judged), judged.set_index("claim")
    assert found["label"].tolist() == list(components.COMPONENTS.values())
    for line in found.to_dict("records"):
        assert line["difference"] == claims.loc[line["claim"], "difference"]
        assert line["verdict"] == claims.loc[line["claim"], "verdict"]
    value = scores.set_index("row")["value"]
    gain = found.set_index(["row", "reference"])["difference"]
    assert gain["D_B", "D"] == pytest.approx(value["D_B"] - value["D"])
    assert gain["full", "D_B_A_LSM"] == pytest.approx(value["full"] - value["D_B_A_LSM"])


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ((SUPPORTED, INCONCLUSIVE, SUPPORTED), "Two of three single steps are gains after correction: c and a."),
        ((CONTRADICTED, INCONCLUSIVE, SUPPORTED), "One of three single steps is a gain after correction: c."),
        ((CONTRADICTED, INCONCLUSIVE, INCONCLUSIVE), "None of three single steps is a gain after correction."),
    ],
)
def test_gains_are_those_whose_claim_holds(verdicts, told):
    table = pd.DataFrame({"label": ["A", "B", "C"], "difference": [0.01, 0.02, 0.03], "verdict": verdicts})
    assert component_numbers.gains(table) == told


def test_numbers_of_the_page_follow_from_the_tables(ablation, judged, scores, curves):
    differences = components.differences(judged)
    bounds = learning.references(ROOT)
    told = component_numbers.of_components(scores, differences, components.whole(ablation), curves, bounds)
    assert told["full"] - told["disease_only"] == pytest.approx(told["whole"])
    assert told["whole_low"] < told["whole"] < told["whole_high"] and told["seeds"] == 5
    assert told["stopped_seen"] == "32,000" and told["longer_seen"] == "192,000"
    assert told["stopped_share"] == pytest.approx(100 * told["stopped"] / told["optimum"])
    assert {name for name in told if name.endswith("_found")} == {
        f"{name}_found" for name, _ in component_numbers.SUBJECTS.values()
    }


def test_curves_of_two_versions_are_kept_apart_and_lie_below_their_optimum(curves):
    assert list(curves) == learning.COLUMNS
    bounds = learning.references(ROOT)
    assert set(curves["version"]) == set(bounds.index)
    for version, part in curves.groupby("version"):
        assert part["value"].between(0, bounds.loc[version, "optimum"]).all()
        assert 0.01 < bounds.loc[version, "guess"] < 0.02
    first = curves[curves["version"] == learning.FIRST]
    last = first[(first["training"] == "ablation") & (first["images_seen"] == 32_000)]
    assert last["seeds"].tolist() == [5, 5] and (last["low"] < last["value"]).all()
    assert first.loc[first["training"] == "longer", "low"].isna().all(), "one training has no spread"
    assert learning.LARGER not in set(first["model"])


def test_planned_trainings_join_the_second_version(curves):
    names = [f"D-plain-128000-seed{seed}" for seed in (0, 1)]
    runs = pd.DataFrame({"name": names, "row": "D", "regime": "plain", "samples": 128_000, "seed": [0, 1]})
    curve = pd.DataFrame({"name": np.repeat(names, 2), "samples_seen": [64_000, 128_000] * 2})
    found = learning._planned(runs, curve.assign(**{learning.SCORE: [0.1, 0.2, 0.3, 0.4]}))
    assert found["value"].tolist() == pytest.approx([0.2, 0.3]) and set(found["version"]) == {learning.SECOND}
    assert (found["seeds"] == 2).all() and found["high"].tolist() == pytest.approx([0.3, 0.4])
    larger = curves[curves["model"] == learning.LARGER]
    both = pd.concat([larger, found[learning.COLUMNS]], ignore_index=True)
    figure = component_charts.optimum(both, learning.references(ROOT))
    missing = [text.get_text() for text in figure.axes[1].texts if "not yet" in text.get_text()]
    assert missing == ["not yet trained here:\nFull model"]
    plt.close(figure)


def test_figures_say_what_is_missing_and_where_the_ablation_stopped(ablation, scores, curves):
    first = curves[curves["version"] == learning.FIRST]
    figure = component_charts.optimum(first, learning.references(ROOT))
    left, right = figure.axes
    assert "ablation stopped" in [text.get_text() for text in left.texts]
    assert any("not yet trained here" in text.get_text() for text in right.texts)
    assert left.get_title() != right.get_title()
    plt.close(figure)
    figure = component_charts.variants(scores, components.ticks(ablation.experiments))
    dots = [points for points in figure.axes[0].collections if points.get_sizes()[0] > 50]
    assert sum(len(points.get_offsets()) for points in dots) == components.ticks(ablation.experiments).to_numpy().sum()
    plt.close(figure)
