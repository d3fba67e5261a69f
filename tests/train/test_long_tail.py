"""Remedies for rare diseases: losses against slow references, even draws, decoupled training, unseen diseases."""

import math

import numpy as np
import pytest
import torch

from dermimit.data.corrupt import keep_out
from dermimit.data.problems import ManifestError
from dermimit.train import TrainConfig, fit
from dermimit.train.long_tail import BETA, disease_loss, even_order, focal
from dermimit.train.losses import soft_cross_entropy
from dermimit.train.run import load_run

COUNTS = (6, 3, 1)
TRAIN = torch.eye(3, dtype=torch.float64).repeat_interleave(torch.tensor(COUNTS), dim=0)
KINDS = ("cross_entropy", "class_balanced", "logit_adjusted", "focal")


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    target = torch.tensor([[1, 0, 0], [0, 0.3, 0.7], [0, 0, 1], [float("nan")] * 3], dtype=torch.float64)
    return logits, target


def by_hand(kind: str, logits: torch.Tensor, target: torch.Tensor) -> float:
    """One number at a time."""
    effective = [(1 - BETA) / (1 - BETA**n) for n in COUNTS]
    mean = sum(w * n for w, n in zip(effective, COUNTS, strict=True)) / sum(COUNTS)
    total = 0.0
    for z, t in zip(logits[:3].tolist(), target[:3].tolist(), strict=True):
        shifted = (
            [v + math.log(n / sum(COUNTS)) for v, n in zip(z, COUNTS, strict=True)] if kind == "logit_adjusted" else z
        )
        p = [math.exp(v) / sum(map(math.exp, shifted)) for v in shifted]
        for c in range(3):
            factor = {"class_balanced": effective[c] / mean, "focal": (1 - p[c]) ** 2}.get(kind, 1.0)
            total -= t[c] * factor * math.log(p[c])
    return total / 3


@pytest.mark.parametrize("kind", KINDS)
def test_losses_by_hand(kind, batch):
    logits, target = batch
    assert disease_loss(kind, TRAIN)(logits, target).item() == pytest.approx(by_hand(kind, logits, target), abs=1e-12)


def test_even_counts_make_every_balanced_loss_the_plain_one(batch):
    logits, target = batch
    even, plain = torch.eye(3, dtype=torch.float64).repeat(5, 1), soft_cross_entropy(logits, target)
    for kind in ("class_balanced", "logit_adjusted"):
        torch.testing.assert_close(disease_loss(kind, even)(logits, target), plain)
    torch.testing.assert_close(focal(logits, target, focus=0.0), plain)
    with pytest.raises(ValueError, match="unknown loss 'magic'"):
        disease_loss("magic", TRAIN)


def test_an_even_order_shows_every_class_equally_often_and_repeats_itself():
    unknown = torch.cat([TRAIN, torch.full((2, 3), float("nan"), dtype=torch.float64)])
    order = even_order(unknown, 8000, seed=5)
    label = np.array([0] * 6 + [1] * 3 + [2] + [3] * 2)[order]
    np.testing.assert_allclose(np.bincount(label) / len(label), 0.25, atol=0.02)
    assert even_order(unknown, 8000, seed=5) == order != even_order(unknown, 8000, seed=6)


def test_diseases_are_kept_out_of_training_and_validation_only(tiny_photos):
    frame = tiny_photos.frame
    left = keep_out(frame, ["eczema"])
    assert set(left["split"][left["disease"] == "eczema"]) == {"test"}
    assert len(left) == len(frame) - ((frame["disease"] == "eczema") & (frame["split"] != "test")).sum()
    with pytest.raises(ManifestError, match="did you mean 'acne'"):
        keep_out(frame, ["acnee"])


def test_two_ways_of_drawing_at_once_are_refused(tiny_photos, tmp_path):
    with pytest.raises(ValueError, match="even_skin=True: must be false with sampling=diseases"):
        config(tiny_photos, tmp_path / "run", sampling="diseases", even_skin=True)


def config(tiny_photos, out, **settings) -> TrainConfig:
    model = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    return TrainConfig(data_root=tiny_photos.root, out=out, image_size=16, samples=8, epochs=1, batch_size=4,
                       model_kwargs=model, **settings)  # fmt: skip


def test_decoupled_training_moves_the_classifiers_alone(tiny_photos, tmp_path):
    first = fit(config(tiny_photos, tmp_path / "first"))
    again = config(
        tiny_photos, tmp_path / "again", start_from=str(first), train_only="classifiers", sampling="diseases"
    )
    before, after = load_run(first).model.state_dict(), load_run(fit(again)).model.state_dict()
    moved = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert moved == {"classifiers_before", "classifiers_after"}


@pytest.mark.parametrize("settings", [{"disease_loss": kind} for kind in KINDS[1:]] + [{"unseen": "acne; psoriasis"}])
def test_a_run_trains_and_its_record_says_how(settings, tiny_photos, tmp_path):
    run = load_run(fit(config(tiny_photos, tmp_path / "run", **settings)))
    assert settings.items() <= run.config.to_dict().items()
    seen = run.predictions[run.predictions["split"] == "val"]
    assert np.isfinite(run.history["loss"]).all() and len(seen)
