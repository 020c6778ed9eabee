"""Feature maps of whole images, from which the features of boxes are pooled (``?boxes=roi``).

One run of a model gives the features of all boxes of an image. Images have any shape, and models
read squares, the centres of images; so an image is put on a grey canvas, just so large that the
checkpoint's own preprocessing shows the whole image. Nothing is distorted, no box is outside, and
what is done to pixels remains the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from discorank.hub.adapter import failing, no_map
from discorank.hub.images import to_rgb
from discorank.hub.modules import Forward, ModuleEncoder, Preprocess
from discorank.types import JSON, Candidate, Encoded, Float64Array, IntArray

__all__ = ["Canvas", "LastMap", "Maps", "ModuleMapEncoder", "last_map"]

# The mean colour of ImageNet, which most checkpoints make zeros of.
_GREY = (124, 116, 104)


@dataclass(frozen=True)
class Canvas:
    """A checkpoint's preprocessing, applied to an image on a canvas so that all of it is seen.

    Attributes
    ----------
    preprocess : callable
        The checkpoint's own: it resizes, cuts out the centre and normalises.
    size : tuple of int
        Height and width that the model reads.
    kept : float
        Share of either side that the central crop keeps.
    """

    preprocess: Preprocess
    size: tuple[int, int]
    kept: float

    def __call__(self, image: Any) -> NDArray[Any]:
        """Turn a PIL image into the model's input."""
        from PIL import Image

        image = to_rgb(image)
        width, height, left, upper = self._layout(*image.size)
        canvas = Image.new("RGB", (width, height), _GREY)
        canvas.paste(image, (left, upper))
        return self.preprocess(canvas)

    def locate(self, edges: Float64Array, sizes: IntArray) -> Float64Array:
        """Return where boxes lie in what the model reads.

        Parameters
        ----------
        edges : ndarray of shape (n_boxes, 4)
            Left, upper, right and lower edge in pixels of the image.
        sizes : ndarray of shape (n_boxes, 2)
            Width and height of the image of each box.

        Returns
        -------
        located : ndarray of shape (n_boxes, 4)
            The same edges as shares of the width and height of the model's input.
        """
        layout = np.array([self._layout(*size) for size in sizes.tolist()], np.float64)
        canvas, corner = layout[:, :2], layout[:, 2:]
        seen = canvas * self.kept
        start = corner - (canvas - seen) / 2
        return (edges + np.tile(start, 2)) / np.tile(seen, 2)

    def describe(self) -> Mapping[str, JSON]:
        """Say what is done before the checkpoint's own preprocessing."""
        return {"canvas": "whole image, centred on grey", "canvas_kept": self.kept}

    def _layout(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return width and height of the canvas, and the left and upper edge of the image on it."""
        aspect = self.size[1] / self.size[0]
        seen_height = max(height, width / aspect)
        canvas_width = ceil(seen_height * aspect / self.kept)
        canvas_height = ceil(seen_height / self.kept)
        return (
            canvas_width,
            canvas_height,
            (canvas_width - width) // 2,
            (canvas_height - height) // 2,
        )


@dataclass(frozen=True)
class LastMap:
    """Take what a layer returns, the last one whose output has a height and a width.

    Attributes
    ----------
    layer : str
    """

    layer: str

    def __call__(self, module: nn.Module, inputs: Tensor) -> Tensor:
        """Run the module once; return the map of shape (batch, channels, height, width)."""
        returned: list[Tensor] = []
        # Not copied: an activation that follows in place belongs to what the model pools.
        hook = module.get_submodule(self.layer).register_forward_hook(
            lambda _, __, output: returned.append(output)
        )
        with hook:
            module(inputs)
        return returned[-1]


def last_map(module: nn.Module, size: tuple[int, ...], *, before: str | None) -> LastMap:
    """Find the layer that makes the last feature map of a network.

    Parameters
    ----------
    module : Module
        On torch's meta device nothing is computed.
    size : tuple of int
        (channels, height, width) of what it reads.
    before : str, optional
        Its classifier; what it and the layers behind it return is no feature map.

    Raises
    ------
    ModelFailed
        If there is no map, or tokens are made of it.
    """
    shapes: list[tuple[str, tuple[int, ...]]] = []
    over = False

    def returned(name: str, _: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, Tensor) and not over:
            shapes.append((name, tuple(output.shape)))

    def entered(_: nn.Module, __: Any) -> None:
        nonlocal over
        over = True

    handles = [
        layer.register_forward_hook(partial(returned, name))
        for name, layer in module.named_modules()
        if name
    ]
    if before is not None:
        handles.append(module.get_submodule(before).register_forward_pre_hook(entered))
    try:
        _dry_run(module, module, size)
    finally:
        for handle in handles:
            handle.remove()
    maps = [place for place, (_, shape) in enumerate(shapes) if _is_map(shape)]
    if not maps:
        raise no_map("no layer before its classifier returns one")
    if any(len(shape) == 3 for _, shape in shapes[maps[-1] :]):
        raise no_map("it works on tokens")
    return LastMap(shapes[maps[-1]][0])


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and min(shape[2:]) > 1


def _dry_run(module: nn.Module, run: Any, size: tuple[int, ...]) -> Any:
    """Run something of a module on one blank image, where its weights are."""
    device = next(module.eval().parameters()).device
    with failing("the model could not be run on a blank image"), torch.inference_mode():
        return run(torch.zeros(1, *size, device=device))


@dataclass(frozen=True)
class Maps:
    """How a network gives maps: what a candidate on maps needs beside its weights.

    Attributes
    ----------
    canvas : Canvas
    forward : callable
        ``forward(module, inputs)`` returns maps of shape (batch, channels, height, width).
    shape : tuple of int
        (channels, height, width) of a map.
    """

    canvas: Canvas
    forward: Any
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, module: nn.Module, canvas: Canvas, forward: Any) -> Maps:
        """Find out how large maps are.

        Raises
        ------
        ModelFailed
            If what `forward` returns is no map.
        """
        made = _dry_run(module, partial(forward, module), (3, *canvas.size))
        if not _is_map(tuple(made.shape)):
            raise no_map(f"it returns {tuple(made.shape)} for one image")
        return cls(canvas, forward, tuple(made.shape[1:]))

    def of_candidate(
        self, candidate: Candidate, layer: str, load: Callable[[], nn.Module]
    ) -> Candidate:
        """Return the candidate that gives features of boxes from maps.

        Parameters
        ----------
        candidate : Candidate
            The same model, which reads what is cut out of images.
        layer : str
            What makes the maps.
        load : callable
            Returns the network with its weights.
        """
        height, width = self.shape[1:]
        return replace(
            candidate,
            layer=f"{layer}, {height}×{width} map, RoI align",
            preprocessing={**candidate.preprocessing, **self.canvas.describe()},
            load=partial(_load, self, load),
            on_maps=True,
        )


def _load(maps: Maps, load: Callable[[], nn.Module], device: str) -> ModuleMapEncoder:
    return ModuleMapEncoder(maps, load(), device)


class ModuleMapEncoder:
    """A torch module that gives the feature maps of whole images.

    Parameters
    ----------
    maps : Maps
    module : Module
    device : str
    """

    def __init__(self, maps: Maps, module: nn.Module, device: str) -> None:
        self._maps = maps
        forward: Forward = partial(_flat, maps.forward)
        self._encoder = ModuleEncoder(module, maps.canvas, forward, device)

    @property
    def preprocess(self) -> Preprocess:
        """Turn a PIL image of any mode and shape into the model's input."""
        return self._encoder.preprocess

    def encode(self, batch: NDArray[Any]) -> Encoded:
        """Return maps of shape (batch, channels, height, width) as features."""
        flat = self._encoder.encode(batch).features
        return Encoded(flat.reshape(len(batch), *self._maps.shape))

    def locate(self, edges: Float64Array, sizes: IntArray) -> Float64Array:
        """Return where boxes lie in the maps of their images, as `Canvas.locate`."""
        return self._maps.canvas.locate(edges, sizes)


def _flat(forward: Any, module: nn.Module, inputs: Tensor) -> tuple[Tensor, None]:
    return forward(module, inputs).flatten(1), None
