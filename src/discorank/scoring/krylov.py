"""Leading eigenpairs of a symmetric positive semi-definite operator by block Krylov iteration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from array_api_compat import array_namespace, device

from discorank.scoring.arrays import Array, to_numpy
from discorank.types import Float64Array

__all__ = ["BLOCK", "NotConverged", "leading_eigenpairs"]

# Columns that meet the operator at once: enough for a matrix product to beat a matrix-vector
# product, few enough that the Krylov space is deep. A deep space converges per column, not per
# pass, which is why 12 passes of 32 columns beat 3 passes of 128 by three digits.
BLOCK = 32
# Basis vectors per wanted pair before a restart.
DEPTH = 3
RESTARTS = 8
# An error that falls by less than this factor from one restart to the next is rounding.
STALLED = 0.5


class NotConverged(ArithmeticError):
    """The iteration does not reach its tolerance; a direct method is the better tool."""


def leading_eigenpairs(
    apply: Callable[[Array], Array], start: Array, n_pairs: int, *, tolerance: float
) -> tuple[Float64Array, Array]:
    """Return the `n_pairs` largest eigenvalues, decreasing, and their orthonormal eigenvectors.

    Parameters
    ----------
    apply : callable
        ``apply(Q)`` multiplies an array of shape (size, columns) by the operator A.
    start : array of shape (size, BLOCK)
        The first block, drawn at random. Its library, device and precision (float32 or float64)
        are those of the iteration.
    n_pairs : int
        How many pairs; less than a quarter of `size`.
    tolerance : float
        Accepted relative error of the eigenvalues θ, half of it weighted by sqrt(θ).

    Returns
    -------
    values : ndarray of shape (n_pairs,)
    vectors : array of shape (size, n_pairs)

    Raises
    ------
    NotConverged
        If the error stays above the tolerance: the spectrum is too flat, or the precision of
        the arithmetic too low for its range.

    Notes
    -----
    Randomized block Krylov iteration [1]_ with full reorthogonalisation and thick restarts [2]_:
    when the basis is full it is compressed to its best Ritz vectors, to which the next Krylov
    block is already orthogonal, so the iteration goes on where it was.

    References
    ----------
    .. [1] C. Musco, C. Musco, "Randomized block Krylov methods for stronger and faster approximate
       singular value decomposition", NeurIPS 2015.
    .. [2] K. Wu, H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems",
       SIAM J. Matrix Anal. Appl. 22 (2000).
    .. [3] A. Stathopoulos, K. Wu, "A block orthogonalization procedure with constant
       synchronization requirements", SIAM J. Sci. Comput. 23 (2002).
    """
    xp = array_namespace(start)
    size, width = start.shape[0], min(BLOCK, n_pairs)
    capacity = min(DEPTH * max(n_pairs, BLOCK), size // width * width)
    # Stored by column, so that a block of columns is one piece of memory.
    basis = xp.empty((capacity, size), dtype=start.dtype, device=device(start)).T
    image = xp.empty((capacity, size), dtype=start.dtype, device=device(start)).T
    block = _orthonormal(start[:, :width])
    filled = 0
    error = np.inf
    for _ in range(RESTARTS + 1):
        while filled + width <= capacity:
            end = filled + width
            basis[:, filled:end] = block
            image[:, filled:end] = apply(block)
            # Twice is enough (Kahan): one pass of Gram-Schmidt leaves rounding of the size of
            # what it removed, the second removes that.
            block = image[:, filled:end]
            for _ in range(2):
                block = _orthonormal(block - basis[:, :end] @ (basis[:, :end].T @ block))
            filled = end
        keep = min(n_pairs + width, filled - width)
        values, rotation = _rayleigh_ritz(basis[:, :filled], image[:, :filled], keep)
        ritz = basis[:, :filled] @ rotation
        ritz_image = image[:, :filled] @ rotation
        residual = ritz_image[:, :n_pairs] - ritz[:, :n_pairs] * values[:n_pairs]
        last_error, error = error, _error(residual, values)
        if error <= tolerance:
            return to_numpy(values[:n_pairs]).astype(np.float64), ritz[:, :n_pairs]
        if error > STALLED * last_error:
            break
        basis[:, :keep], image[:, :keep] = ritz, ritz_image
        filled = keep
    raise NotConverged(f"{n_pairs} of {size} eigenpairs: error {error:.1e} > {tolerance:.1e}")


def _orthonormal(block: Array) -> Array:
    """Orthonormal columns with the span of `block`; to rounding once applied twice (SVQB [3]_)."""
    xp = array_namespace(block)
    wide = xp.astype(block, xp.float64, copy=False)
    values, rotation = xp.linalg.eigh(wide.T @ wide)
    floor = max(float(values[-1]) * np.finfo(np.float64).eps, np.finfo(np.float64).tiny)
    scaled = rotation / xp.sqrt(xp.clip(values, min=floor))
    return block @ xp.astype(scaled, block.dtype, copy=False)


def _rayleigh_ritz(basis: Array, image: Array, keep: int) -> tuple[Array, Array]:
    """Return the `keep` largest eigenvalues, decreasing, and eigenvectors of basisᵀ A basis."""
    xp = array_namespace(basis)
    projected = basis.T @ image
    values, rotation = xp.linalg.eigh((projected + projected.T) * 0.5)
    return xp.flip(values[-keep:]), xp.flip(rotation[:, -keep:], axis=1)


def _error(residual: Array, ritz_values: Array) -> float:
    """Relative error of the wanted eigenvalues, half by their share of Σ sqrt(θ), half evenly.

    A Ritz value θ errs by at most ‖r‖² / gap, the gap being the distance to the spectrum that is
    not wanted; the last Ritz value of the buffer stands for that.
    """
    xp = array_namespace(residual)
    squared = to_numpy(xp.sum(residual * residual, axis=0)).astype(np.float64)
    values = np.maximum(to_numpy(ritz_values).astype(np.float64), np.finfo(np.float64).tiny)
    wanted = values[: len(squared)]
    gap = np.maximum(wanted - values[-1], np.finfo(np.float64).eps * wanted)
    weight = 0.5 * np.sqrt(wanted) / np.sqrt(wanted).sum() + 0.5 / len(wanted)
    return float(weight @ np.minimum(squared / (gap * wanted), 1.0))
