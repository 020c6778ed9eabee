"""Split features into spectral components: economy SVD, groups of singular triplets, ratios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.arrays import (
    Array,
    Precision,
    column_sums,
    placed_like,
    precision_of,
    symmetric_eigh,
    to_numpy,
)
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.krylov import BLOCK, NotConverged, leading_eigenpairs
from discorank.scoring.validate import check_choice, check_count, check_features
from discorank.types import Float64Array

__all__ = [
    "SpectralComponents",
    "Spectrum",
    "SvdSolver",
    "all_singular_values",
    "centred_gram",
    "check_groups",
    "column_means",
    "decompose",
    "full_spectrum",
    "group_ratios",
    "numerical_rank",
    "row_shift",
    "spectral_components",
    "split_groups",
]

SvdSolver: TypeAlias = Literal["auto", "full", "covariance_eigh", "randomized", "published"]

# Singular values below this share of the largest count as zero in every solver, so that all agree
# on the rank: solvers that go through the covariance resolve no less than sqrt(float64 epsilon).
RANK_TOLERANCE = 1e-7
# Accepted error of the randomized solver, see krylov.leading_eigenpairs. The value of a score
# errs by a tenth of this or less on spectra that decay, by about this on flat ones.
RANDOMIZED_TOLERANCE = 5e-5
# How many times the variation the mean may outweigh before centring afterwards costs digits.
LARGEST_MEAN = 10.0
# A covariance of at most this side is formed once; above, the features are multiplied each time.
LARGEST_COVARIANCE = 4096
PUBLISHED_SEED = 1919


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
    """`spectral_components` of features that have passed `check_features`."""
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
            if solver == "randomized":
                try:
                    T, sigma, V = _randomized(Z, k, random_state)
                except NotConverged:
                    solver = "covariance_eigh"
            if solver == "full":
                T, sigma, V = _full(Z, k)
            elif solver == "covariance_eigh":
                T, sigma, V = _covariance_eigh(Z, k)
            elif solver == "published":
                T, sigma, V = _published(Z, k)
    except np.linalg.LinAlgError as error:
        raise _too_large(Z, str(error)) from error
    if not np.isfinite(sigma).all():
        raise _too_large(Z, f"the largest singular value came out as {sigma[0]}")
    rank = numerical_rank(sigma)
    return SpectralComponents(
        T[:, :rank], sigma[:rank], V[:, :rank], split_groups(rank, n_groups), solver
    )


def centred_gram(Z: Array, precision: Precision) -> Array:
    """Return the Gram matrix (Z − mean)ᵀ (Z − mean), shape (n_features, n_features).

    Z, of any float dtype, is walked in blocks and never copied whole.
    """
    return _centred_gram(Z, row_shift(Z, precision), precision)[1]


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
    """Return the singular values of Z − mean as `full_spectrum` does, in a third of its time."""
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
    """Refuse numbers below 1, and more groups than triplets to put in them."""
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


def _full(Z: Array, k: int) -> tuple[Array, Float64Array, Array]:
    xp = array_namespace(Z)
    centred = xp.astype(Z, xp.float64)
    centred = centred - xp.mean(centred, axis=0)
    U, sigma, Vt = xp.linalg.svd(centred, full_matrices=False)
    return U[:, :k] * sigma[:k], to_numpy(sigma[:k]), Vt[:k, :].T


def _covariance_eigh(Z: Array, k: int) -> tuple[Array, Float64Array, Array]:
    xp = array_namespace(Z)
    shift = row_shift(Z, "float64")
    mean, gram = _centred_gram(Z, shift, "float64")
    _, V = symmetric_eigh(gram)
    return _project(Z, shift, mean, xp.flip(V[:, -k:], axis=1))


def _randomized(Z: Array, k: int, random_state: int) -> tuple[Array, Float64Array, Array]:
    # Where single precision cannot resolve the tail (a first singular value thousands of times
    # the last one), the residuals stay large and the same iteration is run in double.
    precisions: tuple[Precision, ...] = ("float32", "float64")
    n_samples, n_features = Z.shape
    start = np.random.default_rng(random_state).standard_normal((n_features, BLOCK))
    for precision in precisions[precision_of(Z) == "float64" :]:
        shift = row_shift(Z, precision)
        if n_features <= min(n_samples, LARGEST_COVARIANCE):
            mean, gram = _centred_gram(Z, shift, precision)
            apply = gram.__matmul__
        else:
            mean = column_means(Z)
            apply = _implicit_gram(Z, mean, precision)
        try:
            _, V = leading_eigenpairs(
                apply, placed_like(Z, start, precision), k, tolerance=RANDOMIZED_TOLERANCE
            )
        except NotConverged:
            if precision == "float64":
                raise
            continue
        return _project(Z, shift, mean, V)
    raise AssertionError("unreachable: the last precision returns or raises")


def _published(Z: Array, k: int) -> tuple[Array, Float64Array, Array]:
    # Imported here: only this solver needs it, and it takes longer than all other imports.
    from sklearn.decomposition import PCA

    pca = PCA(k, svd_solver="randomized", iterated_power=1, random_state=PUBLISHED_SEED)
    reduced = pca.fit_transform(to_numpy(Z).astype(np.float32))
    U, sigma, Vt = np.linalg.svd(reduced, full_matrices=False)
    coordinates, axes = U * sigma, pca.components_.T @ Vt.T
    return placed_like(Z, coordinates), sigma.astype(np.float64), placed_like(Z, axes)


def column_means(Z: Array) -> Float64Array:
    """Return the mean of each column, summed in float64 block by block."""
    total: Float64Array = np.zeros(Z.shape[1])
    for _, block in shifted_blocks(Z, None, "float64"):
        total += column_sums(block)
    total /= Z.shape[0]
    return total


def row_shift(Z: Array, precision: Precision) -> Float64Array | None:
    """Return what to subtract from the rows before they are multiplied; None if nothing need be.

    Centring after a product is a correction of rank one, and free. It cancels digits only where
    the mean far outweighs the variation; there, a first guess of the mean is subtracted before.
    """
    head = to_numpy(Z[:128, :]).astype(np.float64)
    guess: Float64Array = head.mean(axis=0)
    variation = np.square(head - guess).sum() / len(head)
    cancels = guess @ guess > LARGEST_MEAN * variation
    return guess if cancels or precision_of(Z) != precision else None


def _centred_gram(
    Z: Array, shift: Float64Array | None, precision: Precision
) -> tuple[Float64Array, Array]:
    """Return the column means and the Gram matrix of the centred columns."""
    n_samples = Z.shape[0]
    if shift is None:
        rest: Float64Array = column_sums(Z) / n_samples
        gram = Z.T @ Z
    else:
        rest, gram = np.zeros(Z.shape[1]), 0.0
        for _, block in shifted_blocks(Z, shift, precision):
            rest += column_sums(block) / n_samples
            gram += block.T @ block
    placed = placed_like(Z, rest, precision)
    gram -= placed[:, None] * (n_samples * placed)
    mean: Float64Array = rest if shift is None else rest + shift.astype(precision)
    return mean, gram


def _implicit_gram(Z: Array, mean: Float64Array, precision: Precision) -> Callable[[Array], Array]:
    def apply(Q: Array) -> Array:
        image = 0.0
        for _, block in shifted_blocks(Z, mean, precision):
            image += block.T @ (block @ Q)
        return image

    return apply


def _project(
    Z: Array, shift: Float64Array | None, mean: Float64Array, V: Array
) -> tuple[Array, Float64Array, Array]:
    """Return coordinates T = (Z − mean) V, their norms (the singular values), and V, decreasing.

    The norm of a coordinate is second order in the error of its axis, so this is more accurate
    than the root of the eigenvalue.
    """
    xp = array_namespace(Z)
    precision: Precision = "float64" if precision_of(V) == "float64" else "float32"
    V = xp.asarray(V, copy=True)  # in one piece, which every block is multiplied with
    rest = mean if shift is None else mean - shift.astype(precision)
    offset = placed_like(Z, rest, precision) @ V
    T = xp.empty((Z.shape[0], V.shape[1]), dtype=V.dtype, device=device(Z))
    squares = np.zeros(V.shape[1])
    for rows, block in shifted_blocks(Z, shift, precision):
        part = xp.matmul(block, V, out=T[rows, :])
        part -= offset
        squares += to_numpy(xp.einsum("ij,ij->j", part, part))
    sigma = np.sqrt(squares)
    order = np.argsort(-sigma, kind="stable")
    if (order != np.arange(len(order))).any():
        T, sigma, V = T[:, order], sigma[order], V[:, order]
    return T, sigma, V
