"""Can each of SynDerm's 27 attributes be seen? One small network an attribute, trained to tell it on from off."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from tqdm import tqdm

from dermimit.data.synderm import LABEL_SPACE, Case, SynDerm

ATTRIBUTES = LABEL_SPACE.attributes
PRIMARY = frozenset(ATTRIBUTES[: ATTRIBUTES.index("patch") + 1])
DOMES = frozenset({"papule", "nodule", "vesicle"})  # an umbilication needs one
RINGS = frozenset({"papule", "plaque", "vesicle", "wheal", "macule", "patch"})  # annular needs one
SKIN_GROUPS = {"all": range(1, 7), "I-III": range(1, 4), "IV-VI": range(4, 7)}
SEED_OF = {"train": 910_001, "test": 920_001}  # added to the user's seed; far from the seeds of written folders


@dataclass(frozen=True)
class VisibilitySettings:
    """Size of the measurement: training cases (two photographs each) and test cases (one each); the probe's recipe; the
    regime of the cases, None for the third version."""

    n_train: int = 1000
    n_test: int = 300
    image_size: int = 96
    epochs: int = 12
    pairs_in_batch: int = 16
    lr: float = 3e-3
    weight_decay: float = 0.02
    seed: int = 0
    regime: str | None = None

    def __post_init__(self) -> None:
        for name in ("n_train", "n_test", "epochs", "pairs_in_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"VisibilitySettings.{name}: must be 1 or more, found {getattr(self, name)}")

    def cases(self, split: str) -> SynDerm:
        """The cases of a split, with the usual prior, skin types, confounders and framing."""
        n = self.n_train if split == "train" else self.n_test
        return SynDerm(n, SEED_OF[split] + self.seed, self.image_size, regime=self.regime)


def context(attribute: str, drawn: Iterable[str]) -> frozenset[str]:
    """The other attributes of a case, changed as little as needed for `attribute` to be possible both on and off.

    A primary lesion is always left, an umbilication keeps a dome, and a ring a lesion that can form one.

    Raises:
        ValueError: the attribute is unknown.
    """
    if attribute not in ATTRIBUTES:
        raise ValueError(f"unknown attribute {attribute!r}; known are {', '.join(ATTRIBUTES)}")
    others = set(drawn) - {attribute}
    if attribute == "umbilication" and not others & DOMES:
        others.add("papule")
    if attribute == "annular":
        others -= {"comedo"}
        if not others & RINGS:
            others.add("patch")
    if not others & PRIMARY:
        others.add("macule" if attribute == "patch" else "patch")
    if not others & DOMES:
        others -= {"umbilication"}
    if attribute == "comedo" or "comedo" in others or not others & RINGS:
        others -= {"annular"}
    return frozenset(others)


def version(cases: SynDerm, index: int, attribute: str, on: bool) -> tuple[Tensor, bool]:
    """One version of a case: its photograph (3, S, S) uint8, and whether the attribute has a pixel in sight.

    Args:
        cases: with the usual prior, skin types, confounders and framing.
    """
    drawn = frozenset(cases.labels(index).attributes)
    wanted = context(attribute, drawn) | ({attribute} if on else frozenset())
    if wanted == drawn:
        photo, seen = as_drawn(cases.seed, cases.image_size, index, str(cases.regime))
    else:
        photo, seen = _photo(cases.counterfactual(index, add=sorted(wanted - drawn), remove=sorted(drawn - wanted)))
    return photo, bool(seen[ATTRIBUTES.index(attribute)])


@lru_cache(maxsize=4096)
def as_drawn(seed: int, image_size: int, index: int, regime: str) -> tuple[Tensor, np.ndarray]:
    """A case without any change, kept in memory since nearly every attribute uses it for one of its two versions."""
    return _photo(SynDerm(index + 1, seed, image_size, regime=regime)[index])


def _photo(case: Case) -> tuple[Tensor, np.ndarray]:
    """The photograph (3, S, S) uint8, and which attributes have a pixel in sight (27,) bool."""
    return torch.from_numpy(np.array(case.image)).permute(2, 0, 1), case.attribute_map.any(axis=(1, 2))


def training_pairs(attribute: str, settings: VisibilitySettings) -> Tensor:
    """Photographs without and with the attribute, otherwise alike: (n_train, 2, 3, S, S) uint8."""
    cases = settings.cases("train")
    pairs = torch.empty((settings.n_train, 2, 3, settings.image_size, settings.image_size), dtype=torch.uint8)
    for i in tqdm(range(settings.n_train), desc=f"{attribute}: drawing", disable=None, leave=False):
        for on in (False, True):
            pairs[i, int(on)] = version(cases, i, attribute, on)[0]
    return pairs


class Probe(nn.Module):
    """Four strided convolutions, then mean and maximum over the picture: uint8 (B, 3, S, S) to logits (B,)."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip((3, *widths), widths, strict=False)):
            kernel = 5 if i == 0 else 3
            layers += [nn.Conv2d(before, after, kernel, 2, kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, photos: Tensor) -> Tensor:
        maps = self.layers((photos.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last))
        return self.head(torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1))[:, 0]


def train_probe(pairs: Tensor, settings: VisibilitySettings) -> Probe:
    """Train with AdamW on off/on pairs (n, 2, 3, S, S) uint8; both photographs of a pair take the same flips."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        probe = Probe().to(memory_format=torch.channels_last).train()
    draw = torch.Generator().manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(probe.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    batches = -(-len(pairs) // settings.pairs_in_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, settings.epochs * batches, pct_start=0.15)
    for _ in tqdm(range(settings.epochs), desc="probe", unit="epoch", disable=None, leave=False):
        for rows in torch.randperm(len(pairs), generator=draw).tensor_split(batches):
            flips = [axis for axis in (3, 4) if torch.rand((), generator=draw) < 0.5]
            photos = pairs[rows].flip(flips).flatten(0, 1)
            target = torch.tensor([0.0, 1.0]).repeat(len(rows))
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(probe(photos), target).backward()
            optimizer.step()
            schedule.step()
    return probe.eval()


def measure(attribute: str, settings: VisibilitySettings = VisibilitySettings()) -> dict[str, Any]:
    """Train a probe for one attribute and test it on fresh cases, half with it and half without.

    Returns:
        attribute, in_sight (share of the test photographs with the attribute where it has a pixel in sight), seconds,
        and for each group of skin types: photographs, auroc, low, high (95 %; NaN where a version is absent).
    """
    started = time.time()
    probe = train_probe(training_pairs(attribute, settings), settings)
    cases = settings.cases("test")
    on, seen, scores = np.arange(settings.n_test) % 2 == 1, np.zeros(settings.n_test, bool), np.zeros(settings.n_test)
    for i in range(settings.n_test):
        photo, seen[i] = version(cases, i, attribute, bool(on[i]))
        with torch.inference_mode():
            both = probe(torch.stack([photo, photo.flip(2)]))
        scores[i] = float(both.mean())
    skin = np.array([cases.labels(i).fitzpatrick for i in range(settings.n_test)])
    groups = {}
    for name, types in SKIN_GROUPS.items():
        rows = np.isin(skin, list(types))
        groups[name] = auroc_interval(on[rows], scores[rows]) | {"photographs": int(rows.sum())}
    share = float(seen[on].mean()) if on.any() else float("nan")
    return {"attribute": attribute, "in_sight": share, "skin": groups, "seconds": round(time.time() - started, 1)}


def auroc_interval(truth: np.ndarray, scores: np.ndarray, level: float = 0.95) -> dict[str, float]:
    """AUROC and its interval, A ± z s with s^2 = var(V) / m + var(W) / n over m positives and n negatives.

    V_i = share of negatives below positive i, W_j = share of positives above negative j (half for ties). Where s = 0
    (a perfect or reversed order) the bounds solve |A - t| = z sqrt(var(t)) with the variance of Hanley and McNeil.

    Args:
        truth: (n,) bool.
        scores: (n,) higher for true.

    Returns:
        auroc, low, high; NaN where fewer than two of either kind occur.
    Source: DeLong et al., Biometrics 44 (1988); Newcombe, Stat. Med. 25 (2006), method 5, for s = 0.
    """
    truth = np.asarray(truth, bool)
    above, below = np.asarray(scores)[truth], np.asarray(scores)[~truth]
    if min(len(above), len(below)) < 2:
        return dict.fromkeys(("auroc", "low", "high"), float("nan"))
    order = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    area, z = float(roc_auc_score(truth, scores)), float(stats.norm.ppf(0.5 + level / 2))
    spread = float(np.sqrt(order.mean(1).var(ddof=1) / len(above) + order.mean(0).var(ddof=1) / len(below)))
    if spread > 0:
        return {"auroc": area, "low": max(0.0, area - z * spread), "high": min(1.0, area + z * spread)}
    grid = np.linspace(0, 1, 20001)
    inside = grid[np.abs(grid - area) <= z * np.sqrt(hanley_variance(grid, len(above), len(below))) + 1e-12]
    return {"auroc": area, "low": float(inside.min()), "high": float(inside.max())}


def hanley_variance(area: np.ndarray, m: int, n: int) -> np.ndarray:
    """Variance of an AUROC of m positives and n negatives, Newcombe's symmetric form of Hanley and McNeil (1982)."""
    middle = (m + n) / 2 - 1
    return area * (1 - area) * (1 + middle * ((1 - area) / (2 - area) + area / (1 + area))) / (m * n)


def tidy(measured: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each attribute and group of skin types, from what `measure` returned."""
    return [
        {"attribute": m["attribute"], "skin": skin, **m["skin"][skin], "in_sight": m["in_sight"]}
        for m in measured
        for skin in SKIN_GROUPS
    ]
