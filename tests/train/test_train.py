"""What a user of training relies on: determinism, resuming, records, clear errors, nothing half-written."""

import os
import re
import shutil
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.data import PhotoSet, load
from dermimit.data.label_space import LabelSpace
from dermimit.data.splits import select
from dermimit.data.stored import save_dataset
from dermimit.evaluate.answers import read_answers
from dermimit.evaluate.metrics import score
from dermimit.records import publish, read_json, write_json
from dermimit.tasks import TASKS
from dermimit.train import (
    NonFiniteLossError,
    TrainConfig,
    assemble,
    engine,
    epoch,
    fit,
    load_run,
    recipe,
    with_settings,
)
from dermimit.train.checkpoint import CheckpointError, load_tensors
from dermimit.train.order import sample_order
from dermimit.train.study_options import StudyOptions
from dermimit.weights.filling import counted

PUBLISHED = sorted(
    path
    for path in (Path(__file__).parents[2] / "results/published").rglob("config.json")
    if read_json(path).get("record") != "probe"  # a probe of a frozen backbone is no training
)
RECORD = ["calibration.json", "config.json", "history.parquet", "label_space.json", "metrics.json", "model.safetensors"]
RECORD += ["photographs.parquet", "predictions.parquet", "preprocessing.json", "provenance.json"]
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture
def config(tiny_photos, tmp_path):
    def make(out="run", **changes):
        defaults = dict(image_size=16, model_kwargs=MODEL, samples=24, epochs=3, batch_size=4, lr=0.01, tracker="none")
        return TrainConfig(data_root=tiny_photos.root, out=tmp_path / out, **defaults | changes)

    return make


def weights(run):
    return load_tensors(run / "model.safetensors")[0]


def assert_same_run(a, b):
    """Bit for bit, all but where, when and how long."""
    assert read_json(a / "metrics.json") == read_json(b / "metrics.json")
    drop = ["seconds"]
    histories = [pd.read_parquet(run / "history.parquet").drop(columns=drop) for run in (a, b)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    of_a, of_b = weights(a), weights(b)
    assert all(torch.equal(value, of_b[name]) for name, value in of_a.items())


def test_a_run_leaves_its_whole_record_and_nothing_else(config):
    run = fit(config())
    assert sorted(os.listdir(run)) == RECORD
    loaded = load_run(run)
    assert len(loaded.history) == 3
    assert list(loaded.history["samples_seen"]) == [8, 16, 24]
    assert set(loaded.predictions["split"]) == {"val", "test"}
    test = loaded.predictions[loaded.predictions["split"] == "test"]
    assert score(test, loaded.label_space) == pytest.approx(loaded.metrics["test"], nan_ok=True)
    np.testing.assert_allclose(np.stack(test["disease_prob"]).sum(axis=1), 1, atol=2e-3)
    assert {len(s) for s in test["selected"]} == {4}
    for key in ("commit", "dirty", "versions", "data_fingerprint", "seed", "device", "started", "seconds"):
        assert key in loaded.provenance


def test_the_loaded_model_gives_the_recorded_probabilities(config):
    run = load_run(fit(config()))
    photos = load("synderm", run.config.data_root, 16).photos("test")
    with torch.inference_mode():
        logits, _ = run.model(torch.stack([photos[i]["image"] for i in range(len(photos))]))
    recorded = np.stack(run.predictions.query("split == 'test'")["disease_prob"])
    np.testing.assert_allclose(logits["disease"].softmax(1).numpy(), recorded, atol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adamw", "ema": 0.9},
        {"lsm": False, "fusion": "concat"},
        {"balance": "uncertainty"},
        {"balance": "pcgrad", "watch_gradients": 1},
    ],
)
def test_a_killed_run_resumes_to_the_same_bits(config, monkeypatch, changes):
    whole = fit(config("whole", **changes))
    real = engine.train_one_epoch

    def killed(*arguments):
        if arguments[5] == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(engine, "train_one_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(config("broken", **changes))
    assert not (config("broken").out / "metrics.json").exists()
    monkeypatch.setattr(engine, "train_one_epoch", real)
    assert_same_run(whole, fit(config("broken", **changes)))


def test_same_seed_same_numbers_other_seed_other_numbers(config):
    a, b, c = fit(config("a")), fit(config("b")), fit(config("c", seed=1))
    assert_same_run(a, b)
    assert not torch.equal(weights(a)["trunk.pos_embed"], weights(c)["trunk.pos_embed"])


def test_changed_data_starts_again(config, monkeypatch, capsys):
    monkeypatch.setattr(engine, "write_record", lambda *_: None)  # stopped before the record is written
    fit(config())
    monkeypatch.setattr(engine, "data_fingerprint", lambda _: "other")
    fit(config())
    assert "training starts again" in capsys.readouterr().out


def test_a_finished_run_is_left_alone_and_another_configuration_is_refused(config, capsys):
    run = fit(config())
    before = os.stat(run / "model.safetensors").st_mtime_ns
    fit(config())
    assert os.stat(run / "model.safetensors").st_mtime_ns == before
    assert "already finished" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"another run \(lr: 0.01, now 0.02\)"):
        fit(config(lr=0.02))


def test_a_single_task_and_missing_labels_train(config, tiny_photos):
    run = load_run(fit(config(tasks=("disease",), fusion="none", lsm=False)))
    assert run.model.tasks == ("disease",)
    assert "selected" not in run.predictions
    assert select(tiny_photos.frame, "train")["disease"].isna().sum() + tiny_photos.frame["attributes"].isna().sum() > 0


def test_a_single_task_may_have_two_losses(config):
    run = load_run(fit(config(tasks=("disease",), fusion="none", lsm=False, second_loss=True)))
    _, out = run.model(torch.zeros(2, 3, 16, 16))
    assert run.config.second_loss and run.model.config.fusion == "concat"
    assert out["disease/enhanced"].shape == (2, run.model.embed_dim)
    both = [name for name, _ in run.model.named_parameters() if name.startswith("classifiers_")]
    assert sorted({name.split(".")[0] for name in both}) == ["classifiers_after", "classifiers_before"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, r"second_loss=True: must be false with several tasks: .*name one task"),
        ({"tasks": ("disease",), "supervise": "after"}, r"second_loss=True: must be false with supervise=after"),
    ],
)
def test_a_second_loss_that_would_be_ignored_is_refused(config, wrong, said):
    with pytest.raises(ValueError, match=said):
        config(second_loss=True, **wrong)


def test_a_single_task_trains_its_one_set_of_logits_whatever_is_supervised(config):
    both, after = (fit(config(how, tasks=("disease",), supervise=how)) for how in ("both", "after"))
    assert_same_run(both, after)


def test_three_tasks_on_a_dataset_with_diseases_only_become_one(config, tiny_photos):
    frame, space = tiny_photos.frame, tiny_photos.label_space
    save_dataset(tiny_photos.root, frame.assign(body_part=None, attributes=None, attributes_unknown=None),
                 LabelSpace("bare", space.diseases))  # fmt: skip
    run = load_run(fit(config(fusion="cim")))
    assert run.model.tasks == ("disease",) and run.model.config.fusion == "none"


def test_a_nonfinite_loss_stops_with_all_that_is_needed(config, monkeypatch):
    real = recipe.task_objectives

    def broken(*arguments, **terms):
        total, losses = real(*arguments, **terms)
        return total, losses | {"attributes": losses["attributes"] * (float("nan") if broken.calls > 2 else 1)}

    def counted(*arguments, **terms):
        broken.calls += 1
        return broken(*arguments, **terms)

    broken.calls = 0
    monkeypatch.setattr(recipe, "task_objectives", counted)
    with pytest.raises(NonFiniteLossError, match=r"attributes loss .*step 2 of 6.*images/\d\d.png.*last.safetensors"):
        fit(config())


def test_the_test_split_is_read_once_at_the_end(config, monkeypatch):
    asked = []
    real = PhotoSet.photos
    monkeypatch.setattr(
        PhotoSet, "photos", lambda self, split, *a, **k: asked.append(split) or real(self, split, *a, **k)
    )
    fit(config())
    assert asked.count("test") == 1
    assert asked.index("test") > asked.index("val")


def test_sample_order_covers_every_photograph_once_a_pass():
    order = sample_order(10, 0, 40, seed=3)
    assert all(sorted(order[i : i + 10]) == list(range(10)) for i in range(0, 40, 10))
    assert sample_order(10, 13, 14, seed=3) == order[13:27]
    assert order[:10] != order[10:20]


def test_learning_rate_rises_then_falls_to_zero(config):
    c = config(samples=400, epochs=10, warmup=0.1)
    rates = [epoch.learning_rate(step, c) for step in range(c.steps)]
    assert max(rates) == pytest.approx(c.lr)
    assert rates[0] == pytest.approx(c.lr / 10)
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[-1] < c.lr / 100


def test_a_damaged_checkpoint_is_named(config, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(CheckpointError, match=r"last.safetensors is damaged"):
        load_tensors(tmp_path / "last.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ("disease", "age")}, "unknown task 'age'"),
        ({"lr": -1.0}, "above 0"),
        ({"cutmix_probability": 1.5}, "between 0 and 1"),
        ({"samples": 3}, "epochs × batch_size"),
        ({"tasks": ()}, "at least one task"),
        ({"tasks": ("disease", "disease")}, r"tasks=.*must be tasks of different names: name each once"),
        ({"split_seed": -1}, r"split_seed=-1: must be at least 0"),
        ({"momentum": 1.0}, r"momentum=1\.0: must be at least 0 and below 1"),
        ({"momentum": -0.1}, r"momentum=-0\.1: must be at least 0 and below 1"),
        ({"tasks": ("disease",), "weight_disease": 0.0}, r"weight_disease=0\.0: must be above 0 for the only task"),
        ({"tasks": ("disease",), "balance": "pcgrad"}, r"balance='pcgrad': must be sum with one task"),
        ({"tasks": ("disease",), "balance": "uncertainty"}, r"balance='uncertainty': must be sum with one task"),
    ],
)
def test_wrong_values_are_refused_by_name(config, changes, message):
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_unknown_field_suggests_the_right_one(config):
    with pytest.raises(ValueError, match="batch_size"):
        TrainConfig.from_dict(config().to_dict() | {"batchsize": 3})
    assert TrainConfig.from_dict(config().to_dict()) == config()


def test_a_plain_record_names_no_study_and_a_study_is_written_last(config):
    studies = {f.name for f in fields(StudyOptions)}
    plain, studied = config().to_dict(), config(group_dro=0.1, even_skin=True).to_dict()
    assert not studies & plain.keys()
    assert list(studied) == [*plain, "even_skin", "group_dro"]
    assert TrainConfig.from_dict(studied) == config(group_dro=0.1, even_skin=True)


def test_every_published_configuration_can_be_read_and_is_written_as_it_was():
    assert len(PUBLISHED) > 200
    for path in PUBLISHED:
        there = read_json(path)
        assert TrainConfig.from_dict(there).to_dict() == there, path


def test_an_unfinished_run_cannot_be_loaded_or_published(config, tmp_path):
    (tmp_path / "half").mkdir()
    with pytest.raises(FileNotFoundError, match=r"config.json is missing"):
        load_run(tmp_path / "half")
    with pytest.raises(FileNotFoundError, match=r"metrics.json is missing"):
        publish(tmp_path / "half", tmp_path / "published")


def test_published_records_are_small_and_carry_no_paths(config, tmp_path):
    run = fit(config())
    own = read_json(run / "config.json")
    lists = {"classes": "/home/anna/lists/classes.txt", "other": "C:\\anna\\b.txt", "level": 3}
    write_json(run / "config.json", own | {"data_options": lists})
    publish(run, tmp_path / "with")
    told = read_json(tmp_path / "with" / "config.json")["data_options"]
    assert told == {"classes": "classes.txt", "other": "b.txt", "level": 3}
    write_json(run / "config.json", own)
    publish(run, tmp_path / "without", "none")
    frame = pd.read_parquet(tmp_path / "with" / "predictions.parquet")
    assert set(frame["split"]) == {"val", "test"}
    assert "selected" not in frame
    assert not (tmp_path / "without" / "predictions.parquet").exists()
    assert str(tmp_path) not in (tmp_path / "with" / "config.json").read_text()
    metrics = read_json(run / "metrics.json")["test"]
    known = {k: v for k, v in metrics.items() if v is not None}
    again = score(frame[frame["split"] == "test"], load_run(run).label_space)
    assert {k: again[k] for k in known} == pytest.approx(known)


def test_published_answers_give_the_same_scores_as_the_probabilities(config, tmp_path):
    run = fit(config())
    for kind in ("all", "answers"):
        publish(run, tmp_path / kind, kind)
    frame = pd.read_parquet(tmp_path / "answers" / "predictions.parquet")
    space, metrics = load_run(run).label_space, read_json(run / "metrics.json")["test"]
    one, two = (read_answers([tmp_path / kind], space) for kind in ("all", "answers"))
    assert one.macro_f1() == two.macro_f1() == pytest.approx([metrics["disease/macro_f1"]])
    assert (frame["rank"] <= 3).mean() == pytest.approx(metrics["disease/top3_accuracy"])
    assert (frame.loc[frame["answer"] == frame["disease"], "rank"] == 1).all()
    assert not [name for name in frame if "prob" in name or name == "fitzpatrick"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_run_can_start_from_another(config):
    first = fit(config("first"))
    space = load_run(first).label_space
    model = assemble.build_model(config("second", start_from=str(first)), space)
    of_first = weights(first)
    assert all(torch.equal(value, of_first[name]) for name, value in model.state_dict().items())
    renamed = assemble.build_model(config("renamed", start_from=str(first)), replace(space, name="elsewhere"))
    assert not renamed.told, "the same classes are the same, whatever the dataset is called"
    assert all(torch.equal(value, of_first[name]) for name, value in renamed.state_dict().items())
    other = replace(space, diseases=("x", "y", "z"))
    fresh = assemble.build_model(config("third", start_from=str(first)), other)
    kept = {name for name, value in fresh.state_dict().items() if not torch.equal(value, of_first[name])}
    assert kept and all(re.match(r"classifiers\w+\.disease\.", name) for name in kept)
    assert fresh.told == [
        f"start_from: keep their initial values: {counted([n for n in fresh.state_dict() if n in kept])}"
    ]
    fourth = fit(config("fourth", start_from=str(first)))
    assert load_run(fourth).config.start_from == str(first)
    publish(fourth, fourth.parent / "published")
    assert read_json(fourth.parent / "published" / "config.json")["start_from"] == "first"


def test_the_disease_of_a_bottleneck_starts_from_the_same_concepts_alone(config):
    first = fit(config("first", fusion="bottleneck"))
    space, of_first = load_run(first).label_space, weights(first)
    after = [name for name in of_first if name.startswith("classifiers_after.disease.")]

    def taken(other, **settings):
        model = assemble.build_model(config("second", start_from=str(first), fusion="bottleneck", **settings), other)
        return [torch.equal(model.state_dict()[name], of_first[name]) for name in after]

    assert taken(space) == [True, True]
    assert taken(replace(space, attributes=space.attributes[::-1])) == [False, False]
    assert taken(replace(space, body_parts=("face", "hand"))) == [False, False]
    of_two = replace(space, attributes=space.attributes[:2], body_parts=())  # as many concepts as the body parts alone
    alone = fit(config("alone", fusion="bottleneck", tasks=("body_part", "disease")))
    model = assemble.build_model(config("third", start_from=str(alone), fusion="bottleneck"), of_two)
    assert not any(torch.equal(model.state_dict()[name], weights(alone)[name]) for name in after)


def test_learnt_weights_of_groups_and_losses_are_no_start(config):
    learnt = {"balance": "uncertainty", "group_dro": 0.1}
    first = fit(config("first", **learnt))
    model = assemble.build_model(config("second", start_from=str(first), **learnt), load_run(first).label_space)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, weights(first)[name])}
    assert moved == {"group_weights.q", *(f"loss_weights.log_variance.{task}" for task in TASKS)}
    assert len(set(model.group_weights.q.tolist())) == 1


def test_a_wrong_start_is_explained(config, tmp_path):
    with pytest.raises(FileNotFoundError, match="not a finished run"):
        fit(config(start_from=str(tmp_path / "nothing")))
    first = fit(config("first"))
    with pytest.raises(ValueError, match="another architecture"):
        fit(config("wide", start_from=str(first), model_kwargs=MODEL | {"embed_dim": 48}))
    for depth, name in ((1, 2), (2, 1)):
        source = fit(config(f"cut{depth}", model_kwargs=MODEL | {"depth": 3, "head_depth": depth}))
        with pytest.raises(ValueError, match="another architecture"):
            fit(config("recut", start_from=str(source), model_kwargs=MODEL | {"depth": 3, "head_depth": name}))
    assert not (tmp_path / "recut").exists(), "a start that does not fit claims no folder"


def test_a_misspelt_file_of_weights_claims_no_folder(config, tmp_path):
    with pytest.raises(FileNotFoundError, match="nope"):
        fit(config("new", weights=str(tmp_path / "nope.safetensors")))
    assert not (tmp_path / "new").exists()


def test_gradients_of_the_tasks_are_watched_where_asked(config):
    history = load_run(fit(config(watch_gradients=1))).history
    pairs = [name for name in history if name.startswith("gradient/cosine/")]
    assert len(pairs) == 3
    assert history[pairs].abs().to_numpy().max() <= 1
    assert (history[[f"gradient/norm/{task}" for task in TASKS]] > 0).to_numpy().all()


def test_learnt_weights_of_the_losses_are_kept_with_the_model(config):
    weights = load_run(fit(config(balance="uncertainty"))).model.loss_weights.log_variance
    assert set(weights) == set(TASKS) and all(value.abs() > 0 for value in weights.values())


def test_watching_the_gradients_changes_no_number(config):
    plain, watched = load_run(fit(config("plain"))), load_run(fit(config("watched", watch_gradients=1)))
    assert plain.metrics == watched.metrics


def test_training_labels_are_harmed_and_the_others_are_not(config):
    usual = assemble.load_photos(config()).frame
    few = assemble.load_photos(config(train_share=0.5)).frame
    none = assemble.load_photos(config(attribute_missing=1.0)).frame
    train = usual["split"] == "train"
    assert 0 < (few["split"] == "train").sum() < train.sum()
    assert none.loc[train, "attributes"].isna().all() and none.loc[~train, "attributes"].notna().all()
    with pytest.warns(UserWarning, match=r"one disease only \('\w+'\) in the training split"):  # of the half
        run = fit(config(attribute_missing=1.0, train_share=0.5))
    assert load_run(run).metrics["test"]["disease/accuracy"] >= 0


def test_labels_that_are_wrong_and_missing_are_refused(config):
    """The photographs whose labels are made unknown are among those whose labels are wrong, or the other way round."""
    with pytest.raises(ValueError, match=r"attribute_missing=0\.5: must be 0 with attribute_noise: .*take one"):
        config(attribute_noise=0.5, attribute_missing=0.5)
    usual, wrong = (assemble.load_photos(config(attribute_noise=share)).frame for share in (0.0, 1.0))
    assert list(usual["attributes"]) != list(wrong["attributes"])


def test_settings_are_read_from_text(config):
    changed = with_settings(config(model_kwargs={"lsm_k": 3}), "lsm_k=8 supervise=after cutmix_probability=0 lr=1e-3")
    assert (changed.model_kwargs, changed.supervise, changed.lr) == ({"lsm_k": 8}, "after", 0.001)
    assert with_settings(config(), "") == config()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("lsm_k=8", 64),
        ("model=dermimitformer_small_patch16_224", 224),
        ("model=baseline backbone=efficientnet_b0 lsm=False fusion=none", 224),
        ("model=baseline backbone=efficientnet_b0 img_size=96 lsm=False fusion=none", 96),
        ("img_size=32", 32),
        ("model=dermimitformer_small_patch16_224 image_size=64", 64),
        ("image_size=32", 32),
    ],
)
def test_photographs_of_the_models_size_are_of_the_size_of_the_model_that_a_text_names(config, text, size):
    usual = config(image_size=0, model_kwargs={})
    assert usual.image_size == 64
    assert with_settings(usual, text).image_size == size


def test_a_size_of_photographs_that_is_not_the_models_own_stays(config):
    chosen = config(image_size=96, model_kwargs={})
    assert with_settings(chosen, "model=dermimitformer_small_patch16_224").image_size == 96


@pytest.mark.parametrize(
    ("text", "message"),
    [("lsm_kk=8", "lsm_k"), ("lsm_k", "name=value"), ("lr=-1", "TrainConfig.lr")],
)
def test_wrong_settings_are_explained(config, text, message):
    with pytest.raises(ValueError, match=message):
        with_settings(config(), text)


def test_the_reported_loss_of_a_task_is_that_of_its_labels(config, tiny_photos):
    """Photographs without a label add nothing, and take nothing away."""
    still = {"lr": 1e-12, "epochs": 1, "samples": 48, "cutmix_probability": 0.0, "batch_size": 2}
    full = pd.read_parquet(fit(config("full", **still)) / "history.parquet").iloc[0]
    half = pd.read_parquet(fit(config("half", attribute_missing=0.6, **still)) / "history.parquet").iloc[0]
    assert half["loss/attributes"] == pytest.approx(full["loss/attributes"], rel=0.1)
    assert half["loss/disease"] == pytest.approx(full["loss/disease"]) and half["loss"] < full["loss"]
    none = pd.read_parquet(fit(config("none", attribute_missing=1.0, **still)) / "history.parquet").iloc[0]
    assert np.isnan(none["loss/attributes"]) and np.isfinite(none["loss"])


ONE_SET = {
    "one task": {"tasks": ("disease",), "fusion": "none"},
    "three tasks": {"fusion": "none"},
    "bottleneck": {"fusion": "bottleneck"},
    "two sets": {"fusion": "concat"},
}


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("model", ONE_SET)
def test_a_set_of_logits_counts_once_in_whatever_precision(config, model, precision):
    still = {"lr": 1e-12, "epochs": 1, "samples": 24, "cutmix_probability": 0.0, "batch_size": 6}
    run = fit(config(precision=precision, weight_attributes=3.0, **still, **ONE_SET[model]))
    row = pd.read_parquet(run / "history.parquet").iloc[0]
    once = sum(
        (3.0 if task == "attributes" else 1.0) * row[f"loss/{task}"] for task in read_json(run / "config.json")["tasks"]
    )
    assert row["loss"] == pytest.approx(
        2 * once if model == "two sets" else once, rel=0.2 if model == "two sets" else 2e-3
    )


def test_learnt_weights_of_losses_stand_a_task_without_labels(config):
    run = fit(config(attribute_missing=1.0, balance="uncertainty", lr=0.05, epochs=1, samples=60))
    assert weights(run)["loss_weights.log_variance.attributes"].item() == 0.0


def test_a_run_goes_on_when_its_data_have_moved_or_are_named_otherwise(
    config, tiny_photos, tmp_path, capsys, monkeypatch
):
    whole, broken = fit(config("whole")), config("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch, "learning_rate", stopping_at(3, epoch.learning_rate))
        with pytest.raises(KeyboardInterrupt):
            fit(broken)
    shutil.copytree(tiny_photos.root, tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    run = fit(replace(broken, data_root=Path("moved"), out=Path("run")))
    assert "goes on with the data in moved" in capsys.readouterr().err
    assert_same_run(whole, run)
    assert read_json(run / "config.json")["data_root"] == "moved"


def stopping_at(step, usual):
    """The learning rate, until a step at which the reader stops the training."""

    def learning_rate(now, settings):
        if now == step and settings.lr == 0.01:
            raise KeyboardInterrupt
        return usual(now, settings)

    return learning_rate


@pytest.mark.parametrize("seed", [2**31, 2**32 - 1, 20261130104952, 10**18])
def test_a_seed_of_any_size_trains(config, seed):
    assert read_json(fit(config(seed=seed, epochs=1, samples=8)) / "config.json")["seed"] == seed


@pytest.mark.parametrize("name", ["lr", "clip_norm", "cutmix_alpha", "weight_decay"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_setting_that_is_no_finite_number_is_named(config, name, value):
    with pytest.raises(ValueError, match=rf"TrainConfig\.{name}=(inf|nan): must be a finite number"):
        config(**{name: value})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"balance": "pcgrad", "train_only": "classifiers"}, "read the tasks' gradients of the trunk"),
        (
            {"watch_gradients": 1, "freeze": "blocks:1", "model_kwargs": MODEL | {"depth": 2, "head_depth": 1}},
            "of the trunk",
        ),
        ({"model_kwargs": MODEL | {"in_chans": 1}}, "in_chans=1: photographs have three colours"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_folder_is_there(config, settings, said):
    with pytest.raises(ValueError, match=said):
        fit(config(**settings))
    assert not config().out.exists()


def test_a_setting_that_would_do_nothing_is_refused(config):
    with pytest.raises(ValueError, match="disease_loss='focal': must be cross_entropy without the task disease"):
        config(tasks=("body_part",), disease_loss="focal")


def test_classifiers_alone_learn_the_weights_of_their_losses(config):
    run = fit(config(train_only="classifiers", balance="uncertainty", lr=0.1))
    assert any(v.item() for name, v in weights(run).items() if name.startswith("loss_weights."))


def test_a_run_around_another_network_of_the_same_shapes_is_no_start(config):
    """Names and shapes do not tell one activation from another."""
    shape = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 3, "num_heads": 3, "lsm_k": 4, "head_depth": 1}

    def around(name):
        return {"model": "dermimitformer", "model_kwargs": shape | {"backbone": name}}

    first = fit(config("first", epochs=1, samples=8, **around("vit_base_patch16_clip_quickgelu_224")))
    same = {"epochs": 1, "samples": 8, "start_from": str(first)}
    with pytest.raises(ValueError, match="is built around vit_base_patch16_clip_quickgelu_224, and this run around"):
        fit(config("second", **same, **around("vit_base_patch16_clip_224")))
    fit(config("third", **same, **around("vit_base_patch16_clip_quickgelu_224")))
    mae = fit(config("mae", epochs=1, samples=8, **around("vit_base_patch16_224.mae")))
    with pytest.warns(UserWarning, match="prepared photographs otherwise"):
        fit(config("other", epochs=1, samples=8, start_from=str(mae), **around("vit_base_patch16_224")))
