"""The page on the benchmark: what a split by photograph changes, and what the figure leaves to words."""

import matplotlib.pyplot as plt

from studies.benchmark import tables


def leak(model, value, low, high):
    line = {"metric": "macro-F1", "score": "difference", "photographs": "all", "model": model}
    return line | {"value": value, "value_low": low, "value_high": high}


def test_the_sentence_on_leakage_names_the_largest_change_and_counts_the_others():
    lines = [
        leak("thumbnail", 0.044, 0.016, 0.075),
        leak("colour", -0.014, -0.03, 0.01),
        leak("net", -0.03, -0.05, -0.01),
    ]
    table, said = tables.inflation({"table": lines})
    assert table["model"].tolist() == ["thumbnail", "colour", "net"]
    assert "of the model “thumbnail” by +4.4 (+1.6 to +7.5) points; for 1 of 2 other models the change is" in said


def test_a_file_that_names_the_commonest_disease_is_told_in_words():
    ends = {"macro_f1": 0.5, "macro_f1_low": 0.45, "macro_f1_high": 0.55, "majority": 0.077, "label": "net"}
    figure = tables.forest([ends, ends | dict.fromkeys(("macro_f1", "macro_f1_low"), 0.077) | {"label": "majority"}])
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["net"]
    assert axis.get_title(loc="right").startswith("Always the most frequent disease: 7.7") and axis.get_xlim()[0] > 0.3
    plt.close(figure)
