"""The exported graph says what the model says, for every setting of its knobs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.cli import main
from dermimit.data import PhotoDataset
from dermimit.data.transforms import eval_transform
from dermimit.export.graph import CONCEPTS, Explorable, logit_shift, probability
from dermimit.export.plain import PlainGraph
from dermimit.export.signature import INPUTS, OUTPUTS
from dermimit.tasks import SELECTING_TASKS, TASKS
from dermimit.train import TrainConfig, fit
from dermimit.train.run import load_run

CLASSES = {"body_part": 5, "attributes": 7, "disease": 9}
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def trained(**choices) -> torch.nn.Module:
    """A small model whose weights are far from their start, the same for every k."""
    torch.manual_seed(0)
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=CLASSES, **MODEL | choices).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.2, generator=generator)
    return model


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def knobs(explorable: Explorable, images: torch.Tensor, **changes) -> tuple:
    """The usual inputs with some changed."""
    names = INPUTS
    values = dict(zip(names, explorable.usual(images), strict=True))
    tensors = {n: v if isinstance(v, torch.Tensor) else torch.tensor(v) for n, v in changes.items()}
    return tuple((values | tensors).values())


def assert_same(answers: dict, model: torch.nn.Module, images: torch.Tensor) -> None:
    """Both sets of probabilities, the scores and the selected patches are the model's."""
    logits, out = model(images)
    for task in TASKS:
        torch.testing.assert_close(answers[task], probability(logits[task], task), atol=2e-6, rtol=0)
        before = probability(out[f"{task}/logits_before"], task)
        torch.testing.assert_close(answers[f"{task}_before"], before, atol=2e-6, rtol=0)
    for task in SELECTING_TASKS:
        torch.testing.assert_close(answers[f"{task}_scores"], out[f"{task}/scores"])
        k = out[f"{task}/selected"].shape[1]
        torch.testing.assert_close(answers[f"{task}_ranked"][:, :k], out[f"{task}/selected"])


CONFIGS = (
    {},
    {"local_readout": "max", "cim_queries": "class"},
    {"cim_wiring": "all_pairs", "cim_depth": 2, "class_tokens": "per_task"},
    {"cim_wiring": "to_disease", "lsm_score": "class_row", "depth": 3, "head_depth": 2, "lsm_layer": -2},
)


@torch.no_grad()
@pytest.mark.parametrize("choices", CONFIGS)
def test_every_k_is_the_model_rebuilt_with_that_k(choices, images):
    explorable = Explorable(trained(**choices))
    assert_same(explorable(*explorable.usual(images)), trained(**choices), images)
    for k in (1, 7, 16):
        rebuilt = trained(**choices | {"lsm_k": k})
        assert_same(explorable(*knobs(explorable, images, k=k)), rebuilt, images)


@torch.no_grad()
def test_switches(images):
    explorable = Explorable(trained())
    everything = explorable(*knobs(explorable, images, lsm_on=False))
    assert_same(everything, trained(lsm_k=16), images)
    without = explorable(*knobs(explorable, images, cim_on=False))
    usual = explorable(*explorable.usual(images))
    for task in TASKS:
        torch.testing.assert_close(without[task], usual[f"{task}_before"])
        assert not torch.allclose(without[task], usual[task], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("choices", CONFIGS[:3])
@pytest.mark.parametrize("selection", ["centre", "random"])
def test_patches_ranked_by_given_scores_are_those_of_the_model_that_selects_so(choices, selection, images):
    explorable, other = Explorable(trained(**choices)), trained(**choices | {"selection": selection})
    _, out = other(images)
    answers = explorable(*knobs(explorable, images, override_scores=out["disease/scores"]))
    usual = explorable(*explorable.usual(images))
    for task in SELECTING_TASKS:  # what is given out as scores stays the attention's
        torch.testing.assert_close(answers[f"{task}_scores"], usual[f"{task}_scores"])
        answers[f"{task}_scores"] = out[f"{task}/scores"]
        assert not torch.equal(answers[f"{task}_ranked"], usual[f"{task}_ranked"])
    if selection == "centre":  # equals come in another order, and with an odd K another of them is last
        answers = {name: value for name, value in answers.items() if not name.endswith("_ranked")}
        answers |= {f"{task}_ranked": out[f"{task}/selected"] for task in SELECTING_TASKS}
    assert_same(answers, other, images)


@torch.no_grad()
def test_some_patches_given_go_before_or_after_the_attentions(images):
    explorable = Explorable(trained())
    usual = explorable(*explorable.usual(images))
    scores = torch.full((3, 16), torch.nan)
    scores[:, 5] = torch.inf
    ranked = explorable(*knobs(explorable, images, override_scores=scores))["disease_ranked"]
    rest = [[p for p in line if p != 5] for line in usual["disease_ranked"].tolist()]
    assert ranked.tolist() == [[5, *line] for line in rest]


@torch.no_grad()
def test_a_concept_set_to_what_the_model_believes_changes_nothing(images):
    explorable = Explorable(trained())
    usual = explorable(*explorable.usual(images))
    belief = {f"override_{task}": usual[f"{task}_before"] for task in CONCEPTS}
    part = torch.where(torch.arange(7) == 2, usual["attributes_before"], torch.nan)
    for overrides in (belief, {"override_attributes": part}):
        told = explorable(*knobs(explorable, images, **overrides))
        for task in TASKS:
            torch.testing.assert_close(told[task], usual[task], atol=2e-6, rtol=0)


@torch.no_grad()
def test_a_concept_set_by_hand_reaches_the_other_tasks_alone_and_through_the_interaction(images):
    explorable = Explorable(trained())
    usual = explorable(*explorable.usual(images))
    attributes, body = torch.full((3, 7), torch.nan), torch.full((3, 5), torch.nan)
    attributes[:, 3], body[:, 1] = 1 - usual["attributes_before"][:, 3].round(), 1.0
    for overrides in ({"override_attributes": attributes}, {"override_body_part": body}):
        told = explorable(*knobs(explorable, images, **overrides))
        assert (told["disease"] - usual["disease"]).abs().max() > 1e-4
        for task in CONCEPTS:
            torch.testing.assert_close(told[task], usual[task])
        silent = explorable(*knobs(explorable, images, cim_on=False, **overrides))
        torch.testing.assert_close(silent["disease"], usual["disease_before"])


@torch.no_grad()
@pytest.mark.parametrize("task", CONCEPTS)
def test_the_moved_tokens_make_the_task_say_what_was_set_and_nothing_else(task, images):
    model = trained()
    explorable = Explorable(model)
    out = model.forward_features(images)
    tokens = model.task_tokens(out, task)
    z = model.classifiers_before[task](model._readout(tokens))
    override = torch.full_like(z, torch.nan)
    override[:, 1] = 0.7
    said = model.classifiers_before[task](model._readout(explorable._told(tokens, z, override, task)))
    p, q = probability(z, task), probability(said, task)
    torch.testing.assert_close(q[:, 1], torch.full((3,), 0.7), atol=1e-4, rtol=0)
    others = torch.arange(z.shape[1]) != 1
    scale = 1.0 if task == "attributes" else 0.3 / (1 - p[:, 1:2])
    torch.testing.assert_close(q[:, others], (p * scale)[:, others], atol=1e-4, rtol=0)


def test_certainty_is_bounded_and_never_lowers_the_models_own():
    z = torch.tensor([[8.0, 0.0, -8.0]])
    shift = logit_shift(z, torch.tensor([[1.0, 1.0, 0.0]]), "attributes")
    assert shift[0, 0] == 0 and shift[0, 2] == 0
    assert (z + shift).sigmoid()[0, 1] == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"fusion": "none"}, "fusion='none'"),
        ({"lsm": False}, "lsm=True"),
        ({"selection": "centre"}, "selection='lsm'"),
        ({"lsm_score": "rollout"}, "rollout"),
        ({"zoom": True}, "without zoom"),
        ({"cim_shuffled": True}, "the other photographs of a batch"),
        ({"num_classes": {"attributes": 7, "disease": 9}}, "train all of"),
    ],
)
def test_other_models_are_refused(choices, message):
    arguments = {"num_classes": CLASSES} | MODEL | choices
    with pytest.raises(ValueError, match=message):
        Explorable(timm.create_model("dermimitformer_tiny_patch8_64", **arguments))


@pytest.fixture
def run(tiny_photos, tmp_path):
    shape = dict(image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4)
    return load_run(fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", **shape)))


def test_a_run_without_answers_before_the_interaction_has_no_knobs(run):
    from dermimit.export.onnx import graph_of, why_plain

    assert why_plain(run) == "" and isinstance(graph_of(run), Explorable)
    assert isinstance(graph_of(run, plain=True), PlainGraph)
    unsupervised = replace(run, config=replace(run.config, supervise="after"))
    several = replace(run, label_space=replace(run.label_space, several_body_parts=True))
    assert "supervise='both'" in why_plain(unsupervised) and "several body parts" in why_plain(several)
    assert isinstance(graph_of(unsupervised), PlainGraph) and isinstance(graph_of(several), PlainGraph)


def test_the_facts_name_every_input_with_the_value_of_plain_use(run, tiny_photos):
    from dermimit.export.facts import describe

    fitted = {"disease": {"temperature": 1.5}, "body_part": {"temperature": None, "reason": "all are right"}}
    (run.path / "calibration.json").write_text(json.dumps(fitted))
    explorable = Explorable(run.model)
    facts = json.loads(json.dumps(describe(run, explorable)))
    images = torch.zeros(2, 3, 16, 16)
    for part, value in zip(facts["inputs"], explorable.usual(images), strict=True):
        shape = [2 if n == "batch" else n for n in part["shape"]]
        given = np.full(shape, 0 if part["value"] is None else part["value"], part["type"])
        np.testing.assert_array_equal(given, value)
        assert part["meaning"]
    assert [part["name"] for part in facts["inputs"]] == [*explorable.input_names]
    with torch.no_grad():
        found = explorable(*explorable.usual(images))
    for part in facts["outputs"]:
        value = found[part["name"]].numpy()
        assert [2 if n == "batch" else n for n in part["shape"]] == [*value.shape] and part["type"] == str(value.dtype)
    assert facts["temperature"] == {"disease": 1.5} and "p**(1/T)" in facts["calibrated"]
    assert facts["multi_label"] == {"body_part": False, "attributes": True, "disease": False}
    assert facts["classes"]["body_part"] == list(tiny_photos.label_space.body_parts)
    assert (facts["mean"], facts["std"], facts["interpolation"]) == ([0.5] * 3, [0.5] * 3, "bilinear")
    plain = describe(run, PlainGraph(run.model, ["attributes"]))
    assert [(part["name"], part["shape"]) for part in plain["inputs"]] == [("image", ["batch", 3, 16, 16])]
    (run.path / "calibration.json").unlink()
    assert "temperature" not in describe(run, explorable)


@pytest.mark.slow
def test_the_file_is_the_model_and_eight_bits_are_measured(run, tiny_photos, tmp_path, capsys):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from dermimit.evaluate.metrics import class_metrics
    from dermimit.export.accuracy import accuracy
    from dermimit.export.parity import parity
    from dermimit.export.quantise import quantise_if_as_good
    from dermimit.export.signature import session
    from dermimit.records import write_json

    path = tmp_path / "out" / "model.onnx"
    assert main(["export", str(run.path), "--onnx", str(path), "--limit", "9"]) == 0
    assert "differs from the model by at most" in capsys.readouterr().out
    facts = json.loads(path.with_suffix(".json").read_text())
    assert (
        facts["k"] == 4
        and facts["num_patches"] == 16
        and facts["classes"]["disease"] == list(tiny_photos.label_space.diseases)
    )
    opened = session(path)
    assert [i.name for i in opened.get_inputs()] == [*INPUTS] and [o.name for o in opened.get_outputs()] == [*OUTPUTS]
    assert json.loads(opened.get_modelmeta().custom_metadata_map["dermimit"]) == facts

    explorable = Explorable(run.model).eval()
    photos = PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, eval_transform(16))
    real = torch.stack([photos[i]["image"] for i in range(len(photos))])
    assert parity(opened, run.model, explorable, real).worst < 1e-5
    generator = torch.Generator().manual_seed(3)
    for k, lsm, cim in ((1, True, True), (9, True, False), (4, False, True), (16, True, True)):
        set_by_hand = [torch.rand(12, n, generator=generator) for n in (4, 2)]
        some = [torch.where(torch.rand(v.shape, generator=generator) < 0.5, v, torch.nan) for v in set_by_hand]
        scores = torch.rand(12, 16, generator=generator) if k == 9 else torch.full((12, 16), torch.nan)
        inputs = (real, torch.tensor(k), torch.tensor(lsm), torch.tensor(cim), *some, scores)
        with torch.inference_mode():
            wanted = explorable(*inputs)
        feeds = dict(zip(INPUTS, map(np.asarray, inputs), strict=True))
        found = dict(zip(OUTPUTS, opened.run([*OUTPUTS], feeds), strict=True))
        for task in TASKS:
            np.testing.assert_allclose(found[task], wanted[task], atol=1e-5)

    targets = {task: t.numpy() for task, t in photos.targets.items()}
    found = accuracy(path, explorable, real, targets, tiny_photos.frame["patient_id"], resamples=50)
    write_json(tmp_path / "accuracy.json", found)
    with torch.inference_mode():
        answers = explorable(*explorable.usual(real))
    scored = class_metrics(targets["disease"], answers["disease"].numpy().astype(float))
    assert found["photographs"] == 11 and found["same_answer"] == 1  # one has no known disease
    for name in ("macro_f1", "accuracy", "top3_accuracy"):
        value, low, high = found["torch"][name]
        assert value == scored[name] and low <= value <= high
    assert found["differences"]["largest"] < 1e-5 and found["macro_f1_difference"] == [0, 0, 0]
    table, kept = quantise_if_as_good(path, explorable, real, targets, tolerance=1.0)
    assert kept and list(table.index) == ["torch", "fp32", "int8"]
    assert table.loc["fp32", "difference"] < 1e-5 < table.loc["int8", "difference"] < 0.2
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["weights"] == "eight bits"
    assert 1e-4 < facts["compared"]["differences"]["disease"] < 0.2  # of this file, and no longer of the one before
    assert json.loads(session(path).get_modelmeta().custom_metadata_map["dermimit"]) == facts
    content = path.read_bytes()
    assert not quantise_if_as_good(path, explorable, real, targets, tolerance=-2.0)[1]
    assert path.read_bytes() == content and [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []
