"""A map for each question about one photograph; a wrong task or class is said with the nearest known one."""

import pytest
import torch

from dermimit.explain.attributions import attribution
from dermimit.explain.questions import asked, questions
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture
def run(tiny_photos, tmp_path):
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, model_kwargs=MODEL,
                         samples=8, epochs=1, batch_size=4)  # fmt: skip
    return load_run(fit(config))


def test_every_task_is_asked_and_the_maps_are_those_of_the_named_class(run):
    image = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))
    found = questions(run, image, ["lsm_score", "integrated_gradients"], attributes=2)
    logits = {task: values[0].detach() for task, values in run.model(image[None])[0].items()}
    best = {task: values.argsort(descending=True).tolist() for task, values in logits.items()}
    rows = [f"body part: {run.label_space.body_parts[best['body_part'][0]]}"]
    rows += [f"attributes: {run.label_space.attributes[i]}" for i in best["attributes"][:2]]
    rows += [f"disease: {run.label_space.diseases[best['disease'][0]]}"]
    assert list(found) == rows
    assert "lsm_score" not in found[rows[0]] and set(found[rows[1]]) == {"lsm_score", "integrated_gradients"}
    second = attribution(run, image[None], "attributes", torch.tensor([best["attributes"][1]]), "integrated_gradients")
    assert torch.equal(torch.from_numpy(found[rows[2]]["integrated_gradients"]), second.map[0])


def test_a_class_of_ones_own_choice_is_explained_and_a_wrong_one_is_refused(run):
    image = torch.zeros(3, 16, 16)
    assert list(asked(run, image, "disease", "eczema", ["class_attention"])) == ["disease: eczema"]
    (answer,) = asked(run, image, "disease", "", ["class_attention"])
    assert answer.startswith("disease: ")
    with pytest.raises(ValueError, match="disease has no class 'exzema'; did you mean 'eczema'"):
        asked(run, image, "disease", "exzema", ["class_attention"])
    with pytest.raises(ValueError, match="no task 'diseases'; did you mean 'disease'"):
        asked(run, image, "diseases", "", ["class_attention"])
