"""The DISCO score for several labels per sample: one binary NCC per label."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discorank.errors import InvalidInput
from discorank.scoring.arrays import as_array, to_numpy
from discorank.scoring.disco import DiscoResult
from discorank.scoring.ncc import Covariance, ncc_posteriors
from discorank.scoring.probe import Probe
from discorank.scoring.spectral import SvdSolver
from discorank.scoring.validate import ClassLabels, check_choice, check_flag

__all__ = ["binary_problems", "disco_multilabel", "disco_multilabel_score"]


def disco_multilabel_score(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    n_components: int | None = 128,
    n_groups: int = 8,
    covariance: Covariance = "identity",
    loo: bool = False,
    row_norm: float | None = None,
    svd_solver: SvdSolver = "auto",
    random_state: int = 0,
) -> DiscoResult:
    """Score how well features separate each of several labels that a sample has or has not.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
        Features of the target's samples; not changed.
    labels : array-like of shape (n_samples, n_labels)
        1 or True where the sample has the label, else 0 or False. Labels that all samples have,
        or none, tell nothing and are left out; at least one must remain.
    n_components, n_groups, covariance, loo, row_norm, svd_solver, random_state
        As in `discorank.disco_score`.

    Returns
    -------
    result : DiscoResult
        Means over labels of the scores of one two-class problem per label.

    Raises
    ------
    InvalidInput
        If an argument is not as described; the message names it and the value.

    Notes
    -----
    The published code takes the argmax of a row of labels, which keeps one label of each sample
    and forgets the others; this does not.
    """
    return disco_multilabel(
        Probe(features, labels),
        n_components=n_components,
        n_groups=n_groups,
        covariance=covariance,
        loo=loo,
        row_norm=row_norm,
        svd_solver=svd_solver,
        random_state=random_state,
    )


def disco_multilabel(
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
    """`disco_multilabel_score` of a probe; the decomposition is shared with other scorers."""
    check_choice(covariance, get_args(Covariance), name="covariance")
    check_flag(loo, name="loo")
    problems = binary_problems(probe)
    components = probe.components(
        n_components=n_components,
        n_groups=n_groups,
        row_norm=row_norm,
        svd_solver=svd_solver,
        random_state=random_state,
    )
    ncc = np.zeros(len(components.groups))
    per_sample = np.zeros(len(probe.Z))
    for problem in problems:
        scores, contributions = ncc_posteriors(components, problem, covariance=covariance, loo=loo)
        ncc += scores / len(problems)
        per_sample += contributions / len(problems)
    return DiscoResult.of(
        components.singular_values, components.groups, ncc, per_sample, components.svd_solver
    )


def binary_problems(probe: Probe) -> list[ClassLabels]:
    """Return the two-class problem of each label that some samples have and others not."""
    has_label = _check_label_matrix(probe.need("labels"), len(probe.Z))
    return [
        ClassLabels(column.astype(np.intp), (False, True), np.bincount(column, minlength=2))
        for column in has_label.T
    ]


def _check_label_matrix(labels: ArrayLike, n_samples: int) -> NDArray[np.bool_]:
    """Return the columns of a 0/1 matrix that hold both values, as booleans."""
    matrix = to_numpy(as_array(labels, name="labels"))
    if matrix.ndim != 2 or len(matrix) != n_samples:
        raise InvalidInput(
            f"labels must have shape (n_samples, n_labels) with {n_samples} rows, got shape "
            f"{matrix.shape}"
        )
    unknown = np.argwhere((matrix != 0) & (matrix != 1))
    if len(unknown):
        row, column = unknown[0]
        raise InvalidInput(
            f"labels must be 0 or 1, got {matrix[row, column]!r} in row {row}, column {column}"
        )
    flags: NDArray[np.bool_] = matrix.astype(bool)
    both = flags.any(axis=0) & ~flags.all(axis=0)
    if not both.any():
        raise InvalidInput(
            f"labels must have a column with both 0 and 1, got {matrix.shape[1]} columns that "
            f"hold one value each"
        )
    return flags[:, both]
