"""Letters drawn with the fonts that come inside matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discorank._optional import import_optional
from discorank.benchmark.minihub.networks import SIDE
from discorank.benchmark.minihub.warping import warped
from discorank.types import IntArray

__all__ = ["LETTERS", "glyphs"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
"""Classes: the letters whose two cases differ count twice, as in EMNIST; no digits."""

# Text fonts of three families; the others hold symbols, or are for display.
_FONTS = (
    *("DejaVuSans*.ttf", "DejaVuSerif*.ttf", "STIXGeneral*.ttf"),
    *("cmb10.ttf", "cmr10.ttf", "cmss10.ttf", "cmti10.ttf", "cmtt10.ttf"),
)
_CANVAS = 48


def glyphs(n_images: int, *, seed: int) -> tuple[NDArray[np.uint8], IntArray]:
    """Return letters in random fonts, turned, scaled and moved.

    Parameters
    ----------
    n_images : int
    seed : int

    Returns
    -------
    images : ndarray of shape (n_images, 28, 28), uint8
        White on black.
    labels : ndarray of shape (n_images,)
        Positions in `LETTERS`.
    """
    rng = np.random.default_rng(seed)
    fonts = _fonts()
    drawn = np.stack([[_draw(path, letter) for letter in LETTERS] for path in fonts])
    labels = rng.permutation(np.arange(n_images) % len(LETTERS))
    images = drawn[rng.integers(len(fonts), size=n_images), labels]
    images = warped(images, seed=seed, degrees=15, scale=(0.7, 1.1), shift=0.15, size=SIDE)
    return images, labels


def _fonts() -> list[Path]:
    matplotlib = import_optional("matplotlib", extra="minihub", purpose="glyphs")
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = {path for pattern in _FONTS for path in folder.glob(pattern)}
    return sorted(path for path in found if "Display" not in path.name)


def _draw(path: Path, letter: str) -> NDArray[np.uint8]:
    """Return the letter in the middle of a black canvas."""
    ft2font = import_optional("matplotlib.ft2font", extra="minihub", purpose="glyphs")
    font = ft2font.FT2Font(str(path))
    font.set_size(36.0, 72.0)  # points at dots per inch: about 26 pixels for a capital
    font.set_text(letter)
    font.draw_glyphs_to_bitmap()
    ink = np.asarray(font.get_image())[:_CANVAS, :_CANVAS]
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    top, left = (_CANVAS - ink.shape[0]) // 2, (_CANVAS - ink.shape[1]) // 2
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return canvas
