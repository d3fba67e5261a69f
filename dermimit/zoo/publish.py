"""Publish a finished run whose trunk was frozen: heads, interaction, record and model card, without the trunk.

Run: python -m dermimit.zoo.publish RUN --name NAME --out dermimit/zoo/NAME --answers TABLE --row ROW --fold FOLD_RUN
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import tyro
from torch import Tensor

from dermimit.data import PhotoSet
from dermimit.data.preprocessing import FILE as PREPROCESSING
from dermimit.evaluate.temperatures import FILE as CALIBRATION
from dermimit.records import publish, read_json, write_atomically, write_json
from dermimit.train.assemble import build_model, load_photos, photographs
from dermimit.train.checkpoint import save_tensors
from dermimit.train.config import TrainConfig
from dermimit.train.run import Run, load_run
from dermimit.weights import KNOWN
from dermimit.weights.files import sha256_of
from dermimit.zoo.card import facts, text
from dermimit.zoo.loading import POSITIONS, TRUNK, hash_of, pretrained_part
from dermimit.zoo.resolve import CARD, CARD_TEXT, HEADS, MANIFEST, is_published
from dermimit.zoo.scores import card_scores
from dermimit.zoo.storage import BITS, bits_of, packed

LARGEST = 20_000_000
"""Bytes of all files of a published model, at most."""
ROOM = 100_000
"""Bytes for card, manifest and headers."""
CHANGE = 1e-3
"""Change of a probability that storing the weights in fewer bits must not reach."""
SEEN, BATCH = 64, 16
"""Validation photographs on which that is checked, at most, and in one pass."""
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
            answers change when they are stored; `out` holds something else.
    """
    if out.exists() and not is_published(out):
        raise ValueError(f"{out} holds no published model: choose another --out")
    loaded = load_run(run)
    check_recipe(loaded.config, TrainConfig.from_dict(read_json(fold / "config.json")))
    trunk, start = checked_trunk(loaded)
    photos = load_photos(loaded.config)
    found = pd.read_parquet(answers)
    if row not in set(found["row"]):
        raise ValueError(f"{answers} has no row {row}; it has {', '.join(dict.fromkeys(found['row']))}")
    scores = card_scores(found[found["row"] == row], photos.frame, loaded.label_space.diseases)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        write_record(loaded, draft)
        bits = write_heads(loaded, start, draft / HEADS)
        size = sum(path.stat().st_size for path in draft.iterdir())
        card = facts(name, loaded, photos.frame, scores, trunk, size / 1e6)
        write_json(draft / CARD, card)
        write_atomically(draft / CARD_TEXT, lambda path: path.write_text(text(card), encoding="utf-8"))
        write_manifest(draft, name, trunk)
        change = largest_change(loaded, load_run(draft), photos)
        if change >= CHANGE:
            raise ValueError(f"{run}: in {bits}, answers change by {change:.1g}, which is "
                             f"{CHANGE:g} or more: make it smaller")  # fmt: skip
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    print(f"{out}: {size / 1e6:.1f} MB, matrices in {bits}; answers change by at most {change:.1g}")
    return out


def check_recipe(config: TrainConfig, scored: TrainConfig) -> None:
    """Raises ValueError where the scores would be those of another recipe."""
    ours, theirs = ({k: v for k, v in c.identity().items() if k not in FREE} for c in (config, scored))
    if changed := [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]:
        one, other = (values.get(changed[0]) for values in (ours, theirs))
        raise ValueError(f"the run was not trained as those that were scored: {changed[0]} is {one!r}, theirs "
                         f"{other!r}; train it with theirs")  # fmt: skip


def checked_trunk(run: Run) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What the manifest says of the trunk: `weights`, `package` and `sha256`; and what the heads began with.

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
    fresh, own = build_model(run.config.without_pretraining(), run.label_space), run.model.state_dict()
    start = pretrained_part(fresh, weights)
    for name in (n for n in own if n.startswith(TRUNK) and n != POSITIONS):
        if name not in start or not torch.equal(own[name], start[name]):
            raise ValueError(f"{run.path}: {name} is not that of {weights}: the trunk was trained, or the weights were "
                             "others then")  # fmt: skip
    trunk = {"weights": weights, "package": KNOWN[weights].package, "sha256": hash_of(start)}
    return trunk, {name: value for name, value in start.items() if not name.startswith(TRUNK)}


def write_record(run: Run, out: Path) -> None:
    """The record without places of this machine."""
    publish(run.path, out)
    kept = {k: v for k, v in read_json(out / "config.json").items() if k not in ("cache", "tokens", "quarantine")}
    write_json(out / "config.json", kept)
    for name in (name for name in (PREPROCESSING, CALIBRATION) if (run.path / name).exists()):
        write_json(out / name, read_json(run.path / name))


def write_heads(run: Run, start: Mapping[str, Tensor], path: Path) -> str:
    """All but the trunk, and of the trunk its positions: in as many bits as there is room for.

    Args:
        run: that is published.
        start: what the heads began with.
        path: file to write, beside the others.

    Returns:
        the bits, in words.

    Raises:
        ValueError: there is no room.
    """
    state = {n: v for n, v in run.model.state_dict().items() if not n.startswith(TRUNK) or n == POSITIONS}
    others = sum(file.stat().st_size for file in path.parent.iterdir()) + ROOM
    for new, difference in BITS:
        tensors, matrices = packed(state, start, bits_of(run.model, start, new, difference))
        size = others + sum(value.numel() * value.element_size() for value in tensors.values())
        if size <= LARGEST:
            save_tensors(path, tensors, {"matrices": matrices})
            return f"{new} bits, differences from the pretrained block in {difference}"
    raise ValueError(
        f"{run.path}: {size / 1e6:.1f} MB in {new} bits, at most {LARGEST / 1e6:g} MB are published: train "
        "with a smaller head or interaction, such as --model-kwargs head_depth 1 cim_wiring to_disease"
    )


def write_manifest(folder: Path, name: str, trunk: Mapping[str, str]) -> None:
    """The SHA-256 of every file, written last."""
    files: dict[str, Any] = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"name": name, "dermimit": version("dermimit"), "trunk": trunk, "files": files})


def largest_change(run: Run, published: Run, photos: PhotoSet) -> float:
    """By how much a probability differs at most, on photographs of the run's validation split."""
    part = photographs(replace(run.config, in_memory=False), photos, "val")
    found = 0.0
    for start in range(0, min(SEEN, len(part)), BATCH):
        batch = torch.stack([part[i]["image"] for i in range(start, min(start + BATCH, SEEN, len(part)))])
        with torch.inference_mode():
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
