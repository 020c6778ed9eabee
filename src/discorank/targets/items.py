"""Sequences of images that are decoded on access, in whichever process asks for them."""

from __future__ import annotations

import functools
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from discorank._optional import import_optional
from discorank.types import IntArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageArrays", "ImageFiles", "ImageItems"]

_Items = TypeVar("_Items", bound="ImageItems")


class ImageItems(Sequence["Image"]):
    """Images of a target by position: picklable, decoded on access.

    A slice is again such a sequence; nothing is decoded for it.
    """

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self: _Items, index: slice) -> _Items: ...
    def __getitem__(self: _Items, index: int | slice) -> Image | _Items:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self._decode(index)

    @abstractmethod
    def take(self: _Items, rows: IntArray) -> _Items:
        """Return the sequence of the items at `rows`."""

    @abstractmethod
    def _decode(self, index: int) -> Image: ...


class ImageArrays(ImageItems):
    """Images held in memory.

    Parameters
    ----------
    pixels : ndarray of shape (n_images, height, width[, channels]), uint8
        Grey images, or images of 3 (RGB) or 4 (RGBA) channels.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def take(self, rows: IntArray) -> ImageArrays:
        """Return the sequence of the images at `rows`."""
        return ImageArrays(self._pixels[rows])

    def _decode(self, index: int) -> Image:
        return _pillow().fromarray(self._pixels[index])  # type: ignore[no-any-return]


class ImageFiles(ImageItems):
    """Image files, decoded by the `Image` feature of datasets: upright by their EXIF orientation.

    Parameters
    ----------
    folder : Path
    names : tuple of str
        Paths relative to `folder`.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = str(folder)
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def take(self, rows: IntArray) -> ImageFiles:
        """Return the sequence of the files at `rows`."""
        return ImageFiles(Path(self._folder), tuple(self._names[row] for row in rows))

    def unreadable(self, rows: IntArray) -> Mapping[int, str]:
        """Say of each file at `rows` that cannot be decoded why; readable ones are left out.

        Every file is decoded, but JPEG at an eighth of its size, and in threads: Pillow decodes
        without holding the interpreter lock.
        """
        _pillow()
        with ThreadPoolExecutor() as threads:
            faults = threads.map(_fault, map(self._path, rows))
            return {int(row): fault for row, fault in zip(rows, faults, strict=True) if fault}

    def _decode(self, index: int) -> Image:
        image: Image = _image_feature().decode_example({"path": self._path(index), "bytes": None})
        return image

    def _path(self, index: int) -> str:
        return os.path.join(self._folder, self._names[index])  # noqa: PTH118 - hot, and strings


def _fault(path: str) -> str | None:
    """Why the image file cannot be decoded; None if it can."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.draft("L", (1, 1))
            image.load()
            ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        return "not an image, or damaged from its first bytes on"
    except Exception as error:  # noqa: BLE001 - Pillow's plugins raise whatever a file makes them
        return f"{type(error).__name__}: {error}"
    return None


def _pillow() -> Any:
    return import_optional("PIL.Image", extra="rank", purpose="decoding images")


@functools.cache
def _image_feature() -> Any:
    datasets = import_optional("datasets", extra="rank", purpose="reading image folders")
    return datasets.Image()
