"""Targets held in arrays: `.npz` files of images, or of ready-made features, with labels."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.targets.items import ImageArrays
from discorank.types import Target

__all__ = ["array_target", "read_npz"]

_HOW_TO_WRITE = (
    "write it with numpy.savez(file, images=images, labels=labels), the labels as an array of "
    "integers or strings, not of Python objects"
)
_CONTENTS: tuple[Literal["images", "features"], ...] = ("images", "features")


def read_npz(path: Path) -> Target:
    """Return the target in an `.npz` file that holds `labels` and `images` or `features`.

    If it holds both, the images are the target; the features are left to a candidate
    ``features:FILE``.

    Raises
    ------
    InvalidInput
        If the file cannot be read, lacks an array, or holds one of the wrong type or shape.
    """
    arrays = _load(path)
    content = next((name for name in _CONTENTS if name in arrays), None)
    if content is None or "labels" not in arrays:
        raise InvalidInput(
            f"{path}: holds the arrays {', '.join(arrays) or '(none)'}; a target needs 'labels' "
            f"and either 'images' or 'features'"
        )
    return array_target(path.name, content, arrays[content], arrays["labels"])


def array_target(
    name: str,
    content: Literal["images", "features"],
    array: NDArray[Any],
    labels: NDArray[Any],
) -> Target:
    """Return the target of labelled arrays.

    Parameters
    ----------
    name : str
    content : {"images", "features"}
        What `array` holds.
    array : ndarray
        Images, uint8, of shape (n_samples, height, width) or (n_samples, height, width,
        channels) with 1, 3 or 4 channels; or features of shape (n_samples, n_features).
    labels : ndarray of shape (n_samples,)
        Class of each sample: integers or strings.

    Raises
    ------
    InvalidInput
        If an array is of the wrong type or shape, or their lengths differ.
    """
    if content == "images":
        _check_images(name, array)
    elif array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InvalidInput(
            f"{name}: 'features' must be numbers of shape (n_samples, n_features), got "
            f"{array.dtype} of shape {array.shape}"
        )
    _check_labels(name, labels, len(array))
    classes, ids = np.unique(labels, return_inverse=True)
    return Target(
        name=name,
        task="classification",
        modality="image" if content == "images" else "features",
        items=ImageArrays(_without_grey_axis(array)) if content == "images" else (),
        labels=ids,
        classes=tuple(str(label) for label in classes.tolist()),
        sample_ids=tuple(map(str, range(len(labels)))),
        fingerprint=_fingerprint({content: array, "labels": labels}),
        rows=np.arange(len(labels)),
        n_total=len(labels),
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(path):
        raise InvalidInput(f"{path}: no .npz file, or a damaged one; {_HOW_TO_WRITE}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in (*_CONTENTS, "labels") if name in archive}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInput(
            f"{path}: an array in it cannot be read ({error}); {_HOW_TO_WRITE}"
        ) from error


def _check_images(name: str, images: NDArray[Any]) -> None:
    fits = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3, 4))
    if not fits or 0 in images.shape[1:]:
        hint = ""
        if images.ndim == 4 and images.shape[1] in (1, 3, 4):
            hint = "; channels must come last: images.transpose(0, 2, 3, 1)"
        raise InvalidInput(
            f"{name}: 'images' must have shape (n, height, width) or (n, height, width, channels) "
            f"with 1, 3 or 4 channels, got {images.shape}{hint}"
        )
    if images.dtype != np.uint8:
        raise InvalidInput(
            f"{name}: 'images' must be uint8 (0 … 255), got {images.dtype}; scale and convert "
            f"them with images.astype('uint8')"
        )


def _check_labels(name: str, labels: NDArray[Any], n_samples: int) -> None:
    if labels.ndim != 1 or labels.dtype.kind not in "iubU":
        raise InvalidInput(
            f"{name}: 'labels' must be one-dimensional, integers or strings, got {labels.dtype} "
            f"of shape {labels.shape}"
        )
    if len(labels) != n_samples:
        raise InvalidInput(f"{name}: {n_samples} samples but {len(labels)} labels")
    if not n_samples:
        raise InvalidInput(f"{name}: holds no samples")


def _without_grey_axis(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images


def _fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
