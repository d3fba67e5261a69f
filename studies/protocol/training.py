"""The recipe that all planned trainings share, and the configuration of each."""

from pathlib import Path

from dermimit.train import TrainConfig, with_settings
from studies.protocol.runs import TABLES, Run, read_models

RECIPE = dict(
    image_size=64, epochs=8, batch_size=64, optimizer="adamw", lr=0.001, weight_decay=0.02, weight_attributes=5.0,
    cutmix_probability=0.0, precision="bf16",
)  # fmt: skip
"""What all trainings have in common, beside the settings of each row; chosen on the validation cases of pilot runs."""


def config_of(run: Run, data_root: Path, out: Path, folder: Path = TABLES) -> TrainConfig:
    """The training of a run.

    Args:
        run: one of `planned`.
        data_root: the folder that `drawn.folder_of` names.
        out: its folder.
        folder: of the tables.
    """
    line = read_models(folder).loc[run.row]
    config = TrainConfig(
        data_root=data_root, out=out, tasks=tuple(line["tasks"].split("+")), lsm=bool(line["lsm"]),
        fusion=line["fusion"], samples=run.samples, seed=run.seed, **RECIPE,
    )  # fmt: skip
    return with_settings(config, line["settings"])
