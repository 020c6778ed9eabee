"""The two passes over rows that a score is made of: sums that add up, then each row on its own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from discorank.errors import InvalidInput
from discorank.scoring.arrays import segment_sums
from discorank.scoring.ncc import Covariance, fit_ncc
from discorank.scoring.ncc_model import NccModel
from discorank.scoring.spectral import numerical_rank, split_groups
from discorank.scoring.spread import Population
from discorank.scoring.validate import check_labels

if TYPE_CHECKING:
    from discorank.types import Float64Array, IntArray

__all__ = ["Moments", "RowScorer", "name_ids"]


class Moments:
    """Sums over rows x − shift: what the decomposition and the class means are made of."""

    def __init__(
        self,
        shift: Float64Array,
        scatter: Float64Array,
        sums: Float64Array,
        counts: IntArray,
        classes: tuple[Hashable, ...],
    ) -> None:
        self.shift = shift  # (d,): near the mean, so that no digits cancel
        self.scatter = scatter  # (d, d): Σ (x − shift)(x − shift)ᵀ
        self.sums = sums  # (n_classes, d): Σ of x − shift over each class
        self.counts = counts  # (n_classes,)
        self.classes = classes

    @classmethod
    def of(
        cls,
        Z: NDArray[Any],
        classes: tuple[Hashable, ...],
        ids: IntArray,
        like: Moments | None,
    ) -> Moments:
        """Moments of one batch, about the shift of `like` or else the batch's own mean."""
        rows = Z.astype(np.float64)
        shift = rows.mean(axis=0) if like is None else like.shift
        if len(shift) != rows.shape[1]:
            raise InvalidInput(
                f"features must have {len(shift)} columns as before, got {rows.shape[1]}"
            )
        rows -= shift
        sums = segment_sums(rows, ids, len(classes))
        return cls(shift, rows.T @ rows, sums, np.bincount(ids, minlength=len(classes)), classes)

    def plus(self, other: Moments) -> Moments:
        """Moments of both sets of rows."""
        other = other._about(self.shift)
        classes = (*self.classes, *(c for c in other.classes if c not in set(self.classes)))
        place = {name: i for i, name in enumerate(classes)}
        sums = np.zeros((len(classes), len(self.shift)))
        counts = np.zeros(len(classes), np.intp)
        for part in (self, other):
            at = [place[name] for name in part.classes]
            sums[at] += part.sums
            counts[at] += part.counts
        return Moments(self.shift, self.scatter + other.scatter, sums, counts, classes)

    def _about(self, shift: Float64Array) -> Moments:
        step = self.shift - shift
        if not step.any():
            return self
        total, n_rows = self.sums.sum(axis=0), int(self.counts.sum())
        cross = np.multiply.outer(step, total)
        scatter = self.scatter + cross + cross.T + n_rows * np.multiply.outer(step, step)
        sums = self.sums + self.counts[:, None] * step
        return Moments(shift, scatter, sums, self.counts, self.classes)


@dataclass(frozen=True, eq=False)
class RowScorer:
    """The spectral components of the first pass, ready to score rows.

    Attributes
    ----------
    centre : ndarray of shape (d,)
    axes : ndarray of shape (d, k)
    singular_values : ndarray of shape (k,)
    means : ndarray of shape (n_classes, k)
        Class means of the coordinates.
    model : NccModel
    id_of : mapping
        From the name of a class to its id.
    """

    centre: Float64Array
    axes: Float64Array
    singular_values: Float64Array
    means: Float64Array
    model: NccModel
    id_of: Mapping[Hashable, int]

    @classmethod
    def of(
        cls, moments: Moments, n_components: int | None, n_groups: int, covariance: Covariance
    ) -> RowScorer:
        """Decompose what the first pass has summed.

        Raises
        ------
        InvalidInput
            If there is one class, or all rows are equal.
        """
        n_samples, size = int(moments.counts.sum()), len(moments.shift)
        if len(moments.classes) < 2:
            raise InvalidInput(
                f"labels must have at least two classes, got only {moments.classes[0]!r} in "
                f"{n_samples} rows"
            )
        offset = moments.sums.sum(axis=0) / n_samples
        scatter = moments.scatter - n_samples * np.multiply.outer(offset, offset)
        k = min(n_samples, size, n_components or size)
        values, V = linalg.eigh(
            scatter, subset_by_index=[size - k, size - 1], driver="evr", overwrite_a=True
        )
        sigma = np.sqrt(np.maximum(values[::-1], 0.0))
        scale = np.abs(moments.shift + offset).max() + np.sqrt(np.trace(moments.scatter))
        if sigma[0] <= 1e-12 * scale:
            raise InvalidInput(f"features must differ between samples, got {n_samples} equal rows")
        rank = numerical_rank(sigma)
        axes, sigma = V[:, ::-1][:, :rank], sigma[:rank]
        means = (moments.sums / moments.counts[:, None] - offset) @ axes
        model = fit_ncc(
            split_groups(rank, n_groups), sigma, means, moments.counts, covariance=covariance
        )
        id_of = {name: i for i, name in enumerate(moments.classes)}
        centre = moments.shift + offset
        return cls(centre, np.ascontiguousarray(axes), sigma, means, model, id_of)

    def ids(self, y: Iterable[Hashable] | ArrayLike, n_rows: int) -> IntArray:
        """Return the class ids of rows.

        Raises
        ------
        InvalidInput
            If the first pass has not seen a class.
        """
        classes, ids = name_ids(y, n_rows)
        unknown = [name for name in classes if name not in self.id_of]
        if unknown:
            raise InvalidInput(f"labels must be those of the first pass, got {unknown[0]!r}")
        return np.array([self.id_of[name] for name in classes], np.intp)[ids]

    def coordinates(self, Z: NDArray[Any]) -> Float64Array:
        """Return the coordinates of rows on the axes, shape (n_rows, k)."""
        coordinates: Float64Array = (Z.astype(np.float64) - self.centre) @ self.axes
        return coordinates

    @property
    def population(self) -> Population:
        """What the coordinates of all rows were drawn of."""
        return Population.of_classes(
            self.singular_values, len(self.model.groups), self.means, self.model.counts
        )

    def is_like(self, other: RowScorer | None) -> bool:
        """Say whether another comes from the same first pass."""
        return self is other or (
            other is not None
            and np.array_equal(self.centre, other.centre)
            and np.array_equal(self.axes, other.axes)
        )


def name_ids(
    y: Iterable[Hashable] | ArrayLike, n_rows: int
) -> tuple[tuple[Hashable, ...], IntArray]:
    """Return the classes of a batch, which may be of one class alone, and the id of each row."""
    labels = check_labels(y, n_rows, least_classes=1)
    return labels.classes, labels.ids
