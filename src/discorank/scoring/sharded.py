"""The DISCO score of classes from shards, with influence values: no one needs the rows of all.

Three passes, each of which shards make apart; between them what they found is added up::

    rows       first pass: `Moments`            -> decomposed: `RowScorer`
    rows again second pass: `ShardScore`        -> added up: `ShardSlopes`
    rows again third pass: effects of each row  -> `reduced`: the score

What travels has the size of the features squared (first pass), of the components squared and of
the class means; of each sample only numbers, never its features.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from discorank.scoring.disco import DiscoResult
from discorank.scoring.influence_parts import (
    all_turns,
    chance_of_turns,
    of_classes,
    of_turns,
    ratio_slopes,
    turn_rates,
)
from discorank.scoring.ncc_slopes import NccSlopes, SlopeSums, ncc_slopes
from discorank.scoring.spread import brought_to

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from discorank.scoring.ncc import Covariance
    from discorank.scoring.passes import RowScorer
    from discorank.types import Float64Array

__all__ = ["ShardScore", "ShardSlopes", "reduced"]


@dataclass(frozen=True, eq=False)
class ShardScore:
    """What the second pass finds in one shard.

    Attributes
    ----------
    posteriors : ndarray of shape (n_groups,)
        Sum over the rows of the posterior of the true class in each component.
    contributions : ndarray of shape (n_rows,)
    slopes : tuple of SlopeSums
        One per component.
    chance : ndarray of shape (k, k)
        Σ_j t_jk² t_jl².
    """

    posteriors: Float64Array
    contributions: Float64Array
    slopes: tuple[SlopeSums, ...]
    chance: Float64Array

    @classmethod
    def of(
        cls,
        scorer: RowScorer,
        Z: NDArray[Any],
        y: Iterable[Hashable] | ArrayLike,
        *,
        loo: bool,
    ) -> ShardScore:
        """Score the rows Z (n_rows, n_features) with classes y."""
        T, own = scorer.coordinates(Z), scorer.ids(y, len(Z))
        posteriors, contributions = scorer.model.score_all(T, own, loo=loo)
        groups = range(len(scorer.model.groups))
        slopes = tuple(
            SlopeSums.of(
                *(T, own, scorer.means, scorer.model, g), singular_values=scorer.singular_values
            )
            for g in groups
        )
        return cls(posteriors, contributions, slopes, chance_of_turns(T))


@dataclass(frozen=True, eq=False)
class ShardSlopes:
    """What the second pass found in all shards, ready to say what each row does to the score.

    Attributes
    ----------
    scorer : RowScorer
    ncc : ndarray of shape (n_groups,)
        S_ncc of each component.
    by_class : tuple of NccSlopes
        One per component.
    by_turn : ndarray of shape (k, k)
        By t_jk t_jl, through the axes.
    by_square : ndarray of shape (k,)
        By t_jk², through the singular value ratios.
    """

    scorer: RowScorer
    ncc: Float64Array
    by_class: tuple[NccSlopes, ...]
    by_turn: Float64Array
    by_square: Float64Array

    @classmethod
    def of(
        cls, scorer: RowScorer, shards: Sequence[ShardScore], *, covariance: Covariance
    ) -> ShardSlopes:
        """Add up what was found in all shards."""
        model, means, sigma = scorer.model, scorer.means, scorer.singular_values
        n_samples = int(model.counts.sum())
        ncc = np.sum([shard.posteriors for shard in shards], axis=0) / n_samples
        by_class = []
        for g in range(len(model.groups)):
            sums = shards[0].slopes[g]
            for shard in shards[1:]:
                sums = sums.plus(shard.slopes[g])
            by_class.append(ncc_slopes(sums, sigma, model, means, g, covariance=covariance))
        chance = np.sum([shard.chance for shard in shards], axis=0)
        by_turn = all_turns(model, by_class) * turn_rates(sigma, model.groups, chance)
        by_square = n_samples * ratio_slopes(sigma, model.groups, ncc.tolist())
        return cls(scorer, ncc, tuple(by_class), by_turn, by_square)

    def effects(self, Z: NDArray[Any], y: Iterable[Hashable] | ArrayLike) -> Float64Array:
        """Return what each row does to the score through what is fitted, but for a constant."""
        scorer, model = self.scorer, self.scorer.model
        T, own = scorer.coordinates(Z), scorer.ids(y, len(Z))
        effect = of_turns(T, self.by_turn) + np.square(T) @ self.by_square
        for g, slopes in enumerate(self.by_class):
            effect += model.ratios[g] * of_classes(T, own, scorer.means, model, g, slopes=slopes)
        return effect


def reduced(
    slopes: ShardSlopes,
    shards: Sequence[ShardScore],
    effects: Sequence[Float64Array],
    *,
    spread: float,
) -> tuple[DiscoResult, DiscoResult]:
    """Return the score of the rows of all shards, plain and with influence values.

    Parameters
    ----------
    slopes : ShardSlopes
    shards : sequence of ShardScore
    effects : sequence of ndarray
        Of the same shards in the same order.
    spread : float
        Of the score from data set to data set, `RowScorer.population` has it.

    Returns
    -------
    score : DiscoResult
    resampled : DiscoResult
        With influence values as `per_sample`, as `classification_influence` has them.
    """
    contributions = np.concatenate([shard.contributions for shard in shards])
    effect = np.concatenate(effects)
    score = DiscoResult.of(
        slopes.scorer.singular_values,
        slopes.scorer.model.groups,
        slopes.ncc,
        contributions,
        "covariance_eigh",
    )
    per_sample = brought_to(spread, contributions + (effect - effect.mean()))
    return score, replace(score, per_sample=per_sample)
