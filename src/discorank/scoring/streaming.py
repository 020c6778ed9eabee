"""`disco_score` from batches, in two passes, for features that do not fit the memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discorank.errors import InvalidInput
from discorank.scoring.arrays import Array, as_array, to_numpy
from discorank.scoring.blocks import scaled_rows
from discorank.scoring.disco import DiscoResult
from discorank.scoring.ncc import Covariance
from discorank.scoring.passes import Moments, RowScorer, name_ids
from discorank.scoring.spectral import check_groups
from discorank.scoring.validate import (
    check_choice,
    check_count,
    check_flag,
    check_labels,
    check_positive,
    check_rows,
)
from discorank.types import Float64Array

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SlicedRows", "TwoPassDisco"]


class SlicedRows(Protocol):
    """Features of which a slice of rows is in memory at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_samples, n_features)."""
        ...

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return rows, (n_rows, n_features)."""
        ...


class TwoPassDisco:
    """The DISCO score of features that come in batches, from shards, or from what can be sliced.

    `discorank.StreamingDisco`, which reads files as well, says more.

    Parameters
    ----------
    n_components, n_groups, covariance, loo, row_norm, batch_size
        As in `discorank.StreamingDisco`.

    Attributes
    ----------
    result_ : DiscoResult
        After `fit` or `finalize`.
    """

    result_: DiscoResult

    def __init__(
        self,
        *,
        n_components: int | None = 128,
        n_groups: int = 8,
        covariance: Covariance = "identity",
        loo: bool = False,
        row_norm: float | None = None,
        batch_size: int = 4096,
    ) -> None:
        check_groups(n_components, n_groups)
        check_count(batch_size, name="batch_size")
        check_choice(covariance, get_args(Covariance), name="covariance")
        check_flag(loo, name="loo")
        if covariance == "class":
            raise InvalidInput(
                "covariance='class' needs the rows of each class again after the decomposition; "
                "two passes give 'identity' and 'shared', disco_score all three"
            )
        self.n_components = n_components
        self.n_groups = n_groups
        self.covariance: Covariance = covariance
        self.loo = loo
        self.row_norm = None if row_norm is None else check_positive(row_norm, name="row_norm")
        self.batch_size = batch_size
        self._moments: Moments | None = None
        self._scorer: RowScorer | None = None
        self._sums: Float64Array | None = None
        self._contributions: list[Float64Array] = []

    @property
    def score_(self) -> float:
        """Value of `result_`."""
        return self.result_.value

    def fit(self, X: ArrayLike | SlicedRows, y: Iterable[Hashable] | ArrayLike) -> Self:
        """Score features that can be read twice.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or SlicedRows
        y : array-like of shape (n_samples,)
            Class of each sample.

        Raises
        ------
        InvalidInput
            If features or labels are not as described, or of one class.
        """
        rows: Any = X if hasattr(X, "shape") else as_array(X, name="features")
        labels = check_labels(y, rows.shape[0])
        names = np.empty(len(labels.classes), dtype=object)
        names[:] = labels.classes
        self._moments, self._scorer, self._sums, self._contributions = None, None, None, []

        def batches() -> Iterator[tuple[NDArray[Any], list[Hashable]]]:
            for start in range(0, rows.shape[0], self.batch_size):
                stop = min(start + self.batch_size, rows.shape[0])
                yield rows[start:stop], names[labels.ids[start:stop]].tolist()

        for batch, classes in batches():
            self.partial_fit(batch, classes)
        self.decompose()
        for batch, classes in batches():
            self.partial_score(batch, classes)
        return self.finalize()

    def partial_fit(self, X: ArrayLike, y: Iterable[Hashable] | ArrayLike) -> Self:
        """Add a batch to the first pass: (n_rows, n_features) and one class per row."""
        if self._scorer is not None:
            raise InvalidInput("partial_fit comes before decompose; start anew for other data")
        Z = self._rows(check_rows(X))
        classes, ids = name_ids(y, len(Z))
        moments = Moments.of(Z, classes, ids, self._moments)
        self._moments = moments if self._moments is None else self._moments.plus(moments)
        return self

    def decompose(self) -> Self:
        """End the first pass: find the spectral components and their class means."""
        if self._moments is None:
            raise InvalidInput("decompose needs at least one batch given to partial_fit")
        self._scorer = RowScorer.of(
            self._moments, self.n_components, self.n_groups, self.covariance
        )
        self._sums = np.zeros(len(self._scorer.model.groups))
        return self

    def partial_score(self, X: ArrayLike, y: Iterable[Hashable] | ArrayLike) -> Self:
        """Add a batch to the second pass; the batches must be those of the first."""
        if self._scorer is None or self._sums is None:
            raise InvalidInput("partial_score comes after decompose")
        Z = self._rows(check_rows(X, n_features=len(self._scorer.centre)))
        own = self._scorer.ids(y, len(Z))
        sums, contributions = self._scorer.model.score_all(
            self._scorer.coordinates(Z), own, loo=self.loo
        )
        self._sums = self._sums + sums
        self._contributions.append(contributions)
        return self

    def merge(self, other: TwoPassDisco) -> Self:
        """Return the state of both, for shards reduced apart; neither is changed.

        Both must be in the same pass; in the second, both from the same `decompose`. The samples
        of `other` follow in ``result_.per_sample``.
        """
        if self._options() != other._options():
            raise InvalidInput(
                f"merge needs equal options, got {self._options()} and {other._options()}"
            )
        merged = self.copy()
        same = self._scorer.is_like(other._scorer) if self._scorer else other._scorer is None
        if not same:
            raise InvalidInput(
                "merge needs both in the first pass, or both from one decompose: use copy()"
            )
        if self._scorer is None:
            if self._moments is not None and other._moments is not None:
                merged._moments = self._moments.plus(other._moments)
            else:
                merged._moments = self._moments or other._moments
        elif self._sums is not None and other._sums is not None:
            merged._sums = self._sums + other._sums
            merged._contributions = [*self._contributions, *other._contributions]
        return merged

    def copy(self) -> Self:
        """Return another of the same state; the two then go on apart."""
        twin = type(self)(**self._options())
        twin._moments = self._moments
        twin._scorer = self._scorer
        twin._sums = self._sums
        twin._contributions = list(self._contributions)
        return twin

    def finalize(self) -> Self:
        """End the second pass: set `result_`."""
        if self._scorer is None or self._sums is None or self._moments is None:
            raise InvalidInput("finalize comes after decompose and partial_score")
        n_samples = int(self._moments.counts.sum())
        seen = sum(len(part) for part in self._contributions)
        if seen != n_samples:
            raise InvalidInput(
                f"the second pass must see the samples of the first, got {seen} of {n_samples}"
            )
        self.result_ = DiscoResult.of(
            self._scorer.singular_values,
            self._scorer.model.groups,
            self._sums / n_samples,
            np.concatenate(self._contributions),
            "covariance_eigh",
        )
        return self

    def _rows(self, X: Array) -> NDArray[Any]:
        return to_numpy(X if self.row_norm is None else scaled_rows(X, self.row_norm))

    def _options(self) -> dict[str, Any]:
        return {
            "n_components": self.n_components,
            "n_groups": self.n_groups,
            "covariance": self.covariance,
            "loo": self.loo,
            "row_norm": self.row_norm,
            "batch_size": self.batch_size,
        }
