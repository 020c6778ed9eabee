"""Sequences of items that are decoded on access, in whichever process asks for them."""

from __future__ import annotations

import hashlib
import math
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from discorank._optional import import_optional
from discorank.targets.media import Medium, Source, image_size
from discorank.types import BoxesByImage, Float64Array, IntArray

__all__ = ["Crops", "Files", "ImageArrays", "Items", "MediaItems", "Stored", "Texts"]

_Items = TypeVar("_Items", bound="Items")


class Items(Sequence[Any]):
    """Items of a target by position: picklable, decoded on access.

    A slice is again such a sequence; nothing is decoded for it.
    """

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self: _Items, index: slice) -> _Items: ...
    def __getitem__(self: _Items, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        return self._decode(index)

    @abstractmethod
    def take(self: _Items, rows: IntArray) -> _Items:
        """Return the sequence of the items at `rows`."""

    def unreadable(self, rows: IntArray) -> Mapping[int, str]:  # noqa: ARG002 - memory is readable
        """Say of each item at `rows` that cannot be decoded why; readable ones are left out."""
        return {}

    @abstractmethod
    def digests(self, rows: IntArray) -> list[bytes]:
        """Return what only equal items share: a digest of each one's content, not of its name."""

    @abstractmethod
    def _decode(self, index: int) -> Any: ...


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


class ImageArrays(Items):
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

    def digests(self, rows: IntArray) -> list[bytes]:
        """Return a digest of the pixels of each image at `rows`."""
        return [_digest(self._pixels[row].tobytes()) for row in rows.tolist()]

    def _decode(self, index: int) -> Any:
        pillow = import_optional("PIL.Image", extra="rank", purpose="decoding images")
        return pillow.fromarray(self._pixels[index])


class Texts(Items):
    """Texts, or pairs of texts, held in memory.

    Parameters
    ----------
    texts : sequence of str, or of tuple of two str
    """

    def __init__(self, texts: Sequence[str | tuple[str, str]]) -> None:
        self._texts = tuple(texts)

    def __len__(self) -> int:
        return len(self._texts)

    def take(self, rows: IntArray) -> Texts:
        """Return the sequence of the texts at `rows`."""
        return Texts([self._texts[row] for row in rows])

    def digests(self, rows: IntArray) -> list[bytes]:
        """Return a digest of each text or pair at `rows`, exact to the character."""
        texts = (repr(self._texts[row]) for row in rows.tolist())
        return [_digest(text.encode("utf-8", "surrogatepass")) for text in texts]

    def _decode(self, index: int) -> Any:
        return self._texts[index]


class MediaItems(Items):
    """Items that are each the content of one file of a medium."""

    _medium: Medium

    def unreadable(self, rows: IntArray) -> Mapping[int, str]:
        """Say of each file at `rows` that cannot be decoded why; readable ones are left out.

        Every file is decoded, in threads: decoders do not hold the interpreter lock.
        """
        self._medium.require()
        with ThreadPoolExecutor() as threads:
            faults = threads.map(lambda row: self._medium.fault(self._source(row)), rows)
            return {int(row): fault for row, fault in zip(rows, faults, strict=True) if fault}

    def digests(self, rows: IntArray) -> list[bytes]:
        """Return a digest of the bytes of each file at `rows`, read in threads."""
        with ThreadPoolExecutor() as threads:
            return [*threads.map(self._digest, rows.tolist())]

    def _decode(self, index: int) -> Any:
        return self._medium.decode(self._source(index))

    def _digest(self, index: int) -> bytes:
        source = self._source(index)
        return _digest(source if isinstance(source, bytes) else Path(source).read_bytes())

    @abstractmethod
    def _source(self, index: int) -> Source: ...


class Files(MediaItems):
    """Files of one medium.

    Parameters
    ----------
    medium : Medium
    folder : Path
    names : sequence of str
        Paths relative to `folder`.
    """

    def __init__(self, medium: Medium, folder: Path, names: Sequence[str]) -> None:
        self._medium = medium
        self._folder = str(folder)
        self._names = tuple(names)

    def __len__(self) -> int:
        return len(self._names)

    def take(self, rows: IntArray) -> Files:
        """Return the sequence of the files at `rows`."""
        return Files(self._medium, Path(self._folder), [self._names[row] for row in rows])

    def path(self, index: int) -> str:
        """Return the path of a file."""
        return os.path.join(self._folder, self._names[index])  # noqa: PTH118 - hot, and strings

    def _source(self, index: int) -> str:
        return self.path(index)


class Stored(MediaItems):
    """Files of one medium inside a table of `datasets`: their content, or paths of theirs.

    Parameters
    ----------
    medium : Medium
    table : datasets.Dataset
        With one column, of `{"bytes": ..., "path": ...}`, which is not decoded.
    folder : Path
        What the paths of files without bytes are relative to.
    rows : ndarray of shape (n_items,)
        Rows of the table.
    """

    def __init__(self, medium: Medium, table: Any, folder: Path, rows: IntArray) -> None:
        self._medium = medium
        self._table = table
        self._folder = str(folder)
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, rows: IntArray) -> Stored:
        """Return the sequence of the files at `rows`."""
        return Stored(self._medium, self._table, Path(self._folder), self._rows[rows])

    def _source(self, index: int) -> Source:
        [file] = self._table[int(self._rows[index])].values()
        if file["bytes"] is not None:
            return bytes(file["bytes"])
        return os.path.join(self._folder, file["path"])  # noqa: PTH118


class Crops(Items):
    """Boxes cut out of images.

    Parameters
    ----------
    images : Files
    sizes : ndarray of shape (n_images, 2)
        Width and height that each image must have for the boxes to mean anything.
    image_of : ndarray of shape (n_boxes,)
        Image of each box.
    edges : ndarray of shape (n_boxes, 4)
        Left, upper, right and lower edge of each box in pixels, within its image. What is cut out
        is every pixel that the box touches.
    """

    def __init__(
        self, images: Files, sizes: IntArray, image_of: IntArray, edges: Float64Array
    ) -> None:
        self._images = images
        self._sizes = sizes
        self._image_of = image_of
        self._edges = edges
        # Boxes of one image come one after the other, and decoding is what takes time.
        self._last: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return len(self._image_of)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def take(self, rows: IntArray) -> Crops:
        """Return the sequence of the boxes at `rows`."""
        return Crops(self._images, self._sizes, self._image_of[rows], self._edges[rows])

    def by_image(self) -> BoxesByImage:
        """Return the whole images, and which boxes are on each."""
        images, image_of = np.unique(self._image_of, return_inverse=True)
        order = np.argsort(image_of, kind="stable")
        ends = np.cumsum(np.bincount(image_of))[:-1]
        return BoxesByImage(
            images=self._images.take(images),
            sizes=self._sizes[images],
            rows=tuple(np.split(order, ends)),
            edges=self._edges,
        )

    def unreadable(self, rows: IntArray) -> Mapping[int, str]:
        """Say of each box at `rows` whose image cannot be decoded, or is of another size, why."""
        images = np.unique(self._image_of[rows])
        faults = dict(self._images.unreadable(images))
        for image in images.tolist():
            stated = tuple(self._sizes[image].tolist())
            if image not in faults and (size := image_size(self._images.path(image))) != stated:
                faults[image] = f"its image is of size {size}, but the boxes are for {stated}"
        of_row = zip(rows.tolist(), self._image_of[rows].tolist(), strict=True)
        return {row: faults[image] for row, image in of_row if image in faults}

    def digests(self, rows: IntArray) -> list[bytes]:
        """Return a digest of the image of each box at `rows`, and its edges."""
        images, image_of_row = np.unique(self._image_of[rows], return_inverse=True)
        of_image = self._images.digests(images)
        edges = self._edges[rows]
        return [
            of_image[image] + bytes(box.data)
            for image, box in zip(image_of_row.tolist(), edges, strict=True)
        ]

    def _decode(self, index: int) -> Any:
        image = int(self._image_of[index])
        last = self._last
        if last is None or last[0] != image:
            last = self._last = (image, self._images[image])
        left, upper, right, lower = self._edges[index]
        return last[1].crop(
            (math.floor(left), math.floor(upper), math.ceil(right), math.ceil(lower))
        )
