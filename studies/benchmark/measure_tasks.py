"""Write answers about disease, body part and attributes from 25 colour numbers: the least that a model must beat.

Logistic regressions by fold: one for the disease, one for the body part, one for each attribute, each fitted to the
photographs of the other folds that have its label. Takes half a minute. Then run `studies.benchmark.measure`.

Run: python -m studies.benchmark.measure_tasks PAD-UFES-20
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import tyro
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermimit.benchmark.answers_file import ID
from dermimit.benchmark.benchmarks import Benchmark, benchmark
from dermimit.data.photo_files import find_photos
from dermimit.data.reading import open_photo
from dermimit.probe.colour import describe
from studies.benchmark.measure import NAME, NONE, add_cards, save
from studies.shared.paths import PUBLISHED, ROOT

SIZE, C = 96, 0.1


def main(root: Annotated[Path, tyro.conf.Positional], out: Path = ROOT / PUBLISHED / "benchmark" / NAME) -> None:
    """Write the file and its card.

    Args:
        root: folder of PAD-UFES-20 or of the subset.
        out: folder of the benchmark's answers.
    """
    to, files = benchmark(NAME), find_photos(root)
    out.mkdir(parents=True, exist_ok=True)
    photos = (open_photo(root / files[image][0]) for image in to.frame[ID])
    small = (np.asarray(Image.fromarray(np.asarray(photo)).resize((SIZE, SIZE))) for photo in photos)
    table = answers(to, np.stack([describe(image) for image in small]))
    label = "25 colour numbers, three tasks"
    add_cards(out, {"colour_tasks": save(out, "colour_tasks", table, label, "studies.benchmark.measure_tasks", NONE)})


def answers(to: Benchmark, features: np.ndarray) -> pd.DataFrame:
    """`image` and probabilities for the three tasks, of each fold by what the other folds teach.

    Args:
        to: the benchmark.
        features: (photographs, numbers) in its order.
    """
    table = pd.DataFrame({ID: to.frame[ID]})
    pairs = zip(to.frame["attributes"], to.frame["attributes_unknown"], strict=True)
    signs = pd.DataFrame(
        [{a: None if a in gone else float(a in there) for a in to.attributes} for there, gone in pairs]
    )
    labels = {"": to.frame["disease"], "body_part: ": to.frame["body_part"]}
    for head, truth in labels.items():
        names = to.diseases if not head else to.body_parts
        table[[head + name for name in names]] = out_of_fold(to, features, truth, names)
    for sign in to.attributes:
        table[f"attributes: {sign}"] = out_of_fold(to, features, signs[sign], (0.0, 1.0))[:, 1]
    return table


def out_of_fold(to: Benchmark, features: np.ndarray, truth: pd.Series, classes: tuple) -> np.ndarray:
    """(photographs, classes) probabilities; 0 for a class that the other folds do not have."""
    known, fold = truth.notna().to_numpy(), to.frame["fold"].to_numpy()
    p = np.zeros((len(truth), len(classes)))
    for test in np.unique(fold):
        learnt = known & (fold != test)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
        model.fit(features[learnt], truth[learnt])
        places = [classes.index(name) for name in model.classes_]
        p[np.ix_(fold == test, places)] = model.predict_proba(features[fold == test])
    return p


if __name__ == "__main__":
    tyro.cli(main)
