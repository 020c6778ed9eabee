"""Targets held in arrays: `.npz` files of images, or of ready-made features, with the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from discorank._files import read_arrays
from discorank.errors import InvalidInput
from discorank.scoring.validate import check_matrix
from discorank.targets.items import ImageArrays
from discorank.types import IntArray, Target, Task

__all__ = ["TRUTHS_OF", "array_target", "read_npz", "task_of"]

_HOW_TO_WRITE = (
    "write it with numpy.savez(file, images=images, labels=labels), the labels as an array of "
    "integers or strings, not of Python objects"
)
_CONTENTS: tuple[Literal["images", "features"], ...] = ("images", "features")
_TRUTHS = ("labels", "targets", "boxes")
# The arrays that each task needs; where a file has those of several, the user says which.
TRUTHS_OF: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("labels",),
        "multilabel": ("labels",),
        "regression": ("targets",),
        "detection": ("labels", "boxes"),
    }
)


def read_npz(path: Path, task: Task | None = None) -> Target:
    """Return the target in an `.npz` file that holds `images` or `features`, and the truth.

    If it holds both, the images are the target; the features are left to a candidate
    ``features:FILE``. The truth is `labels` of one dimension (classification) or two (several
    labels per sample, 0 or 1), `targets` (regression), or `labels` and `boxes` (detection: one
    row per box).

    Parameters
    ----------
    path : Path
    task : str, optional
        By default the one task that the arrays of the file are for.

    Raises
    ------
    InvalidInput
        If the file cannot be read, lacks an array, holds one of the wrong type or shape, or the
        truth of several tasks.
    """
    arrays = read_arrays(path, optional=(*_CONTENTS, *_TRUTHS), hint=_HOW_TO_WRITE)
    content = next((name for name in _CONTENTS if name in arrays), None)
    found = task or task_of(path, arrays)
    if content is None or found is None or not arrays.keys() >= set(TRUTHS_OF[found]):
        truth = (
            "'labels' or 'targets'" if found is None else " and ".join(map(repr, TRUTHS_OF[found]))
        )
        raise InvalidInput(
            f"{path}: holds the arrays {', '.join(arrays) or '(none)'}; a target"
            f"{f' of {found}' if task else ''} needs {truth} and either 'images' or 'features'"
        )
    truths = {name: arrays[name] for name in TRUTHS_OF[found]}
    return array_target(path.name, content, arrays[content], task=found, **truths)


def task_of(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Task | None:
    """Return the task that the truth among these arrays is for; None if there is none.

    Raises
    ------
    InvalidInput
        If it is for several.
    """
    if "boxes" in arrays:
        return "detection"
    if "labels" in arrays and "targets" in arrays:
        raise InvalidInput(
            f"{path}: holds 'labels' and 'targets'; say which is meant: --task classification or "
            f"--task regression"
        )
    if "targets" in arrays:
        return "regression"
    if "labels" in arrays:
        return "multilabel" if arrays["labels"].ndim == 2 else "classification"
    return None


def array_target(
    name: str,
    content: Literal["images", "features"],
    array: NDArray[Any],
    labels: NDArray[Any] | None = None,
    *,
    task: Task = "classification",
    targets: NDArray[Any] | None = None,
    boxes: NDArray[Any] | None = None,
) -> Target:
    """Return the target of arrays.

    Parameters
    ----------
    name : str
    content : {"images", "features"}
        What `array` holds.
    array : ndarray
        Images, uint8, of shape (n_samples, height, width) or (n_samples, height, width,
        channels) with 1, 3 or 4 channels; or features of shape (n_samples, n_features).
    labels : ndarray of shape (n_samples,), or (n_samples, n_labels) for "multilabel"
        Class of each sample: integers or strings; or 1 where it has the label, else 0.
    task : {"classification", "multilabel", "regression", "detection"}
    targets : ndarray of shape (n_samples,) or (n_samples, n_targets)
        For "regression".
    boxes : ndarray of shape (n_samples, 4)
        For "detection": (cx, cy, w, h), each divided by the size of the image.

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
    ids, classes = _encode(name, task, labels, len(array))
    truth = targets if task == "regression" else boxes
    truths = {"labels": labels, "targets": targets, "boxes": boxes}
    given = {key: value for key, value in truths.items() if value is not None}
    return Target(
        name=name,
        task=task,
        modality="image" if content == "images" else "features",
        items=ImageArrays(_without_grey_axis(array)) if content == "images" else (),
        labels=ids,
        classes=classes,
        sample_ids=tuple(map(str, range(len(array)))),
        fingerprint=_fingerprint({content: array, **given}),
        rows=np.arange(len(array)),
        n_total=len(array),
        targets=None if truth is None else check_matrix(truth, len(array), name=f"{name}: targets"),
    )


def _encode(
    name: str, task: Task, labels: NDArray[Any] | None, n_samples: int
) -> tuple[IntArray | None, tuple[str, ...]]:
    """Return the labels as integers, and what the classes are called."""
    if not n_samples:
        raise InvalidInput(f"{name}: holds no samples")
    if labels is None:
        return None, ()
    if len(labels) != n_samples:
        raise InvalidInput(f"{name}: {n_samples} samples but {len(labels)} labels")
    if task == "multilabel":
        if labels.ndim != 2 or not np.isin(labels, (0, 1)).all():
            raise InvalidInput(
                f"{name}: 'labels' of several labels per sample must be 0 or 1, of shape "
                f"(n_samples, n_labels), got {labels.dtype} of shape {labels.shape}"
            )
        return labels.astype(np.intp), tuple(map(str, range(labels.shape[1])))
    if labels.ndim != 1 or labels.dtype.kind not in "iubU":
        raise InvalidInput(
            f"{name}: 'labels' must be one-dimensional, integers or strings, got {labels.dtype} "
            f"of shape {labels.shape}"
        )
    classes, ids = np.unique(labels, return_inverse=True)
    return ids, tuple(str(label) for label in classes.tolist())


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


def _without_grey_axis(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images


def _fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
