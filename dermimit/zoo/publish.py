"""Publish a finished run whose trunk was frozen: heads, interaction, record and model card, without the trunk.

Run: python -m dermimit.zoo.publish RUN --fold FOLD --answers ANSWERS.parquet --row ROW --name NAME --out dermimit/zoo/NAME
"""

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import tyro
from torch import Tensor

from dermimit.evaluate.temperatures import FILE as CALIBRATION
from dermimit.records import publish, read_json, write_atomically, write_json
from dermimit.train.assemble import build_model, load_photos, photographs
from dermimit.train.checkpoint import save_tensors
from dermimit.train.config import TrainConfig
from dermimit.train.run import Run, load_run
from dermimit.weights import KNOWN, fill, read_weights
from dermimit.weights.files import sha256_of
from dermimit.zoo.card import facts, text
from dermimit.zoo.loading import POSITIONS, TRUNK, trunk_hash
from dermimit.zoo.resolve import CARD, CARD_TEXT, HEADS, MANIFEST, is_published
from dermimit.zoo.scores import card_scores

PREPROCESSING = "preprocessing.json"
LARGEST = 20_000_000
"""Bytes of all files of a published model."""
CHANGE = 1e-3
"""Change of a probability that storing the weights in 16 bits must not reach."""
SEEN = 64
"""Validation photographs on which that is checked, at most."""
FREE = ("data_options", "seed", "cache", "tokens", "workers", "tracker")
"""Settings in which a published run may differ from those that were scored."""


def package(run: Path, name: str, out: Path, answers: Path, row: str, fold: Path) -> Path:
    """Makes the folder of a published model.

    Args:
        run: folder of the finished run; its dataset must be where it was trained.
        name: of the model.
        out: folder to write; an earlier version of the model there is replaced.
        answers: out-of-fold answers, a table that `dermimit.evaluate.out_of_fold.collect` made.
        row: which of its rows has the recipe of this run.
        fold: folder of one of the runs that gave these answers; its recipe is compared.

    Returns:
        `out`.

    Raises:
        ValueError: the trunk was trained, or is not of known weights; the recipes differ; the files are too large, or
            answers change in 16 bits; `out` holds something else.
    """
    if out.exists() and not is_published(out):
        raise ValueError(f"{out} holds no published model: choose another --out")
    loaded = load_run(run)
    check_recipe(loaded.config, TrainConfig.from_dict(read_json(fold / "config.json")))
    trunk = checked_trunk(loaded)
    photos = load_photos(loaded.config)
    found = pd.read_parquet(answers)
    if row not in set(found["row"]):
        raise ValueError(f"{answers} has no row {row}; it has {', '.join(dict.fromkeys(found['row']))}")
    scores = card_scores(found[found["row"] == row], photos.frame, loaded.label_space.diseases)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        write_record(loaded, draft)
        write_heads(loaded, draft / HEADS)
        size = sum(path.stat().st_size for path in draft.iterdir())
        check_size(size)
        card = facts(name, loaded, photos.frame, scores, trunk, size / 1e6)
        write_json(draft / CARD, card)
        write_atomically(draft / CARD_TEXT, lambda path: path.write_text(text(card), encoding="utf-8"))
        write_manifest(draft, name, trunk)
        change = largest_change(loaded, load_run(draft))
        if change >= CHANGE:
            raise ValueError(f"{run}: in 16 bits answers change by {change:.1g}, which is {CHANGE:g} or more")
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    print(f"{out}: {size / 1e6:.1f} MB; answers change by at most {change:.1g}")
    return out


def check_recipe(config: TrainConfig, scored: TrainConfig) -> None:
    """Raises ValueError where the scores would be those of another recipe."""
    ours, theirs = ({k: v for k, v in c.identity().items() if k not in FREE} for c in (config, scored))
    if changed := [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]:
        raise ValueError(f"the run was not trained as those that were scored: {changed[0]} is {ours.get(changed[0])!r}, "
                         f"theirs {theirs.get(changed[0])!r}; train it with theirs")  # fmt: skip


def checked_trunk(run: Run) -> dict[str, str]:
    """What the manifest says of the trunk: `weights`, `package` and `sha256`.

    Raises:
        ValueError: it is not of known weights, or was trained.
    """
    weights = run.config.weights
    if weights not in KNOWN or not KNOWN[weights].package:
        raise ValueError(f"{run.path}: weights {weights!r} are in no package that others can install; train with "
                         f"--weights and one of {', '.join(n for n, k in KNOWN.items() if k.package)}")  # fmt: skip
    if run.config.freeze not in ("trunk", "all-but-heads"):
        raise ValueError(f"{run.path}: its trunk was trained (freeze={run.config.freeze!r}), and is not published: "
                         "train with --freeze trunk")  # fmt: skip
    fresh = build_model(run.config.without_pretraining(), run.label_space)
    fill(fresh, read_weights(weights))
    own, there = run.model.state_dict(), fresh.state_dict()
    for name in (n for n in own if n.startswith(TRUNK) and n != POSITIONS):
        if not torch.equal(own[name], there[name]):
            raise ValueError(f"{run.path}: {name} is not that of {weights}: the trunk was trained, or the weights were "
                             "others then")  # fmt: skip
    return {"weights": weights, "package": KNOWN[weights].package, "sha256": trunk_hash(own)}


def write_record(run: Run, out: Path) -> None:
    """The record without places of this machine."""
    publish(run.path, out)
    kept = {k: v for k, v in read_json(out / "config.json").items() if k not in ("cache", "tokens", "quarantine")}
    write_json(out / "config.json", kept)
    for name in (name for name in (PREPROCESSING, CALIBRATION) if (run.path / name).exists()):
        write_json(out / name, read_json(run.path / name))


def write_heads(run: Run, path: Path) -> None:
    """All but the trunk, in 16 bits; of the trunk its positions, as they are."""
    state = run.model.state_dict()
    kept = {name: in_half(value) for name, value in state.items() if not name.startswith(TRUNK)}
    save_tensors(path, kept | {name: state[name] for name in (POSITIONS,) if name in state}, {})


def in_half(value: Tensor) -> Tensor:
    """Floating-point numbers in 16 bits."""
    return value.half() if value.is_floating_point() else value


def check_size(size: int) -> None:
    """Raises ValueError above `LARGEST` bytes."""
    if size > LARGEST:
        raise ValueError(f"the files are {size / 1e6:.1f} MB, at most {LARGEST / 1e6:g} are published: train with fewer "
                         "parts, such as --model-kwargs head_depth 1 cim_wiring to_disease")  # fmt: skip


def write_manifest(folder: Path, name: str, trunk: Mapping[str, str]) -> None:
    """The SHA-256 of every file, written last."""
    files: dict[str, Any] = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"name": name, "dermimit": version("dermimit"), "trunk": trunk, "files": files})


@torch.inference_mode()
def largest_change(run: Run, published: Run) -> float:
    """By how much a probability differs at most, on photographs of the run's validation split."""
    part = photographs(run.config, load_photos(run.config), "val")
    images = torch.stack([part[i]["image"] for i in range(min(SEEN, len(part)))])
    found = 0.0
    for batch in images.split(16):
        ours, theirs = (model(batch)[0] for model in (run.model, published.model))
        for task, logits in ours.items():
            several = run.label_space.multi_label(task)
            p, q = (z.sigmoid() if several else z.softmax(1) for z in (logits, theirs[task]))
            found = max(found, float((p - q).abs().max()))
    return found


def main(
    run: Annotated[Path, tyro.conf.Positional], /, name: str, out: Path, answers: Path, row: str, fold: Path
) -> None:
    """Publish a finished run.

    Args:
        run: its folder.
        name: of the model.
        out: folder to write.
        answers: table of out-of-fold answers.
        row: of the table, with the recipe of this run.
        fold: folder of one of the runs that gave these answers.
    """
    package(run, name, out, answers, row, fold)


if __name__ == "__main__":
    tyro.cli(main)
