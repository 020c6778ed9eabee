"""The targets of MiniHub: real images, few or many to learn from, in three disjoint splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from discorank.benchmark.minihub import images
from discorank.benchmark.minihub.images import Labelled
from discorank.benchmark.minihub.patches import cut
from discorank.errors import InvalidInput
from discorank.targets import builtin, stratified_sample
from discorank.types import IntArray

__all__ = ["TARGETS", "ImageSplits", "TargetPlan", "draw"]


@dataclass(frozen=True)
class TargetPlan:
    """How a target is drawn.

    Attributes
    ----------
    images : str
        Where its images are from: ``"digits"``, ``"handwriting"``, ``"clothing"``,
        ``"materials"`` or ``"faces"``.
    n_train, n_validation, n_test : int
        Images of each split, all classes together. What is left over is not used.
    epochs : int
        Of a full fine-tune.
    """

    images: str
    n_train: int
    n_validation: int
    n_test: int
    epochs: int


@dataclass(frozen=True, eq=False)
class ImageSplits:
    """The images of a target: (n, 28, 28) uint8, and the class ids of each split."""

    train: Labelled
    validation: Labelled
    test: Labelled

    @property
    def n_classes(self) -> int:
        """Number of classes; every split has all of them."""
        return int(self.train[1].max()) + 1


TARGETS: Mapping[str, TargetPlan] = MappingProxyType(
    {
        "digits-few": TargetPlan("digits", 100, 100, 600, epochs=12),
        "handwriting-few": TargetPlan("handwriting", 100, 100, 600, epochs=12),
        "clothing-few": TargetPlan("clothing", 50, 100, 600, epochs=20),
        "materials-few": TargetPlan("materials", 100, 100, 600, epochs=12),
        "faces": TargetPlan("faces", 24, 40, 136, epochs=20),
        "digits-many": TargetPlan("digits", 300, 100, 600, epochs=6),
        "handwriting-many": TargetPlan("handwriting", 300, 100, 600, epochs=6),
        "clothing-many": TargetPlan("clothing", 300, 100, 600, epochs=6),
        "materials-many": TargetPlan("materials", 300, 100, 600, epochs=6),
    }
)
"""From the name of each target to how it is drawn."""


def draw(plan: TargetPlan, *, seed: int, data: Path | None = None) -> ImageSplits:
    """Draw the splits of a target, each with the shares of the classes.

    Parameters
    ----------
    plan : TargetPlan
    seed : int
        Other seeds draw other images.
    data : Path, optional
        Folder with the files of Fashion-MNIST.

    Raises
    ------
    InvalidInput
        If there are too few images.
    """
    sizes = (plan.n_train, plan.n_validation, plan.n_test)
    if plan.images == "materials":
        # By regions: overlapping patches of one photograph would show the test images in training.
        parts = ((0.0, 0.45), (0.45, 0.6), (0.6, 1.0))
        drawn = (
            _materials(size, part, seed=seed + place)
            for place, (size, part) in enumerate(zip(sizes, parts, strict=True))
        )
        return ImageSplits(*drawn)
    pixels, labels = _pool(plan.images, data)
    return ImageSplits(*((pixels[rows], labels[rows]) for rows in _divided(labels, sizes, seed)))


def _materials(size: int, part: tuple[float, float], *, seed: int) -> Labelled:
    photographs = builtin.photographs(images.MATERIALS)
    return cut(photographs, size // len(photographs), part=part, seed=seed)


def _pool(name: str, data: Path | None) -> Labelled:
    match name:
        case "digits":
            return images.uci_digits()
        case "handwriting":
            return images.mnist()
        case "clothing":
            return images.clothing(source=False, folder=data)
        case "faces":
            return images.faces()
    raise InvalidInput(f"MiniHub has no images named {name!r}")


def _divided(labels: NDArray[np.intp], sizes: tuple[int, ...], seed: int) -> list[IntArray]:
    """Return rows of disjoint stratified samples of these sizes."""
    left = np.arange(len(labels))
    samples = []
    for size in sizes:
        taken = left[stratified_sample(labels[left], size, random_state=seed)]
        samples.append(taken)
        left = np.setdiff1d(left, taken)
    return samples
