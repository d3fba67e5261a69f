"""The learning curves: training loss and validation scores by photographs seen, and the epoch that was kept."""

import pandas as pd

from dermimit.report.chart import Chart
from dermimit.report.markup import Markup, bullets, count, el, percent, section
from dermimit.report.record import Record
from dermimit.report.words import TASK_LABELS
from dermimit.train.history import best_epoch, selection_metric

SCORES = {"macro_f1": "macro-F1", "map": "mAP"}
COLOURS = {"disease": "blue", "body_part": "green", "attributes": "orange"}


def learning_curves(record: Record) -> Markup:
    """The section, or a sentence where the record holds no history."""
    history = record.history
    if history is None or not len(history):
        return section("curves", "Learning curves", el("p", "The record holds no history of the training."))
    epochs = history.to_dict("records")
    metric, kept = selection_metric(epochs[-1]), best_epoch(epochs)
    charts = el("div", _loss(history, kept), _validation(history, kept), class_="charts")
    return section("curves", "Learning curves", _reading(history, metric, kept), charts)


def _reading(history: pd.DataFrame, metric: str | None, kept: int) -> Markup:
    """What the curves say, in words; `metric` is None where the validation photographs gave no score."""
    if metric is None:
        return bullets([f"No validation photograph has a label, so epoch {kept + 1}, the last, was kept."])
    values, epochs = history[metric], len(history)
    name = name_of(metric)
    texts = [
        f"The weights of epoch {kept + 1} of {epochs} were kept, after {int(history['samples_seen'][kept]):,} "
        f"photographs seen: they had the best validation {name}, {percent(values[kept])}."
    ]
    if epochs == 1:
        texts.append("There is one epoch, so nothing can be said of a trend.")
    elif kept == epochs - 1:
        texts.append(
            "The best score came at the very end: it may still have been rising, and longer training may help."
        )
    else:
        fall = 100 * (values[kept] - values.iloc[-1])
        after = count(epochs - 1 - kept, "further epoch")
        end = f"ended {fall:.1f} points lower" if fall >= 0.05 else "ended level with it"
        texts.append(f"In {after} the score did not exceed it and {end}: it was no longer rising.")
    return bullets(texts)


def name_of(metric: str) -> str:
    """`val/disease/macro_f1` as `macro-F1 of disease`."""
    _, task, name = metric.split("/")
    return f"{SCORES[name]} of {TASK_LABELS[task]}"


def _loss(history: pd.DataFrame, kept: int) -> Markup:
    seen, loss = history["samples_seen"], history["loss"]
    top = float(loss.max()) if loss.notna().any() else 1.0
    chart = Chart("Training loss", (0, float(seen.max())), (0, top * 1.05 or 1.0), "photographs seen", "loss")
    _kept(chart, float(seen[kept]))
    chart.line(list(seen), list(loss), "grey")
    for x, y in zip(seen, loss, strict=True):
        if y == y:
            chart.point(float(x), float(y), "grey", 2.5)
    return chart.svg()


def _validation(history: pd.DataFrame, kept: int) -> Markup:
    seen = history["samples_seen"]
    lines = {}
    for task in COLOURS:
        for name in SCORES:
            if (column := f"val/{task}/{name}") in history and not (task == "attributes" and name == "macro_f1"):
                lines[task] = (column, 100 * history[column])
    top = max([float(v.max()) for _, v in lines.values() if v.notna().any()], default=100.0)
    chart = Chart(
        "Validation scores",
        (0, float(seen.max())),
        (0, min(100.0, top * 1.15) or 100.0),
        "photographs seen",
        "per cent",
    )
    _kept(chart, float(seen[kept]))
    legend = []
    for task, (column, values) in lines.items():
        colour = COLOURS[task]
        chart.line(list(seen), list(values), colour)
        for i, (x, y) in enumerate(zip(seen, values, strict=True)):
            if y == y:
                chart.point(float(x), float(y), colour, 5.5 if i == kept else 2.5)
        legend.append(el("span", el("i", class_=f"key {colour}"), name_of(column)))
    return el("div", chart.svg(), el("p", legend, class_="legend"))


def _kept(chart: Chart, seen: float) -> None:
    """A line at the epoch that was kept."""
    chart.line([seen, seen], list(chart.y), "grey", dashed=True)
    anchor = "end" if seen > 0.75 * chart.x[1] else "start"
    chart.words(seen, chart.y[1], "epoch kept", anchor=anchor, up=-6)
