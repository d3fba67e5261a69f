"""Learning curves beside a run: a point an epoch, going on where a run goes on, and no other number for them."""

import os
import time
from dataclasses import replace

import pandas as pd
import pytest
from test_train import assert_same_run, config  # noqa: F401

from dermimit.cli import main
from dermimit.extras import MissingExtraError
from dermimit.records import publish, read_json
from dermimit.train import engine, fit, load_run, trackers


def curves(run):
    """Name -> its points, as (step, value)."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}


def interrupted(monkeypatch, run, name="train_one_epoch", epoch_of=lambda arguments: arguments[5]):
    """A run that is killed in its third epoch, before a function of the engine is called."""
    real = getattr(engine, name)

    def stops(*arguments):
        if epoch_of(arguments) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(engine, name, stops)
        with pytest.raises(KeyboardInterrupt):
            fit(run)


def assert_curves_of_history(run):
    history, found = pd.read_parquet(run / "history.parquet"), curves(run)
    for name in ("loss", "loss/disease", "lr", "val/disease/macro_f1", "samples_seen"):
        assert [step for step, _ in found[name]] == [1, 2, 3]
        assert [value for _, value in found[name]] == pytest.approx(list(history[name]), rel=1e-5)
    speed = 8 / history["seconds"]
    assert [value for _, value in found["photographs_per_second"]] == pytest.approx(list(speed), rel=1e-5)


def test_tensorboard_gets_a_point_an_epoch_where_it_is_installed_and_changes_no_number(config):  # noqa: F811
    run = fit(config("watched", tracker="auto"))
    assert_curves_of_history(run)
    assert_same_run(run, fit(config("plain")))
    (recipe,) = run.glob("tensorboard/*/hparams.yml")
    assert "batch_size: 4" in recipe.read_text() and "model_kwargs/lsm_k: 4" in recipe.read_text()
    assert "tracker" not in read_json(run / "config.json")
    publish(run, run.parent / "published")
    assert "tensorboard" not in os.listdir(run.parent / "published") and load_run(run).config.tracker == "auto"


def test_an_interrupted_run_goes_on_in_its_curves(config, monkeypatch):  # noqa: F811
    run = config(tracker="tensorboard")
    interrupted(monkeypatch, run)
    assert [step for step, _ in curves(run.out)["loss"]] == [1, 2]
    time.sleep(1.1)  # TensorBoard reads files by name, and a name has the second in which it was begun
    fit(run)
    assert_curves_of_history(run.out)


@pytest.mark.slow
def test_an_epoch_that_was_logged_and_not_saved_is_there_once(config, monkeypatch):  # noqa: F811
    run = config(tracker="tensorboard")
    interrupted(monkeypatch, run, "save_epoch", lambda arguments: len(arguments[6]) - 1)
    assert len(curves(run.out)["loss"]) == 3
    fit(run)
    assert_curves_of_history(run.out)


@pytest.mark.slow
def test_curves_of_a_training_that_starts_again_are_its_own(config, monkeypatch):  # noqa: F811
    run = config(tracker="tensorboard")
    interrupted(monkeypatch, run)
    monkeypatch.setattr(engine, "code_fingerprint", lambda: "other")
    fit(run)
    assert_curves_of_history(run.out)


@pytest.mark.slow
def test_a_run_may_go_on_with_another_tracker_or_none(config, monkeypatch):  # noqa: F811
    run = config(tracker="tensorboard")
    interrupted(monkeypatch, run)
    fit(replace(run, tracker="none"))
    assert len(curves(run.out)["loss"]) == 2 and len(load_run(run.out).history) == 3


def test_a_named_tracker_that_is_not_installed_is_explained_and_nothing_is_written(config, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    assert trackers.tracker_of(config(tracker="auto")) is trackers.tracker_of(config(tracker="none")) is None
    with pytest.raises(MissingExtraError, match=r'tensorboard is not installed: pip install "dermimit\[trackers\]"'):
        fit(config(tracker="tensorboard"))
    words = ["train", "--data-root", str(config().data_root), "--out", str(config().out), "--tracker", "wandb"]
    assert main(words) == 2
    assert capsys.readouterr().err == "dermimit: tracker=wandb: wandb is not installed: pip install wandb\n"
    assert not config().out.exists()
