"""The head of the page: what was trained on what, how, and when."""

import pandas as pd

from dermimit.prediction import DISCLAIMER
from dermimit.report.answers import Answers
from dermimit.report.markup import Markup, count, el
from dermimit.report.provenance import base_name
from dermimit.report.record import Record, Scored
from dermimit.report.words import KINDS, and_list, model_words, parts_words, recipe_words


def head_of_page(
    record: Record, scored: Scored, answers: list[Answers], frame: pd.DataFrame | None, date: str
) -> Markup:
    """Title, disclaimer, and a list of facts.

    Args:
        frame: the manifest of the run's own data, where it is at hand.
        date: of the page, ISO.
    """
    config, space, side = record.config, record.label_space, record.preprocessing.size
    root = base_name("data_root", str(config["data_root"]))
    own = f"the folder {root}" if config["dataset"] == "folder" else f"{config['dataset']} (folder {root})"
    classes = and_list([count(space.num_classes[t], *KINDS[t]) for t in record.tasks])
    facts = [
        ("Trained on", f"{own}{_photographs(frame)}"),
        ("Classes", classes),
        ("Model", model_words(config, record.provenance.get("parameters"))),
        ("Parts", parts_words(config, record.tasks, _patches(scored))),
        ("Photographs seen as", f"{side} × {side} pixels, {record.preprocessing.in_words()}"),
        ("Recipe", recipe_words(config)),
        ("Trained", str(record.provenance.get("started", ""))[:10] or "date not recorded"),
        ("Scored on", scored_on(scored, answers)),
    ]
    rows = [el("div", el("dt", name), el("dd", value)) for name, value in facts]
    written = el("p", "Page of ", el("time", date, datetime=date), ".", class_="muted")
    answered = [KINDS[task][task == "attributes"] for task in record.tasks]
    title = el("h1", f"{record.name}: {and_list(answered)} from photographs of skin")
    return el("header", title, el("p", DISCLAIMER, class_="disclaimer"), written, el("dl", rows))


def _photographs(frame: pd.DataFrame | None) -> str:
    if frame is None:
        return ""
    splits = ", ".join(
        f"{int((frame['split'] == s).sum()):,} {words}"
        for s, words in (("train", "training"), ("val", "validation"), ("test", "test"))
    )
    patients = frame["patient_id"].nunique()
    whose = f" of {count(patients, 'patient')}" if patients else ", patients not known"
    return f": {count(len(frame), 'photograph')}{whose} ({splits})"


def _patches(scored: Scored) -> int | None:
    """How many patches were selected for the disease; None where it is not stored."""
    if scored.frame is None or "selected" not in scored.frame or not len(scored.frame):
        return None
    return len(scored.frame["selected"].iloc[0])


def scored_on(scored: Scored, answers: list[Answers]) -> str:
    """The photographs that the scores are of."""
    if scored.frame is None:
        return "the run's test split; its predictions were not kept"
    n, patients = len(scored.frame), scored.frame["patient_id"].nunique()
    whose = f" of {count(patients, 'patient')}" if patients else ", patients not known"
    if not scored.other:
        return f"the run's own test split: {count(n, 'photograph')}{whose}"
    name = scored.root.resolve().name if scored.root else ""
    split = "all photographs" if scored.split == "all" else f"split {scored.split}"
    kind = "other data than those of the training" if scored.other_data else "data of the training"
    return f"{kind}, given by hand: {scored.dataset} (folder {name}), {split}, {count(n, 'photograph')}{whose}"
