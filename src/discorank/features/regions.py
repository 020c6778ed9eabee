"""Rows of features from what an encoder returns: its own rows, or boxes pooled from its maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from discorank.errors import InvalidInput
from discorank.types import (
    BoxesByImage,
    Encoded,
    Encoder,
    Float32Array,
    Float64Array,
    IntArray,
    MapEncoder,
    Target,
)

__all__ = ["BoxRows", "ItemRows", "by_image", "roi_align", "rows_of"]

# Points in which a box is sampled, along each axis: two for each cell of the usual 7 × 7 map.
_SAMPLES = 14


class ItemRows:
    """One row of features per item.

    Parameters
    ----------
    target : Target

    Attributes
    ----------
    items : sequence
        What is decoded, preprocessed and encoded.
    """

    def __init__(self, target: Target) -> None:
        self.items: Sequence[Any] = target.items
        self._ids = target.sample_ids

    def name(self, position: int) -> str:
        """Name an item."""
        return self._ids[position]

    def take(self, encoded: Encoded, n_items: int) -> tuple[Encoded, int]:
        """Return the rows of the next items, and how many there must be."""
        return encoded, n_items


class BoxRows(ItemRows):
    """One row of features per box, pooled from the map of its image, which is encoded once.

    Parameters
    ----------
    target : Target
        Of boxes, those of one image together (`by_image`).
    encoder : MapEncoder
    """

    def __init__(self, target: Target, encoder: MapEncoder) -> None:
        super().__init__(target)
        boxes = _boxes(target)
        counts = [len(rows) for rows in boxes.rows]
        self.items = boxes.images
        self._rows = boxes.rows
        self._located = encoder.locate(boxes.edges, np.repeat(boxes.sizes, counts, axis=0))
        self._done = 0

    def name(self, position: int) -> str:
        """Name the first box of an image."""
        return self._ids[int(self._rows[position][0])]

    def take(self, encoded: Encoded, n_items: int) -> tuple[Encoded, int]:
        """Pool the boxes of the next images from their maps."""
        images = self._rows[self._done : self._done + n_items]
        self._done += n_items
        pooled = [
            roi_align(feature_map, self._located[rows])
            for feature_map, rows in zip(encoded.features, images, strict=True)
        ]
        return Encoded(np.concatenate(pooled)), sum(map(len, images))


def rows_of(target: Target, encoder: Encoder) -> ItemRows:
    """Return how the rows of a target come from an encoder."""
    return BoxRows(target, encoder) if isinstance(encoder, MapEncoder) else ItemRows(target)


def by_image(target: Target) -> IntArray:
    """Return the positions of all rows, those of one image together.

    Raises
    ------
    InvalidInput
        If the target holds no boxes on images.
    """
    return np.concatenate(_boxes(target).rows)


def _boxes(target: Target) -> BoxesByImage:
    if not hasattr(target.items, "by_image"):
        raise InvalidInput(
            f"boxes=roi pools the features of boxes, but {target.name} holds no boxes on images; "
            "leave it out"
        )
    boxes: BoxesByImage = target.items.by_image()
    return boxes


def roi_align(feature_map: Float32Array, boxes: Float64Array) -> Float32Array:
    """Return the mean of a feature map over each of some boxes, by RoI align.

    The values of ``torchvision.ops.roi_align`` with one bin per box, ``aligned=True`` and
    ``sampling_ratio=14``: a box is sampled on a grid of points, at each of which the map is
    interpolated bilinearly. The mean over the grid is a product of one weight per row and one per
    column of the map, so that no sample is ever formed. Torchvision's operator forms all of them,
    and where it is not compiled it compiles another one at the first call, for half a minute.

    Parameters
    ----------
    feature_map : ndarray of shape (channels, height, width)
    boxes : ndarray of shape (n_boxes, 4)
        Left, upper, right and lower edge as shares of the width and height of the map.

    Returns
    -------
    features : ndarray of shape (n_boxes, channels), float32

    References
    ----------
    He, Gkioxari, Dollár, Girshick: Mask R-CNN. ICCV 2017, arXiv 1703.06870.
    """
    height, width = feature_map.shape[1:]
    columns = _weights(boxes[:, 0], boxes[:, 2], width)
    rows = _weights(boxes[:, 1], boxes[:, 3], height)
    of_columns = feature_map @ columns.T  # (channels, height, n_boxes)
    return np.ascontiguousarray(np.einsum("chn,nh->nc", of_columns, rows))


def _weights(low: Float64Array, high: Float64Array, length: int) -> Float32Array:
    """Return what each cell along one axis counts in the mean of a box, of shape (n, length)."""
    along = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    # The first cell has its value in its middle.
    points = (low[:, None] + (high - low)[:, None] * along) * length - 0.5
    distances = np.abs(points.clip(0, length - 1)[:, :, None] - np.arange(length))
    weights: Float32Array = (1 - distances).clip(min=0).mean(axis=1).astype(np.float32)
    return weights
