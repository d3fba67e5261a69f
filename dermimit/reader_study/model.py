"""The mean of a value over readers and cases, both taken as random: what the analysis and the power rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class CrossedMean:
    """A mean with its interval.

    Attributes:
        value, low, high: the mean and its 95 % interval.
        p: of the mean being zero, two-sided.
        reader_sd, case_sd, rest_sd: standard deviations of the random parts; 0 where the variance comes out below 0.
        df: degrees of freedom of the t distribution.
        n: values.
    """

    value: float
    low: float
    high: float
    p: float
    reader_sd: float
    case_sd: float
    rest_sd: float
    df: float
    n: int


def crossed_mean(values: ArrayLike, readers: ArrayLike, cases: ArrayLike, level: float = 0.95) -> CrossedMean:
    """The mean μ of the linear mixed model d_rc = μ + a_r + b_c + e_rc with crossed random readers and cases.

    The variances come from Henderson's method I, which needs no complete table: the sums T_0 = Σ d²,
    T_r = Σ_r n_r d̄_r², T_c = Σ_c n_c d̄_c² and T_μ = n d̄² are set equal to their expectations. On a complete table this
    is the two-way analysis of variance, and REML where no variance is 0. The variance of d̄ is A + B with the parts
    A = σ_a² Σ n_r² / n² + σ_e² / n of the readers and B = max(σ_b², 0) Σ n_c² / n² of the cases; its degrees of freedom
    are (A + B)² / (A² / (R − 1) + B² / (C − 1)). As in the analysis of studies with several readers and cases, the
    readers' mean square is taken as it is, even where σ_a² comes out below 0: the few readers say how sure one may be.

    Args:
        values: a number for each pair of reader and case that was read; at most one a pair.
        readers, cases: who and what, of the same length.

    Raises:
        ValueError: fewer than two readers or two cases, or as many values as readers or cases alone: nothing to tell
            the variances apart by.

    Source: Henderson, Biometrics 9 (1953); Obuchowski and Rockette, Commun. Stat. Simul. Comput. 24 (1995); the
        degrees of freedom after Hillis, Stat. Med. 26 (2007).
    """
    d = np.asarray(values, float)
    r, c = (pd.factorize(np.asarray(names))[0] for names in (readers, cases))
    n, n_r, n_c = len(d), np.bincount(r), np.bincount(c)
    if len(n_r) < 2 or len(n_c) < 2 or n < len(n_r) + len(n_c):
        raise ValueError(f"{n} values of {len(n_r)} readers and {len(n_c)} cases: at least two of each are needed, and "
                         "more values than readers and cases together")  # fmt: skip
    mean, (va, vb, ve) = d.mean(), _variances(d, r, c, n_r, n_c)
    of_readers, of_cases = va * (n_r @ n_r) / n**2 + ve / n, max(vb, 0) * (n_c @ n_c) / n**2
    if of_readers <= 0:  # can happen on a table with holes
        of_readers = ve / n
    variance = of_readers + of_cases
    spread = of_readers**2 / (len(n_r) - 1) + of_cases**2 / (len(n_c) - 1)
    df = variance**2 / spread if spread > 0 else len(n_r) - 1.0
    half = stats.t.ppf(0.5 + level / 2, df) * np.sqrt(variance)
    p = 2 * stats.t.sf(abs(mean) / np.sqrt(variance), df) if variance > 0 else float(mean == 0)
    sd_a, sd_b, sd_e = (float(np.sqrt(max(v, 0))) for v in (va, vb, ve))
    return CrossedMean(float(mean), float(mean - half), float(mean + half), float(p), sd_a, sd_b, sd_e, float(df), n)


def _variances(
    d: np.ndarray, r: np.ndarray, c: np.ndarray, n_r: np.ndarray, n_c: np.ndarray
) -> Float[np.ndarray, " parts"]:
    """σ_a², σ_b² and σ_e², as the equations give them: the first two may come out below 0."""
    d = d - d.mean()  # the method does not depend on the mean; without it nothing cancels
    n, sum_r, sum_c = len(d), np.bincount(r, d), np.bincount(c, d)
    sums = np.array([d @ d, (sum_r**2 / n_r).sum(), (sum_c**2 / n_c).sum()])
    means = np.array([[n, n, n], [n, len(n_r), len(n_r)], [len(n_c), n, len(n_c)]], float)
    means -= np.array([n_r @ n_r / n, n_c @ n_c / n, 1])  # expectations of T_μ, which is 0 here
    return np.linalg.solve(means, sums)
