"""Spread of a DISCO score from data set to data set: scores of data drawn from what was fitted.

Influence values say which samples a score hangs on, but only to first order: where two axes have
nearly one singular value, or every class a covariance of its own, a derivative does not tell how
far new data move the score. So what is fitted is taken for the population, data sets of the same
size are drawn from it and scored whole: axes turn as far as they do, and classes overfit as they
do. The influence values are then brought to the spread of those scores (`brought_to`). This is the
parametric bootstrap (B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 6).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from discorank.scoring.arrays import segment_sums
from discorank.scoring.ncc import Covariance, ncc_posteriors
from discorank.scoring.spectral import spectral_components
from discorank.scoring.validate import check_labels

if TYPE_CHECKING:
    from discorank.scoring.spectral import SpectralComponents
    from discorank.scoring.validate import ClassLabels
    from discorank.types import Float64Array, IntArray

__all__ = ["Population", "brought_to"]

# Data sets that are drawn: their own chance moves the spread by an eighth.
N_DRAWS = 32
# Samples of one: beyond, the variance falls as one over their number, which draws need not show.
MOST_SAMPLES = 5000
# Coordinates of one: with more, a decomposition for each draw would take minutes.
MOST_COORDINATES = 512
# What is below this share of the largest is rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Population:
    """Gaussian samples of several kinds, alike about their centres: what coordinates were drawn of.

    Attributes
    ----------
    singular_values : ndarray of shape (k,)
        Of the coordinates that the centres were fitted to.
    n_groups : int
        Spectral components of a score.
    centres : ndarray of shape (n_kinds, k)
        Expected coordinates of each kind, by least squares: what remains is orthogonal to them.
    counts : ndarray of shape (n_kinds,)
        Samples of each kind.
    problems : ndarray of shape (n_problems, n_kinds)
        Class of each kind. There is one problem, and a kind is a class, but where samples have
        several labels.
    """

    singular_values: Float64Array
    n_groups: int
    centres: Float64Array
    counts: IntArray
    problems: IntArray

    @classmethod
    def of(cls, components: SpectralComponents, problems: Sequence[ClassLabels]) -> Population:
        """Fit that of coordinates whose samples have a class in each of these problems."""
        T, sigma, n_groups = (
            components.coordinates,
            components.singular_values,
            len(components.groups),
        )
        if len(problems) == 1:
            own, counts = problems[0].ids, problems[0].counts
            means = segment_sums(T, own, len(counts)) / counts[:, None]
            return cls.of_classes(sigma, n_groups, means, counts)
        kinds, own, counts = np.unique(
            [labels.ids for labels in problems], axis=1, return_inverse=True, return_counts=True
        )
        weights = np.sqrt(counts)[:, None]
        design = np.column_stack([np.ones(len(counts)), kinds.T])
        means = segment_sums(T, own.ravel(), len(counts)) / counts[:, None]
        centres = design @ np.linalg.lstsq(weights * design, weights * means, rcond=None)[0]
        return cls(sigma, n_groups, centres, counts, kinds)

    @classmethod
    def of_classes(
        cls, singular_values: Float64Array, n_groups: int, means: Float64Array, counts: IntArray
    ) -> Population:
        """Return that of classes with these means (n_classes, k) and numbers of samples."""
        return cls(singular_values, n_groups, means, counts, np.arange(len(counts))[None])

    def spread(
        self, *, covariance: Covariance = "identity", loo: bool = False, random_state: int = 0
    ) -> float:
        """Return the standard deviation of the score from data set to data set.

        It is a little larger than that of the draws, so that an interval of normal quantiles holds
        what one of Student's t does: the draws are few. NaN where it is not known: of more than
        MOST_COORDINATES coordinates, or where fewer than two draws have two classes.

        Parameters
        ----------
        covariance : {"identity", "shared", "class"}
        loo : bool
        random_state : int
        """
        if len(self.singular_values) > MOST_COORDINATES:
            return math.nan
        n_samples = int(self.counts.sum())
        n_drawn = min(n_samples, MOST_SAMPLES)
        values = list(self._scores(n_drawn, covariance, loo, np.random.default_rng(random_state)))
        if len(values) < 2:
            return math.nan
        of_few = special.stdtrit(len(values) - 1, 0.975) / special.ndtri(0.975)
        return float(of_few * np.std(values, ddof=1) * math.sqrt(n_drawn / n_samples))

    def _scores(
        self, n_samples: int, covariance: Covariance, loo: bool, rng: np.random.Generator
    ) -> Iterator[float]:
        """Score N_DRAWS data sets, but for those with less than two classes."""
        for T, problems in self._data_sets(n_samples, rng):
            ids_of = [ids for ids in problems if ids.min() < ids.max()]
            if not ids_of or not np.ptp(T, axis=0).any():
                continue
            components = spectral_components(
                T, n_components=None, n_groups=self.n_groups, svd_solver="covariance_eigh"
            )
            ncc = [
                ncc_posteriors(
                    components, check_labels(ids, n_samples), covariance=covariance, loo=loo
                )[0]
                for ids in ids_of
            ]
            yield float(components.ratios @ np.mean(ncc, axis=0))

    def _data_sets(
        self, n_samples: int, rng: np.random.Generator
    ) -> Iterator[tuple[Float64Array, IntArray]]:
        """Draw N_DRAWS data sets: coordinates, and classes of shape (n_problems, n_samples)."""
        # Neither the order of kinds nor the signs of axes are a matter of the data: kinds are taken
        # by their distance from the mean, and axes point to the first, so that no draw depends on
        # either.
        order = np.argsort(np.square(self.centres).sum(axis=1))
        centres, counts, problems = self.centres[order], self.counts[order], self.problems[:, order]
        centres *= np.where(centres[0] < 0.0, -1.0, 1.0)
        total = np.square(self.singular_values)
        scatter = np.diag(total) - (centres.T * counts) @ centres
        rank = int(np.linalg.matrix_rank(centres))
        freedom = max(int(counts.sum()) - rank - 1, 1)
        root = _root(scatter, ROUNDING * float(total[0])) / math.sqrt(freedom)
        centres *= _kept(total - np.diag(scatter), rank * np.diag(scatter) / freedom)
        shares, unevenness = counts / counts.sum(), 1.0
        if len(problems) == 1:
            shares, unevenness = _shares(counts)
        expected = n_samples * shares
        for _ in range(N_DRAWS):
            off = rng.multinomial(n_samples, shares) - expected
            stops = np.rint(np.cumsum(expected + unevenness * off)).astype(int)
            kinds = np.repeat(np.arange(len(shares)), np.diff(stops, prepend=0))
            noise = rng.standard_normal((n_samples, len(root)))
            yield centres[kinds] + noise @ root, problems[:, kinds]


def _root(scatter: Float64Array, least: float) -> Float64Array:
    """R with R R = scatter: the symmetric root, so that there is no choice."""
    values, axes = np.linalg.eigh(scatter)
    values[values < least] = 0.0
    root: Float64Array = (axes * np.sqrt(values)) @ axes.T
    return root


def _shares(counts: IntArray) -> tuple[Float64Array, float]:
    """Return the share of each class, less what chance makes of equal ones, and their unevenness.

    The latter is how far the numbers of new samples are from the expected ones, 1 as chance has it.
    Classes that are more equal than that were made so, and will be again. A few classes can be
    equal or uneven by accident: two degrees of freedom more say chance, whatever the numbers.
    """
    n_classes = len(counts)
    off = counts / counts.sum() - 1.0 / n_classes
    chi_square = float(counts.sum() * n_classes * (off @ off))
    shares: Float64Array = 1.0 / n_classes + _kept(chi_square, n_classes + 1) * off
    return shares, math.sqrt(min((chi_square + 2.0) / (n_classes + 1.0), 1.0))


def _kept(squares: Float64Array | float, by_chance: Float64Array | float) -> Float64Array:
    """Return what estimates are multiplied by, so that their squares are those without chance.

    Data that are drawn have chance of their own: from estimates as they are, they would have it
    twice (W. James and C. Stein, "Estimation with Quadratic Loss", 1961).
    """
    squares, by_chance = np.asarray(squares), np.asarray(by_chance)
    share = np.divide(by_chance, squares, where=squares > by_chance, out=np.ones(squares.shape))
    kept: Float64Array = np.sqrt(1.0 - share)
    return kept


def brought_to(spread: float, per_sample: Float64Array) -> Float64Array:
    """Return values per sample with the same mean, whose mean a bootstrap gives this spread.

    They are left as they are where they are all equal, or the spread is not known.
    """
    mean, own = per_sample.mean(), per_sample.std()
    if own <= ROUNDING * np.abs(per_sample).max() or math.isnan(spread):
        return per_sample
    brought: Float64Array = mean + (per_sample - mean) * (spread * math.sqrt(len(per_sample)) / own)
    return brought
