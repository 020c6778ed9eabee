"""N-LEEP: LEEP with the clusters of the features in place of the source classes."""

from __future__ import annotations

import warnings
from typing import Literal, TypeAlias, get_args

import numpy as np

from discorank.scoring.arrays import to_numpy
from discorank.scoring.baselines.leep import expected_empirical_prediction
from discorank.scoring.blocks import shifted_blocks
from discorank.scoring.probe import Probe
from discorank.scoring.validate import check_choice, check_count, check_positive
from discorank.types import Float64Array, Score

__all__ = ["NleepCovariance", "nleep"]

NleepCovariance: TypeAlias = Literal["full", "tied", "diag", "spherical"]


def nleep(
    probe: Probe,
    *,
    energy: float = 0.8,
    clusters_per_class: int = 5,
    covariance: NleepCovariance = "diag",
    random_state: int = 0,
) -> Score:
    """Score the features by LEEP on the posteriors of a Gaussian mixture.

    Parameters
    ----------
    probe : Probe
        With labels; needs no classifier.
    energy : float in (0, 1]
        Share of the variance that the leading principal components keep.
    clusters_per_class : int
        Gaussians of the mixture per class; in all at most one per sample.
    covariance : {"diag", "full", "tied", "spherical"}
        Covariances of the mixture, as scikit-learn's `GaussianMixture` names them. "full" asks for
        more samples per Gaussian than there are principal components, and for patience.
    random_state : int
        Seed of the mixture.

    Returns
    -------
    score : Score
        `value` in (−∞, 0]; `per_sample` holds the log likelihoods.

    Raises
    ------
    InvalidInput
        If the probe has no labels, or features, labels or an option are not valid.

    Notes
    -----
    LEEP with θ(z | x) the posterior of Gaussian z: see `discorank.scoring.baselines.leep`. The
    mixture starts from k-means and takes at most 100 steps of expectation maximisation; it depends
    on the seed, as does the score.

    The code that ETran published with its rivals fits full covariances, leaves the seed open, and
    averages the likelihoods where this, like LEEP, averages their logarithms.

    References
    ----------
    Y. Li, X. Jia, R. Sang, Y. Zhu, B. Green, L. Wang, B. Gong, "Ranking Neural Checkpoints",
    CVPR 2021, arXiv 2011.11200.
    """
    check_positive(energy, name="energy", most=1.0)
    check_count(clusters_per_class, name="clusters_per_class")
    check_count(random_state, name="random_state", least=0)
    check_choice(covariance, get_args(NleepCovariance), name="covariance")
    labels = probe.classes
    reduced = _principal_coordinates(probe, energy)

    # Imported here: only this score needs it, and it takes longer than all other imports.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        min(clusters_per_class * len(labels.counts), len(reduced)),
        covariance_type=covariance,
        random_state=random_state,
    )
    with warnings.catch_warnings():
        # A mixture that still moves after its last step is no less a clustering.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(reduced)
    return expected_empirical_prediction(mixture.predict_proba(reduced), labels)


def _principal_coordinates(probe: Probe, energy: float) -> Float64Array:
    """Coordinates of as few principal components as keep this share of the variance."""
    spectrum = probe.spectrum
    kept = np.cumsum(np.square(spectrum.singular_values[: spectrum.rank]))
    k = min(int(np.searchsorted(kept, energy * kept[-1])) + 1, len(kept))
    axes = to_numpy(spectrum.axes[:, :k]).astype(np.float64)
    reduced = np.empty((probe.Z.shape[0], k))
    for rows, block in shifted_blocks(probe.Z, probe.mean, "float64"):
        np.matmul(to_numpy(block), axes, out=reduced[rows])
    return reduced
