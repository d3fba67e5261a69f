"""Charts of the measurements of SynDerm; each function takes a record's tidy table and returns a matplotlib figure."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, MARKERS, ORANGE, RED, pretty
from studies.shared.units import per_cent_axis
from studies.synderm_checks.regime_tables import CLASSIFIERS

CHANCE, SHORTCUT, NETWORK = (GREY, "o"), (ORANGE, "s"), (BLUE, "D")
KINDS = {
    "majority": CHANCE,
    "nuisance_permuted": CHANCE,
    "nuisance": SHORTCUT,
    "thumbnail": SHORTCUT,
    "histogram": SHORTCUT,
    "vit_disease": NETWORK,
    "vit_full": NETWORK,
}
SCORES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
SKIN = {"I-III": ("skin types I to III", ORANGE, "o"), "IV-VI": ("skin types IV to VI", BLUE, "s")}
MEASURES = {
    "ita": "typology angle of the skin (°)",
    "lightness": "lightness of the skin, L*",
    "chroma": "chroma of the skin, C*",
    "hue": "hue of the skin (°)",
    "slope": "slope of the power spectrum, a in 1/fᵃ",
}
SETS = (BLACK, RED, BLUE, GREEN)


def shortcut_points(table: pd.DataFrame) -> Figure:
    """Draw accuracy and macro-F1 of every classifier with 95 % intervals, and the Bayes-optimal one as a line.

    Args:
        table: columns `model, label, accuracy, accuracy_low, accuracy_high`, and the same of `macro_f1`.
    """
    rows = table[table["model"] != "ceiling"]
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 1.5 + 0.36 * len(rows)), sharey=True, layout="constrained")
    for axis, (score, name) in zip(axes, SCORES.items(), strict=True):
        for place, line in enumerate(rows.to_dict("records")):
            colour, marker = KINDS.get(line["model"], (RED, "^"))
            _interval(axis, line[score], line[f"{score}_low"], line[f"{score}_high"], place, colour, marker, 6)
        for line in table[table["model"] == "ceiling"].to_dict("records"):
            axis.axvspan(line[f"{score}_low"], line[f"{score}_high"], color=GREEN, alpha=0.25, linewidth=0)
            axis.axvline(line[score], color=GREEN, linestyle="--", linewidth=1.2)
            axis.annotate(
                "Bayes-optimal", (line[score], 1.01), xycoords=("data", "axes fraction"), fontsize=9, ha="center"
            )
        axis.set(xlim=(-0.02, 1), xlabel=f"{name}, % (95 % interval)")
        per_cent_axis(axis.xaxis)
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(rows)), rows["model"].map(CLASSIFIERS).fillna(rows["label"]))
    axes[0].invert_yaxis()
    return figure


def visibility_points(table: pd.DataFrame) -> Figure:
    """Draw the AUROC of the probe of each attribute, on light and on dark skin, the least visible at the top.

    Args:
        table: columns `attribute, skin, auroc, low, high`; skin is all, I-III or IV-VI.
    """
    overall = table[table["skin"] == "all"].sort_values("auroc", kind="stable")
    place = {name: i for i, name in enumerate(overall["attribute"])}
    figure, axis = plt.subplots(figsize=(7.2, 1.6 + 0.30 * len(place)), layout="constrained")
    for line in overall.itertuples():
        y = place[line.attribute]
        axis.plot([line.low, line.high], [y, y], color=GREY, linewidth=7, alpha=0.3, solid_capstyle="butt")
    for (group, (label, colour, marker)), shift in zip(SKIN.items(), (-0.17, 0.17), strict=True):
        for line in table[(table["skin"] == group) & table["auroc"].notna()].itertuples():
            _interval(axis, line.auroc, line.low, line.high, place[line.attribute] + shift, colour, marker, 4.5)
        axis.plot([], [], marker, color=colour, label=label)
    axis.plot([], [], color=GREY, linewidth=7, alpha=0.3, label="all skin types")
    for chance in (0.5, 1.0):
        axis.axvline(chance, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(place)), [pretty(name) for name in place])
    axis.set(xlim=(min(0.4, float(table["low"].min()) - 0.02), 1.02), ylim=(len(place) - 0.4, -0.6))
    axis.set_xlabel("AUROC of a small network trained for the attribute (95 % interval)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(fontsize=9, loc="outside lower center", ncols=3)
    return figure


def realism_measures(table: pd.DataFrame) -> Figure:
    """Draw each measure's mean (point with interval) and its 5, 25, 75 and 95 % quantiles (thin and thick line).

    Args:
        table: columns `set, measure, mean, low, high, q05, q25, q50, q75, q95`.
    """
    names = list(dict.fromkeys(table["set"]))
    shown = [m for m in MEASURES if m in set(table["measure"])]
    figure, axes = plt.subplots(
        len(shown), 1, figsize=(7.4, 0.5 + 1.25 * len(shown)), layout="constrained", squeeze=False
    )
    for axis, measure in zip(axes[:, 0], shown, strict=True):
        for line in table[table["measure"] == measure].itertuples():
            y, colour = names.index(line.set), SETS[names.index(line.set) % len(SETS)]
            axis.plot([line.q05, line.q95], [y, y], color=colour, linewidth=1)
            axis.plot([line.q25, line.q75], [y, y], color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
            axis.plot(line.mean, y, marker=MARKERS[y], color=colour, ms=6)
        axis.set_yticks(range(len(names)), names, fontsize=8.5)
        axis.set(ylim=(len(names) - 0.5, -0.5))
        axis.set_xlabel(MEASURES[measure], fontsize=9.5)
        axis.tick_params(axis="x", labelsize=9)
    return figure


def realism_spectrum(table: pd.DataFrame) -> Figure:
    """Draw the mean power of each octave of frequency, one line a set; the middle half of the first two is shaded.

    Args:
        table: as `realism_measures` takes it; the measures are power_<from>_<to>, in cycles across the picture.
    """
    rows = table[table["measure"].str.startswith("power_")]
    octaves = list(dict.fromkeys(rows["measure"]))
    figure, axis = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
    for k, name in enumerate(dict.fromkeys(rows["set"])):
        lines = rows[rows["set"] == name].set_index("measure").loc[octaves]
        x, colour = range(len(octaves)), SETS[k % len(SETS)]
        if k < 2:
            axis.fill_between(x, lines["q25"], lines["q75"], color=colour, alpha=0.15, linewidth=0)
        axis.plot(x, lines["mean"], color=colour, marker=MARKERS[k], ms=5, label=name)
    axis.set_xticks(range(len(octaves)), [" to ".join(name.split("_")[1:]) for name in octaves])
    axis.set(xlabel="cycles across the image", ylabel="power of lightness (log₁₀)")
    axis.legend(fontsize=8.5)
    return figure


def _interval(
    axis: Axes, value: float, low: float, high: float, y: float, colour: str, marker: str, size: float
) -> None:
    """A point with its interval."""
    axis.plot([low, high], [y, y], color=colour, linewidth=1.6)
    axis.plot(value, y, marker=marker, color=colour, ms=size)
