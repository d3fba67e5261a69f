"""What is known of the paper stands in one file: tables, the profile `paper` and the design choices follow from it."""

import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from dermimit.model.config import ModelConfig
from dermimit.train import TrainConfig, with_settings
from studies.shared.paper_facts import markdown, model_settings, read_facts, values

ROOT = Path(__file__).parents[2]
PATH = ROOT / "book/paper_facts.yaml"
sys.path.insert(0, str(ROOT / "workflow"))
import helpers  # noqa: E402


@pytest.fixture
def changed(tmp_path):
    """A copy of the file in which something is corrected."""

    def write(part, field, value):
        facts = yaml.safe_load(PATH.read_text())
        next(entry for entry in facts[part] if entry["field"] == field)["value"] = value
        path = tmp_path / "paper_facts.yaml"
        path.write_text(yaml.safe_dump(facts, allow_unicode=True))
        return path

    return write


def test_the_choices_are_the_defaults_of_the_model():
    defaults = {f.name: f.default for f in fields(ModelConfig)}
    for name, value in values(read_facts(PATH), "model").items():
        assert value == defaults[name], name


def test_the_profile_follows_a_correction(changed):
    assert helpers.paper_recipe(PATH)["lr"] == 0.003
    path = changed("recipe", "lr", 0.02)
    assert helpers.paper_recipe(path)["lr"] == 0.02
    settings = helpers.read_settings({"profile": "paper"}, ROOT / "workflow")
    assert settings.training["lr"] == 0.003 and settings.training["optimizer"] == "sgd"
    assert "lsm_k=24" in settings.choices.split()
    assert not helpers.read_settings({"profile": "quick"}, ROOT / "workflow").choices


def test_the_settings_of_the_model_follow_a_correction(changed, tmp_path):
    facts = read_facts(changed("model", "lsm_k", 16))
    config = TrainConfig(data_root=tmp_path, out=tmp_path / "run")
    assert with_settings(config, model_settings(facts)).model_kwargs["lsm_k"] == 16
    assert "| `lsm_k` | `16` |" in markdown(facts, "model")


def test_every_table_is_whole():
    facts = read_facts(PATH)
    for part in ("facts", "scores", "model", "recipe"):
        assert len(markdown(facts, part).strip().splitlines()) == len(facts[part]) + 2
    assert "[second-hand]{.evidence}" in markdown(facts, "recipe")


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("model", "mark", "rumour", "model, entry 1: mark 'rumour'"),
        ("model", "field", "lsm_q", "model, entry 1: no such field of the model: 'lsm_q'"),
        ("recipe", "field", "speed", "recipe, entry 1: no such field of the recipe: 'speed'"),
        ("model", "value", "none of these", "paper_facts.yaml, model: "),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, part, key, value, said):
    facts = yaml.safe_load(PATH.read_text())
    facts[part][0][key] = value
    path = tmp_path / "paper_facts.yaml"
    path.write_text(yaml.safe_dump(facts))
    with pytest.raises(ValueError) as error:
        read_facts(path)
    assert said in str(error.value)
