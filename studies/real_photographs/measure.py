"""Measure on PAD-UFES-20 what the chapter on real photographs shows: what is there, what is missing, what leaks.

Writes results/published/real_checks/{counts,missingness,leakage}.json: tables in aggregate, the settings and where the
numbers come from; nothing of a single photograph. The networks are kept under results/checks, so a stopped run goes on.

Run: python -m studies.real_photographs.measure FOLDER [--only counts missingness leakage]
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import tyro

from dermimit.data import pad_ufes_20
from dermimit.data.official import count_lesions
from dermimit.records import provenance, write_json
from studies.real_photographs import leakage, missingness
from studies.shared.paths import PUBLISHED, ROOT, WORK

RECIPE = leakage.LeakageSettings()
Check = Literal["counts", "missingness", "leakage"]


def counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Photographs by disease and skin type, by body part and by attribute; patients by their number of photographs."""
    skin = frame["fitzpatrick"].map(lambda t: "not recorded" if pd.isna(t) else f"type {t}")
    table = pd.crosstab(frame["disease"], skin)
    sizes = frame.groupby("patient_id").size().value_counts().sort_index()
    return {
        "photographs": len(frame),
        "patients": int(frame["patient_id"].nunique()),
        "lesions": count_lesions(frame),
        "masks": int(frame["mask"].notna().sum()),
        "disease_by_skin_type": {d: {k: int(n) for k, n in row.items()} for d, row in table.iterrows()},
        "body_part": {k: int(n) for k, n in frame["body_part"].value_counts().items()},
        "attributes": {k: int(n) for k, n in frame["attributes"].explode().dropna().value_counts().items()},
        "attributes_unknown": {
            k: int(n) for k, n in frame["attributes_unknown"].explode().dropna().value_counts().items()
        },
        "patients_by_photographs": {str(k): int(n) for k, n in sizes.items()},
    }


def leaks(root: Path, frame: pd.DataFrame, settings: leakage.LeakageSettings, work: Path) -> dict[str, Any]:
    """The table of `leakage.compare` for every model."""
    images, truth = leakage.small_photographs(root), frame.set_index("image")["disease"]
    rows: list[dict[str, object]] = []
    for name in (*leakage.CLASSIC, leakage.NETWORK):
        answers = {
            scheme: [leakage.by_network(root, scheme, seed, settings, work) for seed in settings.seeds]
            if name == leakage.NETWORK
            else [leakage.by_classic(name, root, scheme, images, truth)]
            for scheme in leakage.SCHEMES
        }
        rows += [{"model": name} | row for row in leakage.compare(answers, frame)]
        print(name, {r["score"]: round(float(r["value"]), 3) for r in rows[-18:-15]}, flush=True)
    confusion = sum(pd.crosstab(truth, a.loc[truth.index]).reindex(index=truth.unique(), columns=truth.unique(),
                    fill_value=0) for a in answers["patient"]) / len(settings.seeds)  # fmt: skip
    return {"table": rows, "confusion": {d: row.to_dict() for d, row in confusion.iterrows()}}


def main(
    root: Annotated[Path, tyro.conf.Positional],
    only: tuple[Check, ...] = ("counts", "missingness", "leakage"),
    out: Path = ROOT / PUBLISHED / "real_checks",
    work: Path = ROOT / WORK / "leakage",
    settings: leakage.LeakageSettings = RECIPE,
) -> None:
    """Measure PAD-UFES-20.

    Args:
        root: its folder.
        only: what to measure.
        out: folder of the records.
        work: folder of the networks.
    """
    frame, _ = pad_ufes_20.load(root)
    for name in only:
        started = time.time()
        if name == "counts":
            found: dict[str, Any] = counts(frame)
        elif name == "missingness":
            answers = missingness.read_answers(root)
            found = {"shares": missingness.missing_shares(answers).to_dict("index")}
            found["told"] = missingness.told_by_missing(answers)
        else:
            found = {"settings": asdict(settings)} | leaks(root, frame, settings, work)
        out.mkdir(parents=True, exist_ok=True)
        facts = provenance(frame, started, {"device": "cpu"})
        write_json(out / f"{name}.json", {"photographs": len(frame)} | found | {"provenance": facts})
        print(f"{name}.json: written")


if __name__ == "__main__":
    tyro.cli(main)
