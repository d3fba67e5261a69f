"""What a linear and a two-layer network reach on the true labels where findings interact, beside the ceilings.

Run: python -m studies.synderm_checks.interaction [--regimes interaction=0 interaction=0.5 interaction=1 groups=1]
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
import tyro
from torch import nn

from dermimit.data.synderm import additive_ceiling, knowledge, process, read_regime
from dermimit.evaluate.comparisons import macro_f1

BATCH, HIDDEN, RATE = 2048, 1024, 0.004


def measure(
    regimes: Sequence[str] = ("interaction=0", "interaction=0.5", "interaction=1", "groups=1"),
    n_train: int = 6_000_000,
    n_test: int = 100_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Train both networks in each regime on cases that are each seen once, and score them beside the ceilings.

    The networks read the true body part, attributes and lesion parameters, 51 zeros and ones.

    Args:
        regimes: as `read_regime` takes them.
        n_train: cases to train on; rounded down to whole batches.
        n_test: cases to score on, a multiple of 10.
        seed: of cases and initial weights.

    Returns:
        columns `regime, reader, accuracy, macro_f1, accuracy_error` (standard error); for the upper bound on every
        additive reader macro-F1 is not known.
    """
    rows = []
    for regime in regimes:
        facts, known = process(read_regime(regime)), additive_ceiling(regime, n=n_test, seed=seed)
        chance = float(facts.prior.max())
        commonest = 2 * chance / (1 + chance) / len(facts.diseases)
        rows.append((regime, "commonest disease", chance, commonest, 0.0))
        for name, reader in (("additive, maximum likelihood", known.likelihood), ("additive, best", known.best)):
            rows.append((regime, name, reader.accuracy, reader.macro_f1, reader.accuracy_error))
        rows.append((regime, "additive, upper bound", known.bound, np.nan, known.bound_error))
        truth, features = _cases(regime, n_test, np.random.default_rng([seed, 1]))
        for name, network in trained(regime, n_train, seed).items():
            with torch.no_grad():
                guess = np.concatenate([network(part).argmax(dim=1).numpy() for part in features.split(BATCH)])
            hit = float((guess == truth.numpy()).mean())
            rows.append((regime, name, hit, macro_f1(truth.numpy(), guess), np.sqrt(hit * (1 - hit) / n_test)))
        rows.append((regime, "exact", known.exact.accuracy, known.exact.macro_f1, known.exact.accuracy_error))
    return pd.DataFrame(rows, columns=["regime", "reader", "accuracy", "macro_f1", "accuracy_error"])


def trained(regime: str, n_train: int, seed: int) -> dict[str, nn.Module]:
    """A linear model and a network with one hidden layer, trained by Adam on the same cases, each seen once."""
    torch.manual_seed(seed)
    networks = {
        "linear": nn.LazyLinear(len(knowledge().diseases)),
        "two layers": nn.Sequential(nn.LazyLinear(HIDDEN), nn.ReLU(), nn.LazyLinear(len(knowledge().diseases))),
    }
    steps = n_train // BATCH
    for network in networks.values():
        network(_cases(regime, 2, np.random.default_rng(0))[1])
    optimizers = {name: torch.optim.Adam(network.parameters(), lr=RATE) for name, network in networks.items()}
    plans = [torch.optim.lr_scheduler.CosineAnnealingLR(o, steps) for o in optimizers.values()]
    for truth, features in _batches(regime, steps, seed):
        for name, network in networks.items():
            optimizers[name].zero_grad()
            nn.functional.cross_entropy(network(features), truth).backward()
            optimizers[name].step()
        for plan in plans:
            plan.step()
    return networks


def _batches(regime: str, steps: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of fresh cases."""
    rng = np.random.default_rng([seed, 0])
    for _ in range(steps):
        yield _cases(regime, BATCH, rng)


def _cases(regime: str, n: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Diseases (n,) and features (n, 51): body part, attributes and lesion parameters as zeros and ones."""
    facts = process(read_regime(regime))
    disease = rng.choice(len(facts.diseases), size=n, p=facts.prior)
    body, present, lesions = facts.draw(disease, rng)
    three = np.eye(3)[lesions].reshape(n, -1)
    features = np.concatenate([np.eye(len(facts.body_parts))[body], present, three], axis=1)
    return torch.from_numpy(disease), torch.from_numpy(features.astype(np.float32))


if __name__ == "__main__":
    print(tyro.cli(measure).round(4).to_string(index=False))
