"""The DISCO score of features in a file that does not fit the memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.scoring.streaming import SlicedRows, TwoPassDisco

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StreamingDisco"]


class StreamingDisco(TwoPassDisco):
    """The DISCO score of features that come in batches, from shards, or from a file.

    The first pass sums what the decomposition needs, the covariance and the class means; the
    second scores every sample. Both hold O(d² + C·d + batch) numbers, and neither holds the rows
    (one contribution per sample is kept). The value is that of ``disco_score(svd_solver="full")``
    to rounding: all sums are in float64, whatever the precision of the features.

    Parameters
    ----------
    n_components, n_groups, loo, row_norm
        As in `discorank.disco_score`.
    covariance : {"identity", "shared"}
        As in `discorank.disco_score`. "class" would need a third pass and is refused.
    batch_size : int
        Rows that `fit` reads at once.

    Attributes
    ----------
    result_ : DiscoResult
        After `fit` or `finalize`.
    score_ : float
        Its value.

    Examples
    --------
    From an array, a memory map, or the path of a ``.npy`` or safetensors file::

        StreamingDisco().fit("features.npy", labels).score_

    From batches of one's own, here on two machines; both passes see the same batches::

        left, right = StreamingDisco(), StreamingDisco()
        left.partial_fit(X_left, y_left)
        right.partial_fit(X_right, y_right)
        both = left.merge(right).decompose()
        left, right = both.copy(), both.copy()
        left.partial_score(X_left, y_left)
        right.partial_score(X_right, y_right)
        left.merge(right).finalize().score_
    """

    def fit(
        self, X: ArrayLike | SlicedRows | str | Path, y: Iterable[Hashable] | ArrayLike
    ) -> Self:
        """Score features that can be read twice.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or path
            An array or memory map; or a ``.npy`` file, which is mapped, or a safetensors file
            with a tensor named ``features``, which is read in slices.
        y : array-like of shape (n_samples,)
            Class of each sample.

        Raises
        ------
        InvalidInput
            If there is no such file, it is of another kind, or features or labels are not as
            described.
        MissingExtra
            If safetensors is not installed, for a file of its kind.
        """
        return super().fit(_open_rows(X), y)


class _MappedRows:
    """Rows of a memory-mapped array, mapped anew for each slice.

    The pages of one long-lived map stay resident until the system wants the memory back; those of
    a short one go with it.
    """

    def __init__(self, array: Any) -> None:  # numpy.memmap, whose types admit no file name
        self._file, self._offset, self._dtype = array.filename, array.offset, array.dtype
        self._order: Literal["C", "F"] = "C" if array.flags.c_contiguous else "F"
        self.shape = array.shape

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        whole = np.memmap(self._file, self._dtype, "r", self._offset, self.shape, order=self._order)
        return np.array(whole[rows])


class _SafetensorsRows:
    """Rows of the tensor ``features`` of a safetensors file, read slice by slice."""

    def __init__(self, path: Path) -> None:
        safetensors = import_optional("safetensors", extra="rank", purpose=f"reading {path.name}")
        file = safetensors.safe_open(str(path), framework="numpy")
        if "features" not in file.keys():  # noqa: SIM118 -- not a mapping
            raise InvalidInput(
                f"{path} must hold a tensor named 'features', got {', '.join(file.keys())}"
            )
        self._slice = file.get_slice("features")
        self.shape = tuple(self._slice.get_shape())

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        part: NDArray[Any] = self._slice[rows.start : rows.stop]
        return part


def _open_rows(X: ArrayLike | SlicedRows | str | Path) -> ArrayLike | SlicedRows:
    if not isinstance(X, (str, Path)):
        if hasattr(X, "filename") and isinstance(getattr(X, "base", None), mmap):
            return _MappedRows(X)  # a whole numpy.memmap, not a view of one
        return X
    path = Path(X)
    if not path.is_file():
        raise InvalidInput(f"features: there is no file {str(path)!r}")
    if path.suffix == ".npy":
        return _MappedRows(np.load(path, mmap_mode="r", allow_pickle=False))
    if path.suffix == ".safetensors":
        return _SafetensorsRows(path)
    raise InvalidInput(f"features must be a .npy or .safetensors file, got {path.name!r}")
