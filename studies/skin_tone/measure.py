"""Measure for the chapter on skin tone: scores by type, the same case on six skins, training mixes, real photographs.

Writes results/published/skin_tone/{by_type,counterfactuals,mix,real,typology}.json: tables, settings and where the
numbers come from; of real photographs aggregates alone. `by_type` and `counterfactuals` need the trained runs of the
ablation and the drawn test split, `mix` the published runs of workflow/experiments/skin_tone.csv, `real` and `typology`
PAD-UFES-20 with masks, `real` its cross-validated runs too.

Run: python -m studies.skin_tone.measure [--only by_type ...] [--runs FOLDER] [--data FOLDER] [--real FOLDER]
"""

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import tyro

from dermimit.data import load, pad_ufes_20
from dermimit.data.synderm import LABEL_SPACE, RENDERER, SynDerm, pixels_fingerprint, split_seed
from dermimit.evaluate.out_of_fold import answers_of_folds
from dermimit.evaluate.runs import read_experiments
from dermimit.explain.selected_patches import on_lesion
from dermimit.records import provenance, write_json
from dermimit.train import load_run
from studies.shared.evidence import read_evidence
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT, WORK
from studies.skin_tone import angle as typology
from studies.skin_tone import by_type as skin_tone
from studies.skin_tone import counterfactuals as paired
from studies.skin_tone import mix as skin_mix
from studies.skin_tone import real as skin_tone_real

OUT = ROOT / PUBLISHED / "skin_tone"
PARTS = ("by_type", "counterfactuals", "mix", "typology", "real")
Part = Literal["by_type", "counterfactuals", "mix", "typology", "real"]
SIZE, CASES = 64, 400
SEED = split_seed(0, "test")
ROWS = ("D", "full")
SHOWN = ("erythema", "hyperpigmentation", "hypopigmentation")  # attributes whose contrast with the skin is measured
REAL_ROWS = ("small_D", "small_full", "imagenet_D", "imagenet_full")


def record(name: str, found: dict[str, Any], started: float, frame: pd.DataFrame, out: Path) -> None:
    """Write one record."""
    source = {"device": "cpu", "renderer": RENDERER, "drawing_fingerprint": pixels_fingerprint()}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / f"{name}.json", found | {"provenance": provenance(frame, started, source)})
    print(f"{name}.json: written after {time.time() - started:.0f} s", flush=True)


def runs_of(runs: Path, row: str) -> list[Path]:
    """The trained runs of a row, in the order of their seeds."""
    found = sorted(runs.glob(f"{row}-seed*"))
    if not found:
        raise SystemExit(f"skin_tone: {runs} holds no run of {row}; train it, or name its folder with --runs")
    return found


def by_type(runs: Path, data: Path, out: Path) -> None:
    """Scores of every row of the ablation by skin type, and their gaps."""
    started, photos = time.time(), load("synderm", data, SIZE)
    experiments, seeds = read_experiments(ROOT / EXPERIMENTS / "ablation.csv").set_index("row"), {}
    for row, lsm in experiments["lsm"].items():
        seeds[row] = []
        for path in runs_of(runs, str(row)):
            predictions = pd.read_parquet(path / "predictions.parquet")
            scored = skin_tone.photo_scores(predictions, photos.label_space)
            if lsm:
                covered = on_lesion(predictions, photos, (8, 8)).set_index("image")[["precision", "recall"]]
                scored = scored.join(covered, on="image")
            seeds[row].append(scored)
    found = {
        "photographs": len(seeds["D"][0]), "seeds": len(seeds["D"]),
        "scores": skin_tone.SCORES,
        "types": {row: skin_tone.type_table(seeds[row]) for row in ROWS},
        "spread": {row: skin_tone.spread_table(seeds[row]) for row in ROWS},
        "gaps": skin_tone.gap_table(seeds),
    }  # fmt: skip
    record("by_type", found, started, photos.frame[photos.frame["split"] == "test"], out)


def counterfactuals(runs: Path, work: Path, out: Path) -> None:
    """The same cases on six skin types."""
    started, cases = time.time(), SynDerm(CASES, SEED, SIZE)
    path = work / f"types-{CASES}-{pixels_fingerprint()[:12]}.npz"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(path, **paired.draw_types(cases))
    with np.load(path) as stored:
        drawn = dict(stored)
    labels = [cases.labels(i) for i in range(CASES)]
    truth = np.array([LABEL_SPACE.diseases.index(case.disease) for case in labels])
    present = np.array([[name in case.attributes for name in LABEL_SPACE.attributes] for case in labels])
    photos, found = {k: v for k, v in drawn.items() if k != "lesion"}, {"cases": CASES}
    for row in ROWS:
        models = [load_run(run).model for run in runs_of(runs, row)]
        answers = [{name: paired.task_probabilities(m, p) for name, p in photos.items()} for m in models]
        found[row] = {"flips": paired.flip_table(answers, truth), "truth": paired.truth_table(answers, truth)}
        if row == "full":
            found["attributes"] = paired.attribute_table(answers, present)
    found["rows"] = paired.row_table({row: answers_of(runs, row, photos) for row in rows_of_ablation()}, truth)
    found["contrasts"] = {
        name: paired.contrast_table(drawn, present[:, LABEL_SPACE.attributes.index(name)]) for name in SHOWN
    }
    record("counterfactuals", found, started, pd.DataFrame([{"seed": SEED, "cases": CASES}]), out)


def rows_of_ablation() -> list[str]:
    """Names of the rows."""
    return list(read_experiments(ROOT / EXPERIMENTS / "ablation.csv")["row"])


def answers_of(runs: Path, row: str, photos: dict[str, np.ndarray]) -> list[paired.Answers]:
    """What every seed of a row says of the cases on types I and VI and of the retake."""
    models = [load_run(run).model for run in runs_of(runs, row)]
    return [{name: paired.task_probabilities(m, photos[name]) for name in paired.COMPARED} for m in models]


def mix(out: Path) -> None:
    """What training mixes and remedies score; needs the published runs only."""
    started, evidence = time.time(), read_evidence(ROOT, "skin_tone")
    tested = pd.read_parquet(ROOT / PUBLISHED / "synderm/full-seed0/predictions.parquet")
    rows = skin_mix.read_runs(evidence, tested.drop_duplicates("image").set_index("image")["fitzpatrick"])
    least = [(f"{m}_dark{share}", f"{m}_dark0") for m in skin_mix.MODELS for share in skin_mix.SHARES[1:]]
    remedies = [(f"{skin_mix.PLAIN}_{name}", skin_mix.PLAIN) for name in skin_mix.REMEDIES]
    remedies += [(f"{skin_mix.PLAIN}_dro", f"{skin_mix.PLAIN}_even"), ("full_dark25", skin_mix.PLAIN)]
    found = {
        "table": skin_mix.mix_table(rows), "shares": skin_mix.compared(rows, least),
        "remedies": skin_mix.compared(rows, remedies), "not_run": [r for r in evidence.own if r not in rows],
    }  # fmt: skip
    record("mix", found, started, pd.DataFrame({"row": list(rows)}), out)


def angles(data: Path, real: Path, out: Path) -> None:
    """Typology angle against recorded types, on drawn and on real photographs."""
    started, drawn = time.time(), load("synderm", data, SIZE).frame
    drawn = drawn[(drawn["split"] == "test") & drawn["mask"].notna()]
    pairs = drawn[["image", "mask"]].itertuples(index=False)
    measured = [skin_tone_real.measured_angle(data / image, data / mask) for image, mask in pairs]
    frame, whole = skin_tone_real.photographs(real), skin_tone_real.photographs(real, reach=2.0)
    found = {
        "limits": typology.LIMITS,
        "classes": typology.CLASSES,
        "synderm": typology.agreement(drawn["fitzpatrick"], measured, drawn["patient_id"]),
        "pad_ufes_20": of_real(frame), "pad_ufes_20_whole": of_real(whole),
        "outlined": int(frame["mask"].notna().sum()), "measured": int(frame["angle"].notna().sum()),
        "all": np.bincount(typology.typology_class(frame["angle"].dropna().to_numpy()), minlength=6).tolist(),
    }  # fmt: skip
    record("typology", found, started, frame.drop(columns=["image", "mask"]), out)


def of_real(frame: pd.DataFrame) -> dict[str, Any]:
    """Agreement of the angle with the recorded type, and with itself in other photographs of the patient."""
    found = typology.agreement(frame["fitzpatrick"], frame["angle"], frame["patient_id"])
    return found | typology.alike(frame["angle"], frame["patient_id"])


def real_errors(real: Path, out: Path) -> None:
    """Who has a type recorded, and errors of the published out-of-fold answers by type and by angle."""
    started, frame = time.time(), skin_tone_real.photographs(real)
    answers = pd.read_parquet(ROOT / PUBLISHED / "real_evidence/pad_ufes_20.parquet")
    models = answers_of_folds(answers[answers["row"].isin(REAL_ROWS)], pad_ufes_20.LABEL_SPACE.diseases)
    errors = skin_tone_real.error_table(models, frame)
    best = max(float((m.truth == m.answers[0]).mean()) for m in models.values())
    found = {
        "photographs": len(frame), "patients": int(frame["patient_id"].nunique()), "errors": errors,
        "recorded": skin_tone_real.recorded_table(frame), "needed": skin_tone_real.dark_needed(best),
    }  # fmt: skip
    record("real", found, started, frame.drop(columns=["image", "mask"]), out)


def main(
    only: tuple[Part, ...] = PARTS,
    out: Path = OUT,
    work: Path = ROOT / WORK / "skin_tone",
    runs: Path = ROOT / "results/runs/published/synderm",
    data: Path = ROOT / "results/data/synderm-published",
    real: Path | None = None,
) -> None:
    """Measure what the chapter on skin tone shows.

    Args:
        only: which parts.
        out: folder of the records.
        work: folder for what is kept between runs.
        runs: folder of the trained runs of the ablation.
        data: folder of the drawn dataset that they were tested on.
        real: folder of PAD-UFES-20 with masks.
    """
    if {"typology", "real"} & set(only) and real is None:
        raise SystemExit("skin_tone: typology and real need PAD-UFES-20; name its folder with --real")
    if "by_type" in only:
        by_type(runs, data, out)
    if "counterfactuals" in only:
        counterfactuals(runs, work, out)
    if "mix" in only:
        mix(out)
    if "typology" in only and real is not None:
        angles(data, real, out)
    if "real" in only and real is not None:
        real_errors(real, out)


if __name__ == "__main__":
    tyro.cli(main)
