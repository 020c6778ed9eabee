"""Split features into spectral components: economy SVD, groups of singular triplets, ratios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring import svd
from discorank.scoring.arrays import Array, placed_like, symmetric_eigh, to_numpy
from discorank.scoring.krylov import NotConverged
from discorank.scoring.validate import check_choice, check_count, check_features
from discorank.types import Float64Array

__all__ = [
    "SpectralComponents",
    "Spectrum",
    "SvdSolver",
    "all_singular_values",
    "check_groups",
    "decompose",
    "full_spectrum",
    "group_ratios",
    "numerical_rank",
    "spectral_components",
    "split_groups",
]

SvdSolver: TypeAlias = Literal["auto", "full", "covariance_eigh", "randomized", "published"]

# Singular values below this share of the largest count as zero in every solver, so that all agree
# on the rank: solvers that go through the covariance resolve no less than sqrt(float64 epsilon).
RANK_TOLERANCE = 1e-7

_DIRECT: dict[SvdSolver, Callable[[Array, int], svd.Triplets]] = {
    "full": svd.full,
    "covariance_eigh": svd.covariance_eigh,
    "published": svd.published,
}


@dataclass(frozen=True, eq=False)
class Spectrum:
    """All singular values and axes of centred features Z = U Σ Vᵀ, r = min(n_samples, n_features).

    Attributes
    ----------
    singular_values : ndarray of shape (r,), float64
        Decreasing; zeros are kept, so their number is not the rank.
    axes : ndarray of shape (n_features, r)
        V, with orthonormal columns.
    """

    singular_values: Float64Array
    axes: Array

    @property
    def rank(self) -> int:
        """Number of singular values above RANK_TOLERANCE times the largest; at least 1."""
        return numerical_rank(self.singular_values)


@dataclass(frozen=True, eq=False)
class SpectralComponents:
    """The leading singular triplets of centred features, in groups of consecutive triplets.

    Component g of Z = U Σ Vᵀ is Z_g = U_g Σ_g V_gᵀ. It is never formed: V_g has orthonormal
    columns, so every distance in Z_g is the distance in the coordinates T_g = U_g Σ_g.

    Attributes
    ----------
    coordinates : ndarray of shape (n_samples, k)
        T = U Σ; ``coordinates[:, groups[g]]`` is T_g.
    singular_values : ndarray of shape (k,)
        Decreasing.
    axes : ndarray of shape (n_features, k)
        V.
    groups : tuple of slice
        The triplets of each component.
    svd_solver : str
        The solver that was used; what "auto" chose.
    """

    coordinates: Array
    singular_values: Float64Array
    axes: Array
    groups: tuple[slice, ...]
    svd_solver: SvdSolver

    @property
    def ratios(self) -> Float64Array:
        """Singular value ratio S_ratio of each component, shape (n_groups,); they sum to 1."""
        return group_ratios(self.singular_values, self.groups)


def spectral_components(
    features: ArrayLike | Array,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> SpectralComponents:
    """Decompose features into `n_groups` spectral components.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        float16, float32 or float64. Centred by their column means; not changed.
    n_components : int, optional
        Leading singular triplets to keep, at most the rank; None keeps all.
    n_groups : int
        Groups of consecutive triplets; sizes differ by at most one (`numpy.array_split`). Capped
        at the number of triplets that are kept.
    svd_solver : {"auto", "full", "covariance_eigh", "randomized", "published"}
        - "full": singular value decomposition in float64.
        - "covariance_eigh": eigendecomposition of the covariance, summed in float64; exact, and
          fast for many samples of few features.
        - "randomized": block Krylov iteration in the precision of the input, refined until it
          agrees with "full" to about 1e-5 in the value of a score. Where it saves nothing, or does
          not converge, an exact solver is used instead.
        - "published": the reduction of the published code, scikit-learn's randomized PCA with one
          power iteration and its fixed seed, then a full decomposition of what it keeps. Its
          tail is up to 10 % too small; use it to reproduce published numbers.
        - "auto": an exact solver where that is quick, else "randomized".
    random_state : int
        Seed of "randomized".

    Returns
    -------
    components : SpectralComponents

    Raises
    ------
    InvalidInput
        If an argument is not as described, or `n_groups` exceeds `n_components`.

    References
    ----------
    T. Zhang, Y. Shu, Y. Chen, Y. Long, C. Guo, L. Yang, "Assessing Pre-trained Models for Transfer
    Learning through Distribution of Spectral Components", AAAI 2025, arXiv 2412.19085.
    """
    return decompose(
        check_features(features),
        n_components=n_components,
        n_groups=n_groups,
        svd_solver=svd_solver,
        random_state=random_state,
    )


def decompose(
    Z: Array,
    *,
    n_components: int | None,
    n_groups: int,
    svd_solver: SvdSolver,
    random_state: int,
) -> SpectralComponents:
    """Do what `spectral_components` does to features that have passed `check_features`.

    Parameters
    ----------
    Z : array of shape (n_samples, n_features)
    n_components, n_groups, svd_solver, random_state
        As in `spectral_components`.

    Returns
    -------
    components : SpectralComponents

    Raises
    ------
    InvalidInput
        If an option is not as described, or the features are too large to be squared.
    """
    check_groups(n_components, n_groups)
    check_choice(svd_solver, get_args(SvdSolver), name="svd_solver")
    check_count(random_state, name="random_state", least=0)
    k = min(*Z.shape, n_components or max(Z.shape))
    solver = svd_solver
    if solver == "auto" or (solver == "randomized" and not _iteration_pays(Z.shape, k)):
        solver = _choose_solver(Z.shape, k)
    try:
        # Squares that overflow end in an error that says so, below.
        with np.errstate(over="ignore", invalid="ignore"):
            (T, sigma, V), solver = _solve(Z, k, solver, random_state)
    except np.linalg.LinAlgError as error:
        raise _too_large(Z, str(error)) from error
    if not np.isfinite(sigma).all():
        raise _too_large(Z, f"the largest singular value came out as {sigma[0]}")
    rank = numerical_rank(sigma)
    return SpectralComponents(
        T[:, :rank], sigma[:rank], V[:, :rank], split_groups(rank, n_groups), solver
    )


def _solve(
    Z: Array, k: int, solver: SvdSolver, random_state: int
) -> tuple[svd.Triplets, SvdSolver]:
    """Return the leading triplets, and the solver that found them."""
    if solver == "randomized":
        try:
            return svd.randomized(Z, k, random_state), solver
        except NotConverged:
            solver = "covariance_eigh"
    return _DIRECT[solver](Z, k), solver


def full_spectrum(Z: Array, mean: Float64Array, gram: Array | None) -> Spectrum:
    """Return all singular values and axes of Z − mean.

    Parameters
    ----------
    Z : array of shape (n_samples, n_features)
    mean : ndarray of shape (n_features,)
    gram : array of shape (n_features, n_features), optional
        Centred Gram matrix; its eigendecomposition is the answer. Without it (fewer samples than
        features) Z − mean is decomposed itself, in float64.
    """
    xp = array_namespace(Z)
    if gram is None:
        centred = xp.astype(Z, xp.float64) - placed_like(Z, mean)
        _, sigma, Vt = xp.linalg.svd(centred, full_matrices=False)
        return Spectrum(to_numpy(sigma), Vt.T)
    values, V = symmetric_eigh(gram)
    sigma = np.sqrt(np.maximum(to_numpy(values)[::-1].astype(np.float64), 0.0))
    return Spectrum(sigma, xp.flip(V, axis=1))


def all_singular_values(Z: Array, mean: Float64Array, gram: Array | None) -> Float64Array:
    """Return the singular values of Z − mean as `full_spectrum` does, in a third of its time.

    Parameters
    ----------
    Z, mean, gram
        As in `full_spectrum`.

    Returns
    -------
    singular_values : ndarray of shape (n_features,), or (n_samples,) without a Gram matrix
        Decreasing; zeros are kept.
    """
    xp = array_namespace(Z)
    if gram is None:
        values = xp.linalg.svdvals(xp.astype(Z, xp.float64) - placed_like(Z, mean))
        return to_numpy(values)
    eigenvalues = to_numpy(xp.linalg.eigvalsh(gram))[::-1].astype(np.float64)
    return np.sqrt(np.maximum(eigenvalues, 0.0))


def _too_large(Z: Array, why: str) -> InvalidInput:
    return InvalidInput(
        f"features of shape {tuple(Z.shape)} cannot be decomposed ({why}); divide them by a number "
        f"if they are very large"
    )


def check_groups(n_components: int | None, n_groups: int) -> None:
    """Refuse numbers below 1, and more groups than triplets to put in them.

    Raises
    ------
    InvalidInput
        If a number is no whole number of at least 1, or `n_groups` exceeds `n_components`.
    """
    check_count(n_groups, name="n_groups")
    if n_components is not None:
        check_count(n_components, name="n_components")
        if n_groups > n_components:
            raise InvalidInput(
                f"n_groups must be at most n_components, got n_groups={n_groups} with "
                f"n_components={n_components}"
            )


def numerical_rank(singular_values: Float64Array) -> int:
    """Return how many decreasing singular values are above rounding; at least 1."""
    return max(1, int(np.count_nonzero(singular_values > RANK_TOLERANCE * singular_values[0])))


def group_ratios(singular_values: Float64Array, groups: Sequence[slice]) -> Float64Array:
    """Return the share of each group in the sum of singular values, shape (n_groups,)."""
    sums = np.add.reduceat(singular_values, [group.start for group in groups])
    ratios: Float64Array = sums / sums.sum()
    return ratios


def split_groups(k: int, n_groups: int) -> tuple[slice, ...]:
    """Return groups of consecutive triplets, 0 … k − 1, whose sizes differ by at most one."""
    parts = np.array_split(np.arange(k), min(n_groups, k))
    return tuple(slice(int(part[0]), int(part[-1]) + 1) for part in parts)


def _iteration_pays(shape: tuple[int, ...], k: int) -> bool:
    # The iteration spans 3k directions; with hardly more in all a direct solver is quicker.
    return 4 * k < min(shape)


def _choose_solver(shape: tuple[int, ...], k: int) -> SvdSolver:
    if _iteration_pays(shape, k):
        return "randomized"
    n_samples, n_features = shape
    return "covariance_eigh" if n_samples >= n_features else "full"
