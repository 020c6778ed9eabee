"""From a PIL image to the array that a model reads."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from discorank.errors import InvalidInput
from discorank.hub._operators import Sendable
from discorank.hub.adapter import failing
from discorank.types import JSON, Float32Array

__all__ = ["Channels", "ImagePreprocessing", "ImageTransform", "Interpolation", "Layout", "to_rgb"]

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Channels = Literal["rgb", "bgr", "gray"]
Layout = Literal["nchw", "nhwc"]


def to_rgb(image: Any) -> Any:
    """Convert a PIL image of any mode to RGB.

    Sixteen-bit grey values are scaled to eight bits, where PIL would clip them. Transparency is
    dropped.

    Raises
    ------
    InvalidInput
        For 32-bit grey images (modes I and F): they do not say which value is white.
    """
    if image.mode.startswith("I;16"):
        from PIL import Image

        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in {"I", "F"}:
        raise InvalidInput(
            f"a grey image of mode {image.mode!r} does not say which value is white; "
            "store it with 8 or 16 bits"
        )
    return image.convert("RGB")


@dataclass(frozen=True)
class ImagePreprocessing:
    """Resize, crop, normalise: a checkpoint's preprocessing of an image, as data.

    Calling it turns a PIL image of any mode into a float32 array. It resizes the shorter side to
    size / `crop_pct`, cuts out the centre, and computes ``(pixel * scale - mean) / std`` from the
    pixels, which are in 0 to 255.

    Parameters
    ----------
    size : (int, int)
        Height and width that the model reads.
    crop_pct : float, default=1.0
        Share of the shorter side that the central crop keeps.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}
    mean, std : tuple of float
        One number per channel, in the order of `channels`. The defaults give values in [-1, 1].
    scale : float, default=1/255
        What pixels are multiplied by first; 1 keeps 0 to 255.
    channels : {"rgb", "bgr", "gray"}
        Order of the channels; "gray" has one.
    layout : {"nchw", "nhwc"}
        Whether the array is (channels, height, width) or (height, width, channels).
    """

    size: tuple[int, int]
    crop_pct: float = 1.0
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    scale: float = 1 / 255
    channels: Channels = "rgb"
    layout: Layout = "nchw"

    def __post_init__(self) -> None:
        n_channels = 1 if self.channels == "gray" else 3
        if not 0 < self.crop_pct <= 1:
            raise InvalidInput(f"crop_pct must be above 0 and at most 1, got {self.crop_pct}")
        for name in ("mean", "std"):
            if len(values := getattr(self, name)) != n_channels:
                raise InvalidInput(
                    f"{name} must have one number for each of the {n_channels} {self.channels} "
                    f"channels, got {values}"
                )
        if not all(value > 0 for value in self.std):
            raise InvalidInput(f"std must be above 0, got {self.std}")

    def __call__(self, image: Any) -> Float32Array:
        """Turn a PIL image into the array that the model reads."""
        from PIL import Image, ImageOps

        image = to_rgb(image)
        if self.channels == "gray":
            image = image.convert("L")
        height, width = self.size
        image = ImageOps.fit(
            image,
            (width, height),
            method=Image.Resampling[self.interpolation.upper()],
            bleed=(1 - self.crop_pct) / 2,
        )
        pixels = np.asarray(image, dtype=np.float32).reshape(height, width, -1)
        if self.channels == "bgr":
            pixels = pixels[..., ::-1]
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        array = (pixels * np.float32(self.scale) - mean) / std
        if self.layout == "nchw":
            array = array.transpose(2, 0, 1)
        return np.ascontiguousarray(array)

    def input_size(self) -> tuple[int, ...]:
        """Return (channels, height, width) of what the model reads."""
        return (len(self.mean), *self.size)

    def describe(self) -> Mapping[str, JSON]:
        """Return the preprocessing in words that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class ImageTransform:
    """Another library's preprocessing: a callable from an RGB image to an array or tensor.

    Calling it turns a PIL image of any mode into a float32 array. It can be pickled where the
    callable can, and unpickled in a process where torchvision needs help to be imported.
    """

    transform: Callable[[Any], Any]

    def __call__(self, image: Any) -> Float32Array:
        """Turn a PIL image into the array that the model reads."""
        return np.ascontiguousarray(self.transform(to_rgb(image)), dtype=np.float32)

    def __reduce__(self) -> tuple[type[ImageTransform], tuple[Callable[[Any], Any]]]:
        return ImageTransform, (Sendable(self.transform),)

    def input_size(self) -> tuple[int, ...]:
        """Return the shape of what the model reads, by transforming a blank square image.

        Raises
        ------
        ModelFailed
            If that does not work.
        """
        from PIL import Image

        with failing("its preprocessing does not turn an image into an array"):
            return self(Image.new("RGB", (256, 256))).shape

    def describe(self) -> Mapping[str, JSON]:
        """Name the callable and digest its state, all that is known of any callable.

        Raises
        ------
        ModelFailed
            If it cannot be pickled, so that worker processes could not use it.
        """
        kind = self.transform if hasattr(self.transform, "__qualname__") else type(self.transform)
        with failing("its preprocessing cannot be pickled for worker processes"):
            state = pickle.dumps(self.transform)
        return {
            "callable": f"{kind.__module__}.{kind.__qualname__}",
            "state": f"sha256:{hashlib.sha256(state).hexdigest()}",
        }
