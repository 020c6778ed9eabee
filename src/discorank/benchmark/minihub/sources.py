"""What the candidates of MiniHub are pre-trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from discorank.benchmark.minihub import images
from discorank.benchmark.minihub.fractals import fractals
from discorank.benchmark.minihub.glyphs import glyphs
from discorank.benchmark.minihub.images import Labelled
from discorank.benchmark.minihub.patches import cut
from discorank.benchmark.minihub.patterns import shapes, textures
from discorank.targets import builtin

__all__ = ["SOURCES", "Source"]

Draw = Callable[[int, int, Path | None], Labelled]


@dataclass(frozen=True)
class Source:
    """A source task.

    Attributes
    ----------
    summary : str
        What the images are and what is learnt from them, in a line.
    draw : callable
        ``draw(n_images, seed, data)`` returns images and labels; `data` is the folder with the
        files of Fashion-MNIST.
    n_images : int
    epochs : int
        Passes over the images; 0 leaves the network as it was drawn.
    """

    summary: str
    draw: Draw
    n_images: int = 4000
    epochs: int = 6


def _clothing(n_images: int, seed: int, data: Path | None) -> Labelled:
    return _some(images.clothing(source=True, folder=data), n_images, seed)


def _chance(n_images: int, seed: int, data: Path | None) -> Labelled:
    pixels, labels = _clothing(n_images, seed, data)
    return pixels, np.random.default_rng(seed).permutation(labels)


def _turned(n_images: int, seed: int, _data: Path | None) -> Labelled:
    """Photographs in four orientations; which one is to be told (Gidaris et al., ICLR 2018)."""
    scenes = builtin.photographs(images.SCENES)
    pixels, _ = cut(scenes, n_images // len(scenes), zooms=(1, 2, 4), seed=seed)
    quarters = np.random.default_rng(seed).permutation(np.arange(len(pixels)) % 4)
    turned = [np.rot90(image, turn) for image, turn in zip(pixels, quarters, strict=True)]
    return np.stack(turned), quarters


def _drawn(function: Callable[..., Labelled]) -> Draw:
    return lambda n_images, seed, _data: function(n_images, seed=seed)


def _some(labelled: Labelled, n_images: int, seed: int) -> Labelled:
    pixels, labels = labelled
    rows = np.random.default_rng(seed).permutation(len(labels))[:n_images]
    return pixels[rows], labels[rows]


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "clothing": Source("five classes of Fashion-MNIST", _clothing),
        "glyphs": Source("letters in the fonts of matplotlib", _drawn(glyphs), epochs=8),
        "fractals": Source("iterated function systems", _drawn(fractals)),
        "shapes": Source("polygons, stars and flowers", _drawn(shapes)),
        "textures": Source("noise of chosen spectra", _drawn(textures)),
        "rotation": Source("orientation of photographs", _turned),
        "random-labels": Source("clothing with shuffled labels", _chance, n_images=1000, epochs=20),
        "stopped-early": Source("clothing, a twentieth of it", _clothing, n_images=1200, epochs=1),
        "untrained": Source("nothing", _clothing, n_images=0, epochs=0),
    }
)
"""From the name of each source to what it is."""
