"""Costs are the sums of what the records say."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies.model_card.cost import emissions_table, energy_table, hours_by_study
from studies.model_card.tables import facts_table, read_card, scores_table

ROOT = Path(__file__).parents[2]


def test_hours_energy_and_emissions_by_hand(tmp_path):
    published = tmp_path / "results/published"
    for name, content in {
        "synderm/full-seed0/provenance.json": {"seconds": 3600},
        "synderm/full-seed0/metrics.json": {"test": 1},
        "synderm/D-seed0/provenance.json": {"seconds": 1800},
        "visits/record.json": {"rows": [], "provenance": {"seconds": 7200}},
        "visits/list.json": [1, 2],
    }.items():
        path = published / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    hours = hours_by_study(tmp_path)
    assert hours.to_dict("records") == [
        {"study": "repeat visits", "records": 1, "hours": 2.0}, {"study": "ablation", "records": 2, "hours": 1.5},
    ]  # fmt: skip
    power = {"watts": 100, "grams_per_kwh": {"A": 50, "B": 500}}
    table = energy_table(hours, power)
    assert table.iloc[-1].to_dict() == {"study": "all", "records": 3, "hours": 3.5, "kWh": pytest.approx(0.35)}
    assert emissions_table(0.35, power)["kg CO2e"].to_list() == pytest.approx([0.0175, 0.175])


def test_every_published_study_is_counted():
    table = hours_by_study(ROOT).set_index("study")
    assert table.loc["ablation", "records"] == 45 and (table["hours"] > 0).all()
    trained = pd.read_parquet(ROOT / "results/published/protocol/runs.parquet")["seconds"]
    assert table.loc["second edition", "records"] > len(trained)
    assert table.loc["second edition", "hours"] > trained.sum() / 3600


def test_the_card_tells_the_shipped_run():
    card = read_card(ROOT)
    facts, scores = facts_table(card).set_index("fact")["value"], scores_table(card)
    assert f"{card['provenance']['parameters']:,}" == facts["parameters"]
    assert scores["images"].iloc[0] == scores["images"].iloc[1:].sum() == len(card["test"])
    right = np.mean(card["test"]["answer"].to_numpy(str) == card["test"]["disease"].to_numpy(str))
    assert scores["accuracy (95 %)"].iloc[0].startswith(f"{right:.3f}")
