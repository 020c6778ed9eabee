"""The versions of what makes the numbers of a ranking."""

from __future__ import annotations

import contextlib
import platform
from importlib import metadata

import discorank

__all__ = ["versions"]

_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchvision",
    "timm",
    "onnxruntime",
    "datasets",
    "pillow",
)


def versions(*further: str) -> dict[str, str]:
    """Return the versions of discorank, Python, the libraries behind it and `further` ones."""
    found = {"discorank": discorank.__version__, "python": platform.python_version()}
    for name in (*_LIBRARIES, *further):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
