"""The pages that explain the model: what they compute by hand, what they quote, and the pictures that they show."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from dermimit.explain.style import use_style
from dermimit.train.losses import task_objectives
from studies.model_steps import charts, numbers, steps
from studies.shared.anatomy import anatomy
from studies.shared.anatomy_charts import anatomy_figure, lit, save_picture
from studies.shared.idea import differentials, idea_figure
from studies.shared.shipped import as_input, shipped_facts, shipped_network

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 20  # lines of code of a step
SLACK = 0.004  # mean difference of two pictures, 0 to 1: fonts are hinted a little differently elsewhere


@pytest.fixture(scope="module")
def one():
    return anatomy(256)


@pytest.fixture(scope="module")
def predicted(one):
    with torch.no_grad():
        return shipped_network()(as_input(one.seen))


@pytest.fixture(autouse=True)
def _closed():
    use_style()
    yield
    plt.close("all")


@pytest.mark.parametrize("task", ["disease", "attributes"])
def test_mutual_attention_by_hand_is_what_the_module_scores(one, predicted, task):
    found = steps.mutual_attention(shipped_network(), as_input(one.seen), task)
    assert found.difference < 1e-4
    assert torch.allclose(found.row * found.column, predicted[1][f"{task}/scores"][0], rtol=1e-3, atol=1e-7)
    best = set(found.score.topk(len(one.selected[task])).indices.tolist())
    assert best == set(one.selected[task].tolist())


def test_cross_attention_by_hand_is_what_the_module_returns(predicted):
    weights, difference = steps.exchange(shipped_network(), predicted[1])
    assert difference < 1e-5 and weights.sum() == pytest.approx(1, abs=1e-5)
    assert len(weights) == 1 + shipped_network().config.lsm_k


def test_a_task_that_answers_with_one_token_gives_its_queries_no_gradient(one):
    network = shipped_network()
    logits, _ = network(as_input(one.seen))
    block = network.interaction.blocks["disease_from_body_part"][0]
    grads = torch.autograd.grad(logits["disease"].sum(), [block.attn.q.weight, block.attn.kv.weight])
    queries, keys_and_values = (grad.abs().max() for grad in grads)
    assert queries < 1e-6 * keys_and_values  # zero but for rounding


def test_the_losses_of_the_page_add_up_to_that_of_training(one, predicted):
    logits, out = predicted
    classes = shipped_facts()["classes"]
    lost = steps.losses(logits, out, {task: one.truth(task) for task in logits}, classes)
    targets = {t: torch.tensor([[float(c in one.truth(t)) for c in classes[t]]]) for t in logits}
    weights = {"body_part": 1.0, "attributes": 5.0, "disease": 1.0}
    objectives, _ = task_objectives(logits, out, targets, weights, both=True)
    for task, (before, after) in lost.items():
        assert float(objectives[task]) == pytest.approx(weights[task] * (before + after), rel=1e-4)
    table = numbers.losses_table(lost, weights)
    assert list(table["weight"]) == ["1", "5", "1"] and table.shape[1] <= 5


def test_patches_on_the_lesion_are_counted():
    mask = np.zeros((8, 8), bool)
    mask[:4, :4] = True
    mask[0, 4] = True  # a quarter of the second patch
    assert numbers.on_lesion(np.array([0, 1, 3]), mask, (2, 2)) == 1


def test_quoted_numbers_are_those_of_the_case(one):
    told = numbers.of_case(one, np.array([0.2, 0.5, 0.3]), {"trunk": 30, "all": 120})
    assert told["heaviest"] == 50 and told["share_trunk"] == 25
    assert told["after"] == pytest.approx(100 * one.after["disease"]["plaque psoriasis"])
    assert told["disease_on"] < told["selected"] == 12


def test_selected_patches_keep_their_pixels_and_the_others_are_darkened():
    picture = np.full((48, 48, 3), 200, np.uint8)
    shown = lit(picture, np.array([3]), (2, 2), shade=0.5)
    assert shown[36, 36, 0] == 200 and shown[24, 24, 0] == 255 and shown[10, 10, 0] == 100


def test_every_step_can_be_drawn(one):
    grid = np.linspace(0.1, 1, 64).reshape(8, 8)
    figures = [
        anatomy_figure(one),
        charts.tokens_figure(one.picture, one.seen, grid, 27),
        charts.attention_figure(one.picture, {"row": grid, "column": grid}, one.selected["disease"]),
        charts.exchange_figure(one.picture, one.selected["attributes"], np.full(13, 1 / 13), one.grid),
    ]
    for figure in figures:
        figure.canvas.draw()
        texts = [t for t in figure.findobj(plt.Text) if t.get_text().strip() and t.get_visible()]
        assert texts and min(t.get_fontsize() for t in texts) >= 8
    starred = [t.get_text() for t in figures[0].axes[3].texts if "★" in t.get_text()]
    assert starred == ["plaque psoriasis ★"]


@pytest.mark.parametrize(
    ("name", "draw"), [("anatomy", lambda: anatomy_figure(anatomy())), ("idea", idea_figure)], ids=["anatomy", "idea"]
)
def test_pictures_in_the_repository_are_current(tmp_path, name, draw):
    save_picture(draw(), tmp_path / "now.png")
    now, stored = imread(tmp_path / "now.png"), imread(ROOT / f"book/images/{name}.png")
    again = f"python -m studies.shared.{name} book/images/{name}.png"
    assert now.shape == stored.shape and np.abs(now - stored).mean() < SLACK, f"the picture is old, run: {again}"


def test_what_the_page_says_of_the_differentials_is_so():
    part, signs, both, elsewhere = (list(shares) for shares in differentials().values())
    text = " ".join((ROOT / "book/idea.md").read_text(encoding="utf-8").split())
    assert part[0] != "plaque psoriasis" and max(next(iter(differentials().values())).values()) < 0.3
    assert signs[:2] == ["plaque psoriasis", "seborrhoeic dermatitis"]
    assert (both[0], elsewhere[0]) == ("plaque psoriasis", "seborrhoeic dermatitis")
    assert "On a forearm, these signs point to plaque psoriasis." in text
    assert "On a face, the same signs point to seborrhoeic dermatitis." in text


def test_each_step_shows_a_few_lines_of_code_that_exist():
    cells = nbformat.read(ROOT / "notebooks/02_model.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.findall(r"literalinclude\} \.\./\.\./(\S+)\n(?:.*\n)*?:pyobject: (\S+)\n:start-at: (.+)\n", text)
    assert len(found) == 5  # one a step
    for file, name, start in found:
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        opening = next(i for i, line in enumerate(lines) if re.search(rf"def {name.split('.')[-1]}\(", line))
        first = next(i for i in range(opening, len(lines)) if start.strip('"') in lines[i])
        end = next((i for i in range(first + 1, len(lines)) if not lines[i].strip()), len(lines))
        assert 0 < end - first <= LONGEST, name
