"""The leading principal coordinates, out of the decomposition that scorers share."""

from __future__ import annotations

from discorank.scoring.arrays import to_numpy
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import SvdSolver
from discorank.types import FloatArray

__all__ = ["leading_coordinates"]

# What `Probe.components` keeps unless told otherwise, so what `disco` has decomposed already.
SHARED_COMPONENTS = 128


def leading_coordinates(
    probe: Probe, n_components: int, *, svd_solver: SvdSolver = "auto"
) -> tuple[FloatArray, FloatArray]:
    """Return the leading principal coordinates T = (Z − mean) V of the samples, and the axes V.

    Parameters
    ----------
    probe : Probe
    n_components : int
        k; at most the rank.
    svd_solver : {"auto", "full", "covariance_eigh", "randomized", "published"}
        See `discorank.scoring.spectral.spectral_components`. All but "published", whose answer
        depends on the number of components, use the decomposition that the probe shares.

    Returns
    -------
    coordinates : ndarray of shape (n_samples, k)
    axes : ndarray of shape (n_features, k)
    """
    if svd_solver == "published":
        components = probe.components(n_components=n_components, n_groups=1, svd_solver=svd_solver)
    else:
        kept = max(n_components, SHARED_COMPONENTS)
        components = probe.components(n_components=kept, svd_solver=svd_solver)
    leading = slice(0, n_components)
    return to_numpy(components.coordinates[:, leading]), to_numpy(components.axes[:, leading])
