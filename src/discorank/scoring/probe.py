"""What a scorer sees of one candidate on one target, with what several scorers would compute."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args

from array_api_compat import array_namespace
from numpy.typing import ArrayLike

from discorank.errors import InvalidInput
from discorank.scoring.arrays import (
    Array,
    Precision,
    as_array,
    placed_like,
    precision_of,
    segment_sums,
    to_numpy,
)
from discorank.scoring.blocks import scaled_rows
from discorank.scoring.spectral import (
    SpectralComponents,
    Spectrum,
    SvdSolver,
    all_singular_values,
    check_groups,
    decompose,
    full_spectrum,
    split_groups,
)
from discorank.scoring.svd import centred_gram, column_means
from discorank.scoring.validate import (
    ClassLabels,
    check_choice,
    check_count,
    check_features,
    check_labels,
    check_matrix,
    check_positive,
)
from discorank.types import Float64Array, IntArray

__all__ = ["Probe"]

# Features of up to this many numbers go through float64 whatever they came in: it costs no more
# than a second there, and holds the scores to the last digits that the features have.
LARGEST_DOUBLE = 1 << 22
# Rows of one norm that differ by less than this share of it are one direction and rounding.
PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class Probe:
    """The features of one candidate on one target, with the truth.

    What scorers ask for is checked and computed on first use and kept, so that several scorers of
    one ranking share one validation and one decomposition. A scorer that asks for what the probe
    does not have (labels, source logits) gets `InvalidInput`.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_features)
    labels : array-like of shape (n_samples,), optional
        Class of each sample.
    source_logits : array-like of shape (n_samples, n_source_classes), optional
        Logits of the candidate's own classifier.
    sample_ids : sequence of str, optional
        One name per sample.
    targets : array-like of shape (n_samples,) or (n_samples, n_targets), optional
        Regression targets.
    parameters : int, optional
        Number of parameters of the candidate.
    source_accuracy : float, optional
        Accuracy of the candidate on the task it was trained for.
    """

    features: ArrayLike
    labels: Iterable[Hashable] | ArrayLike | None = None
    source_logits: ArrayLike | None = None
    sample_ids: Sequence[str] | None = None
    targets: ArrayLike | None = None
    parameters: int | None = None
    source_accuracy: float | None = None

    @cached_property
    def Z(self) -> Array:  # noqa: N802 -- the symbol of the field
        """Checked features (n_samples, n_features), in the precision they came in."""
        return check_features(self.features)

    @cached_property
    def classes(self) -> ClassLabels:
        """Checked labels as class ids."""
        return check_labels(self.need("labels"), len(self.Z))

    @property
    def is_multilabel(self) -> bool:
        """Whether there is a row of several labels per sample: a matrix, or nested lists."""
        if isinstance(self.labels, Sequence):
            # The name of a class may be a tuple, but nothing that cannot be hashed.
            return any(not isinstance(first, Hashable) for first in self.labels[:1])
        return getattr(self.labels, "ndim", 1) > 1

    @cached_property
    def Y(self) -> Float64Array:  # noqa: N802
        """Checked regression targets (n_samples, n_targets)."""
        return check_matrix(self.need("targets"), len(self.Z), name="targets")

    @cached_property
    def logits(self) -> Float64Array:
        """Checked source logits (n_samples, n_source_classes)."""
        logits = self.need("source_logits")
        return check_matrix(logits, len(self.Z), name="source_logits", squared=False)

    @cached_property
    def mean(self) -> Float64Array:
        """Mean of each feature, shape (n_features,)."""
        return column_means(self.Z)

    @property
    def precision(self) -> Precision:
        """Precision for the large products of the features; see `gram`."""
        n_samples, n_features = self.Z.shape
        large = n_samples * n_features > LARGEST_DOUBLE
        return "float32" if large and precision_of(self.Z) != "float64" else "float64"

    @cached_property
    def gram(self) -> Array:
        """Gram matrix of the centred features, shape (n_features, n_features).

        It is `double_gram`, except for features of more than `LARGEST_DOUBLE` numbers in less than
        double precision, where it is float32: an eigenvalue then errs by about 1e-7 of the largest
        one. The samples' own Gram matrix (n_samples, n_samples) is never formed.
        """
        return self.double_gram if self.precision == "float64" else centred_gram(self.Z, "float32")

    @cached_property
    def double_gram(self) -> Array:
        """Gram matrix of the centred features in float64; twice the time of float32."""
        return centred_gram(self.Z, "float64")

    @cached_property
    def spectrum(self) -> Spectrum:
        """All singular values and axes of the centred features, in the precision of `gram`.

        They come from `gram`, or for fewer samples than features from the features themselves,
        in float64. In single precision singular values below a thousandth of the first are noise.
        """
        return self._spectrum(self.gram) if self._is_tall else self.double_spectrum

    @cached_property
    def double_spectrum(self) -> Spectrum:
        """`spectrum` in float64: singular values down to a 1e-7th of the first are right."""
        if not self._is_tall:
            return self._spectrum(None)
        return self.spectrum if self.precision == "float64" else self._spectrum(self.double_gram)

    @cached_property
    def singular_values(self) -> Float64Array:
        """All singular values of the centred features, shape (r,), decreasing, in float64.

        For scores that need no axes: less time and memory than `double_spectrum`.
        """
        return all_singular_values(self.Z, self.mean, self.double_gram if self._is_tall else None)

    @property
    def _is_tall(self) -> bool:
        n_samples, n_features = self.Z.shape
        return bool(n_samples >= n_features)

    def _spectrum(self, gram: Array | None) -> Spectrum:
        return full_spectrum(self.Z, self.mean, gram)

    @cached_property
    def class_means(self) -> Float64Array:
        """Mean of the features of each class, not centred, shape (n_classes, n_features)."""
        classes = self.classes
        sums = segment_sums(self.Z, classes.ids, len(classes.counts))
        return sums / classes.counts[:, None]

    def take(self, rows: IntArray) -> Probe:
        """Return the probe of some of the samples; classes are named by their ids."""
        ids = self.sample_ids
        return replace(
            self,
            features=self.Z[placed_like(self.Z, rows), :],
            labels=self._labels_of(rows),
            source_logits=None if self.source_logits is None else self.logits[rows],
            sample_ids=None if ids is None else [ids[row] for row in rows.tolist()],
            targets=None if self.targets is None else self.Y[rows],
        )

    def _labels_of(self, rows: IntArray) -> Any:
        if self.labels is None:
            return None
        if self.is_multilabel:
            return to_numpy(as_array(self.labels, name="labels"))[rows]
        return self.classes.ids[rows]

    @cached_property
    def _components(self) -> dict[tuple[object, ...], SpectralComponents]:
        return {}

    def components(
        self,
        *,
        n_components: int | None = 128,
        n_groups: int = 8,
        row_norm: float | None = None,
        svd_solver: SvdSolver = "auto",
        random_state: int = 0,
    ) -> SpectralComponents:
        """`spectral_components` of the features; computed once for any number of groups.

        With `row_norm`, of the features with this Euclidean norm of every row.
        """
        check_groups(n_components, n_groups)
        check_choice(svd_solver, get_args(SvdSolver), name="svd_solver")
        check_count(random_state, name="random_state", least=0)
        if row_norm is not None:
            check_positive(row_norm, name="row_norm")
        key = (n_components, row_norm, svd_solver, random_state)
        if key not in self._components:
            self._components[key] = decompose(
                self.Z if row_norm is None else self._scaled(row_norm),
                n_components=n_components,
                n_groups=n_groups,
                svd_solver=svd_solver,
                random_state=random_state,
            )
        components = self._components[key]
        groups = split_groups(len(components.singular_values), n_groups)
        return replace(components, groups=groups)

    def _scaled(self, row_norm: float) -> Array:
        """Rows of one norm; they must differ in more than they differed by their norms."""
        xp, Z = array_namespace(self.Z), scaled_rows(self.Z, row_norm)
        if float(xp.max(xp.max(Z, axis=0) - xp.min(Z, axis=0))) <= PARALLEL * row_norm:
            raise InvalidInput(
                f"features must differ in direction for row_norm={row_norm:g}, and all rows are "
                "multiples of one; score them with scorer 'disco', or row_norm=None"
            )
        return Z

    def need(self, name: str) -> Any:
        """Return what the probe was given as `name`.

        Raises
        ------
        InvalidInput
            If it was not given.
        """
        value = getattr(self, name)
        if value is None:
            raise InvalidInput(f"this score needs {name}, and there are none")
        return value
