"""``features:FILE.npz``: features that were made elsewhere.

The file holds the array ``features`` of shape (n_samples, n_features), one row for each sample of
the full target in its order, and may hold ``source_logits`` (or ``logits``) of shape (n_samples,
n_source_classes). Where it holds ``labels`` or ``targets`` too, they must not contradict those of
the target.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank._files import read_arrays
from discorank.errors import InvalidInput, ModelFailed
from discorank.hub.adapter import existing_file
from discorank.hub.spec import Spec
from discorank.hub.weights import sha256
from discorank.types import Candidate, FloatArray, ReadyMade

__all__ = ["resolve"]

_LOGITS = ("source_logits", "logits")
_TRUTHS = ("labels", "targets")


def resolve(spec: Spec) -> Candidate:
    """Describe a file of features; its arrays are read by ``load``.

    Raises
    ------
    InvalidInput
        If there are options: there is nothing to choose.
    ModelFailed
        If the file does not exist.
    """
    spec.require_known(())
    path = existing_file(spec.name)
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=None,
        input_size=None,
        preprocessing={},
        weights=sha256([path]),
        layer="features",
        modality="features",
        load=partial(_load, path),
    )


def _load(path: Path, device: str) -> ReadyMade:  # noqa: ARG001 -- arrays need no device
    try:
        arrays = read_arrays(path, "features", optional=_LOGITS)
    except InvalidInput as error:  # of one model, not of what was asked for
        raise ModelFailed(str(error)) from error
    try:
        truths = read_arrays(path, optional=_TRUTHS)
    except InvalidInput:  # Python objects tell nothing, and nobody asked for them
        truths = {}
    features = _matrix(arrays["features"], "features")
    logits = next((_matrix(arrays[name], "logits") for name in _LOGITS if name in arrays), None)
    for name, rows in (("logits", logits), *truths.items()):
        if rows is not None and rows.shape[:1] != features.shape[:1]:
            raise ModelFailed(
                f"{str(path)!r} has {len(features)} rows of features but {name} of shape "
                f"{rows.shape}"
            )
    return ReadyMade(features, logits, truths=truths)


def _matrix(array: NDArray[Any], name: str) -> FloatArray:
    """Return an array in double precision if it has it: the variation may be in its last digits."""
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ModelFailed(
            f"{name} must be an array of numbers of shape (n_samples, n_{name}), "
            f"got {array.dtype} of shape {array.shape}"
        )
    is_short = np.can_cast(array.dtype, np.float32)
    return np.ascontiguousarray(array, dtype=np.float32 if is_short else np.float64)
