"""Measure for the chapter on failures: what goes with errors, what flips answers, whether maps reveal a shortcut, ink.

Writes results/published/failures/{taxonomy,gallery,counterfactuals,ink,planted_ink,planted_dressing}.json: tables,
settings and where the numbers come from; of real photographs aggregates alone. `taxonomy` needs the published records
only, `gallery` and `counterfactuals` the trained runs, `planted` trains further from one of them, `ink` needs
PAD-UFES-20 and its cross-validated runs. What is done is kept under results/checks/failures, so a stopped run goes on.

Run: python -m studies.failures.measure [--only taxonomy ...] [--runs FOLDER] [--real FOLDER] [--real-runs FOLDER]
"""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
import tyro

from dermimit.data.label_space import LabelSpace
from dermimit.data.synderm import LABEL_SPACE, RENDERER, pixels_fingerprint
from dermimit.records import provenance, read_json, write_json
from dermimit.train import fit, load_run
from studies.failures import by_condition as failures
from studies.failures import counterfactuals, error_dependence, ink, ink_study, most_confident, planted
from studies.shared.paths import PUBLISHED, ROOT, WORK
from studies.shared.published_cases import SEED, SIZE, TESTS, facts_of, tests

RUNS, OUT = ROOT / PUBLISHED / "synderm", ROOT / PUBLISHED / "failures"
PARTS = ("taxonomy", "gallery", "counterfactuals", "planted", "ink")
Part = Literal["taxonomy", "gallery", "counterfactuals", "planted", "ink"]
JOINED = ("full", "D_B_A_CIM", "D_B_A_LSM", "D_B_A_concat", "D_B_A")  # rows with all three tasks
CASES = 400  # of the counterfactuals
INK_CASES, INK_SEED = 300, 930_201


def record(name: str, found: dict[str, Any], started: float, frame: pd.DataFrame, out: Path) -> None:
    """Write one record."""
    source = {"device": "cpu", "renderer": RENDERER, "drawing_fingerprint": pixels_fingerprint()}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / f"{name}.json", found | {"provenance": provenance(frame, started, source)})
    print(f"{name}.json: written after {time.time() - started:.0f} s", flush=True)


def published(row: str) -> list[pd.DataFrame]:
    """Test predictions of every seed of a row."""
    paths = sorted(RUNS.glob(f"{row}-seed*/predictions.parquet"))
    frames = [pd.read_parquet(path) for path in paths]
    return [f[f["split"] == "test"].reset_index(drop=True) for f in frames]


def taxonomy(work: Path, out: Path) -> None:
    """Tags of errors, and how errors of the tasks go together."""
    started, facts, partners = time.time(), facts_of(work), failures.confusable_partners(LABEL_SPACE.diseases)
    answers = {row: published(row) for row in ("D", *JOINED)}
    patients, ideal = answers["full"][0]["patient_id"], np.stack(facts["ideal"].to_list())
    tagged = {row: [failures.tags(f, facts, LABEL_SPACE, partners) for f in answers[row]] for row in ("full", "D")}
    rights = {row: [rights_of(f, LABEL_SPACE) for f in answers[row]] for row in JOINED}
    found = {
        "photographs": TESTS, "seeds": len(answers["full"]), "tags": failures.CASE_TAGS | failures.ERROR_TAGS,
        "cases": {row: failures.case_table(tagged[row], patients) for row in tagged},
        "errors": {row: failures.error_table(tagged[row], patients, partners, ideal) for row in tagged},
        "compared": failures.compared(tagged["full"], tagged["D"], patients),
        "ideal_accuracy": float((ideal.argmax(1) == tagged["full"][0]["truth"].to_numpy()).mean()),
        "groups": error_dependence.group_table(rights, patients),
        "gaps": error_dependence.gap_table(rights, patients),
        "gap_differences": error_dependence.gap_differences(rights, "D_B_A", patients),
    }  # fmt: skip
    record("taxonomy", found, started, facts.drop(columns="ideal"), out)


def rights_of(frame: pd.DataFrame, space: LabelSpace) -> error_dependence.Rights:
    """What one seed got right."""
    disease = np.array(space.diseases)[np.stack(frame["disease_prob"].to_list()).argmax(1)] == frame["disease"]
    body, attributes = failures.body_right(frame, space), failures.attribute_f1(frame, space)
    return error_dependence.Rights(disease.to_numpy(bool), body, attributes)


def runs_of(runs: Path, row: str = "full") -> list[Path]:
    """The trained runs of a row."""
    found = sorted(runs.glob(f"{row}-seed*"))
    if not found:
        raise SystemExit(f"failures: {runs} holds no run of {row}; train it, or name its folder with --runs")
    return found


def counterfactual(runs: Path, work: Path, out: Path) -> None:
    """Flips of the answers of every seed of the full model."""
    started, cases = time.time(), tests(CASES)
    path = work / f"versions-{CASES}-{pixels_fingerprint()[:12]}.npz"
    if not path.exists():
        np.savez(path, **counterfactuals.draw_versions(cases))
    with np.load(path) as stored:
        drawn = dict(stored)
    truth = np.array([LABEL_SPACE.diseases.index(cases.labels(i).disease) for i in range(CASES)])
    tables = {}
    for row in ("full", "D"):
        models = [load_run(run).model for run in runs_of(runs, row)]
        answers = [{n: counterfactuals.disease_probabilities(m, p) for n, p in drawn.items()} for m in models]
        tables[row] = counterfactuals.flips(answers, truth)
    frame = pd.DataFrame([{"seed": SEED, "cases": CASES}])
    record("counterfactuals", {"cases": CASES, "table": tables}, started, frame, out)


def plant(settings: planted.PlantSettings, start: Path, work: Path, out: Path, kinds: Sequence[str]) -> None:
    """Train with and without the plant, from a published run and from random weights; then ask about the thing."""
    started, scratch, answers, energies = time.time(), {}, {}, {}
    groups = {"melanoma": settings.tests(True), "others": settings.tests(False)}
    drawn = {group: planted.pairs(cases, settings.thing) for group, cases in groups.items()}
    photos, where = planted.explained(*drawn["melanoma"][1:], settings.explained)
    for seed in settings.seeds:
        for kind in kinds:
            planted.photographs(kind, settings, work)
            for begun, found in (((None, scratch),) if settings.from_scratch else ()) + ((start, answers),):
                model = load_run(fit(planted.training(kind, seed, settings, work, begun))).model
                for group, (without, changed, _) in drawn.items():
                    found[kind, seed, group, "without"] = planted.believed(model, without)
                    found[kind, seed, group, "with"] = planted.believed(model, changed)
            print(*planted.learnt(answers, 100), sep="\n", flush=True)
            for method in planted.methods(model):
                energies[kind, seed, method] = energy_of(model, photos, where, method, work / f"energy-{kind}-{seed}")
    if set(kinds) != set(planted.KINDS):
        return
    area = where.mean((1, 2))
    record(f"planted_{settings.thing}", {
        "settings": asdict(settings), "start": start.name, "explained": len(photos), "area": float(area.mean()),
        "learnt": planted.learnt(answers, settings.resamples), "scratch": planted.learnt(scratch, settings.resamples),
        "methods": planted.revealed(energies, area, settings.resamples),
    }, started, pd.DataFrame([asdict(settings)]), out)  # fmt: skip


def energy_of(model: torch.nn.Module, photos: np.ndarray, where: np.ndarray, method: str, folder: Path) -> np.ndarray:
    """Energy on the thing of a method's maps, measured once."""
    path = folder / f"{method}-{len(photos)}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, planted.thing_energy(model, photos, where, method).tolist())
        print(path, flush=True)
    return np.array(read_json(path))


def real_ink(real: Path, real_runs: Path, rows: Sequence[str], out: Path) -> None:
    """The detector on drawn photographs; ink on real ones, in aggregate."""
    started = time.time()
    detector = ink_study.detector_table(INK_CASES, INK_SEED)
    frame, pictures, lesions = ink_study.real_photographs(real)
    marks = np.stack([ink.ink_pixels(p, m) for p, m in zip(pictures, lesions, strict=True)])
    found: dict[str, Any] = {"detector": detector, "counts": ink_study.ink_counts(frame, marks), "models": []}
    for row in rows:
        runs = sorted(real_runs.glob(f"{row}-fold*-seed0"))
        answers = ink_study.counterfactual_answers(runs, frame, pictures, lesions, marks)
        found["models"].append({"row": row, "errors": ink_study.error_rates(answers),
                                "flips": ink_study.flip_rates(answers)})  # fmt: skip
    record("ink", found, started, frame.drop(columns=["image", "mask"]), out)


def gallery(runs: Path, work: Path, out: Path, seed: int = 0, most: int = 10) -> None:
    """The most confident errors of one seed of the full model, and the Bayes-optimal prediction for the same cases."""
    started, ideal = time.time(), facts_of(work)["ideal"]
    predictions = load_run(runs / f"full-seed{seed}").predictions
    rows = most_confident.confident_errors(
        predictions[predictions["split"] == "test"].reset_index(drop=True), LABEL_SPACE, most
    )
    for row in rows:
        chances = dict(zip(LABEL_SPACE.diseases, ideal[row["index"]], strict=True))
        row["ideal"] = {"true": float(chances[row["disease"]]), "said": float(chances[row["differential"][0][0]])}
    found = {"run": f"full-seed{seed}", "split_seed": SEED, "image_size": SIZE, "cases": rows}
    record("gallery", found, started, pd.DataFrame([{"seed": SEED}]), out)


def main(
    only: tuple[Part, ...] = PARTS,
    out: Path = OUT,
    work: Path = ROOT / WORK / "failures",
    runs: Path = ROOT / "results/runs/published/synderm",
    real: Path | None = None,
    real_runs: Path = ROOT / "results/runs/real/pad_ufes_20",
    real_rows: tuple[str, ...] = ("synderm_full", "small_full"),
    plants: tuple[Literal["ink", "dressing"], ...] = ("ink", "dressing"),
    plant_kinds: tuple[Literal["planted", "control"], ...] = planted.KINDS,
) -> None:
    """Measure failures.

    Args:
        only: which parts.
        out: folder of the records.
        work: folder for what is kept between runs.
        runs: folder of the trained runs of the ablation.
        real: folder of PAD-UFES-20 with masks, for ink.
        real_runs: folder of its cross-validated runs.
        real_rows: which of them; five folds each.
        plants: which shortcuts to plant.
        plant_kinds: which networks; with one alone nothing is recorded, but what is done need not be done again.
    """
    if "ink" in only and real is None:
        raise SystemExit("failures: ink is looked for on real photographs; name their folder with --real")
    work.mkdir(parents=True, exist_ok=True)
    if "taxonomy" in only:
        taxonomy(work, out)
    if "gallery" in only:
        gallery(runs, work, out)
    if "ink" in only and real is not None:
        real_ink(real, real_runs, real_rows, out)
    if "counterfactuals" in only:
        counterfactual(runs, work, out)
    for thing in plants if "planted" in only else ():
        plant(planted.PLANTS[thing], runs / "full-seed0", work / thing, out, plant_kinds)


if __name__ == "__main__":
    tyro.cli(main)
