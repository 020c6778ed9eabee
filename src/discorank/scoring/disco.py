"""The DISCO score: spectral components, each scored on the task, weighted by singular values."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from numpy.typing import ArrayLike

from discorank.scoring.hard_examples import score_hard_examples
from discorank.scoring.html import components_to_html
from discorank.scoring.ncc import Covariance, ncc_posteriors
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import SvdSolver, group_ratios
from discorank.scoring.validate import check_choice, check_flag
from discorank.types import Float64Array, Score

__all__ = ["ComponentScore", "DiscoResult", "disco", "disco_score"]


@dataclass(frozen=True, eq=False)
class ComponentScore:
    """One spectral component of a `DiscoResult`.

    Attributes
    ----------
    ratio : float
        Singular value ratio S_ratio^g; the ratios of a result sum to 1.
    ncc : float
        S_ncc^g, the mean posterior of the true class in this component, in [0, 1].
    singular_values : ndarray of shape (group size,)
        Decreasing.
    """

    ratio: float
    ncc: float
    singular_values: Float64Array


@dataclass(frozen=True, eq=False, kw_only=True)
class DiscoResult(Score):
    """A DISCO score and what it is made of.

    Attributes
    ----------
    value : float
        S_cls = Σ_g S_ratio^g S_ncc^g, in [0, 1]; higher is better.
    components : tuple of ComponentScore
        One per group, leading first.
    per_sample : ndarray of shape (n_samples,)
        Contribution of each sample; their mean is `value`. How sure a score is takes more: a
        ranking resamples influence values, which add what a sample moves by what is fitted.
    svd_solver : str
        The solver that was used; what "auto" chose.
    """

    per_sample: Float64Array
    components: tuple[ComponentScore, ...]
    svd_solver: SvdSolver

    @classmethod
    def of(
        cls,
        singular_values: Float64Array,
        groups: Sequence[slice],
        ncc: Float64Array,
        per_sample: Float64Array,
        svd_solver: SvdSolver,
    ) -> DiscoResult:
        """Weight what each component says by its share of the singular values.

        Parameters
        ----------
        singular_values : ndarray of shape (k,)
        groups : sequence of slice
            The triplets of each component.
        ncc : ndarray of shape (n_groups,)
            S_ncc of each component.
        per_sample : ndarray of shape (n_samples,)
        svd_solver : str
        """
        ratios = group_ratios(singular_values, groups)
        components = tuple(
            ComponentScore(float(ratio), float(score), singular_values[group])
            for ratio, score, group in zip(ratios, ncc, groups, strict=True)
        )
        return cls(
            value=float(ratios @ ncc),
            components=components,
            per_sample=per_sample,
            svd_solver=svd_solver,
        )

    @property
    def spectrum(self) -> tuple[Mapping[str, float], ...]:
        """Ratio and ncc of each component."""
        return tuple({"ratio": one.ratio, "ncc": one.ncc} for one in self.components)

    def _repr_html_(self) -> str:
        return components_to_html(self, title="DISCO score")


def disco_score(
    features: ArrayLike,
    labels: Iterable[Hashable] | ArrayLike,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    covariance: Covariance = "identity",
    loo: bool = False,
    row_norm: float | None = None,
    svd_solver: SvdSolver = "auto",
    hard_fraction: float | None = None,
    random_state: int = 0,
) -> DiscoResult:
    """Score how well features separate classes, by the distribution of spectral components.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's samples, float16, float32 or float64; not changed.
    labels : array-like of shape (n_samples,)
        Class of each sample: any hashable names, at least two of them.
    n_components : int, optional
        Leading singular triplets to keep; None keeps all.
    n_groups : int
        Spectral components: groups of consecutive triplets. At most `n_components`; capped at the
        rank of the features.
    covariance : {"identity", "shared", "class"}
        Λ of the class-conditional Gaussians in each component. "identity" (the published code)
        depends on the scale of the features. "shared" is the pooled within-class covariance,
        shrunk towards a multiple of the identity. "class" is one covariance per class (the
        paper's equation), shrunk towards the shared one, so that a class with one sample has it.
    loo : bool
        Leave each sample out of the mean of its own class: t_i − μ_y grows by N_c / (N_c − 1). A
        class with one sample keeps only its prior. Never raises the score; with few samples per
        class the plain score is optimistic.
    row_norm : float, optional
        Euclidean norm that every row of the features is scaled to before anything else; None
        leaves the rows as they are (the published code). With it the score does not depend on the
        scale of the features, and what varies little against its mean, as the features of
        networks that were never trained do, scores near chance. Scorer "disco-cosine" has 30.
    svd_solver : {"auto", "full", "covariance_eigh", "randomized", "published"}
        See `discorank.scoring.spectral.spectral_components`.
    hard_fraction : float in (0, 1], optional
        Score only this share of the samples, those of `discorank.hard_examples`; the others have
        NaN in `per_sample`. None scores all.
    random_state : int
        Seed of the randomized solver.

    Returns
    -------
    result : DiscoResult

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.

    Notes
    -----
    In component g with coordinates t, class means μ_c and priors π_c = N_c / N ::

        log p̃(c | t) = −½ (t − μ_c)ᵀ Λ⁻¹ (t − μ_c) − ½ log|Λ| + log π_c
        S_ncc^g      = 1/N Σ_i softmax_c(log p̃(c | t_i)) at c = y_i

    Shrinkage adds p + 1 samples' worth of what a covariance is shrunk to, p being the group size.

    References
    ----------
    T. Zhang, Y. Shu, Y. Chen, Y. Long, C. Guo, L. Yang, "Assessing Pre-trained Models for Transfer
    Learning through Distribution of Spectral Components", AAAI 2025, arXiv 2412.19085, eq. 3-7.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat(["cat", "dog"], 50)
    >>> features = rng.standard_normal((100, 16)) + 2.0 * (labels == "cat")[:, None]
    >>> result = disco_score(features, labels)
    >>> round(result.value, 3), round(result.components[0].ncc, 3)
    (0.646, 1.0)
    """
    score = partial(
        disco,
        n_components=n_components,
        n_groups=n_groups,
        covariance=covariance,
        loo=loo,
        row_norm=row_norm,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    probe = Probe(features, labels)
    return score_hard_examples(score, probe, hard_fraction, random_state=random_state)


def disco(
    probe: Probe,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    covariance: Covariance = "identity",
    loo: bool = False,
    row_norm: float | None = None,
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> DiscoResult:
    """`disco_score` of a probe; the decomposition is shared with other scorers of the probe."""
    check_choice(covariance, get_args(Covariance), name="covariance")
    check_flag(loo, name="loo")
    classes = probe.classes
    components = probe.components(
        n_components=n_components,
        n_groups=n_groups,
        row_norm=row_norm,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    ncc, per_sample = ncc_posteriors(components, classes, covariance=covariance, loo=loo)
    return DiscoResult.of(
        components.singular_values, components.groups, ncc, per_sample, components.svd_solver
    )
