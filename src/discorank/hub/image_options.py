"""Options that say how images are prepared for a file that does not.

===================  ============================================================================
``size=N``           Height and width of the input (``size=H,W`` if they differ): the model's own
                     if it fixes them, else 224.
``layout``           ``nchw`` or ``nhwc``: told from which axis of the input has 1 or 3 channels.
``channels``         ``rgb``, ``bgr`` or ``gray``: ``rgb``, or ``gray`` for one channel.
``mean``, ``std``    One number per channel: ImageNet's, or 0 and 1 for one channel.
``scale=X``          What pixels in 0 to 255 are multiplied by before: 1/255.
``crop_pct=X``       Share of the shorter side that the central crop keeps: 0.875.
``interpolation``    ``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``: ``bilinear``.
===================  ============================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from discorank.errors import InvalidInput
from discorank.hub.images import Channels, ImagePreprocessing, Interpolation, Layout
from discorank.hub.spec import Spec

__all__ = ["IMAGE_OPTIONS", "preprocessing_of"]

IMAGE_OPTIONS = frozenset(
    {"channels", "crop_pct", "interpolation", "layout", "mean", "scale", "size", "std"}
)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def preprocessing_of(spec: Spec, shape: Sequence[int | None]) -> ImagePreprocessing:
    """Read the preprocessing from the options, and what they leave open from the input's shape.

    Parameters
    ----------
    spec : Spec
    shape : sequence of int or None
        The four axes of the model's input; None where it takes any number.

    Raises
    ------
    InvalidInput
        If an option is wrong, or the layout of the input cannot be told.
    """
    layout = spec.choice("layout", get_args(Layout)) or _layout(spec, shape)
    n_channels, *fixed = (shape[1], *shape[2:]) if layout == "nchw" else (shape[3], *shape[1:3])
    default: Channels = "gray" if n_channels == 1 else "rgb"
    channels: Channels = spec.choice("channels", get_args(Channels)) or default
    mean, std = ((0.0,), (1.0,)) if channels == "gray" else _IMAGENET
    order = -1 if channels == "bgr" else 1
    size = spec.numbers("size")
    if size is not None and (len(size) > 2 or not all(n.is_integer() and n > 0 for n in size)):
        raise spec.invalid("size", spec.get("size") or "", "one or two whole numbers, height first")
    height, width = (int(size[0]), int(size[-1])) if size else (fixed[0] or 224, fixed[1] or 224)
    return ImagePreprocessing(
        size=(height, width),
        crop_pct=_number(spec, "crop_pct", 0.875),
        interpolation=spec.choice("interpolation", get_args(Interpolation)) or "bilinear",
        mean=spec.numbers("mean") or mean[::order],
        std=spec.numbers("std") or std[::order],
        scale=_number(spec, "scale", 1 / 255),
        channels=channels,
        layout=layout,
    )


def _layout(spec: Spec, shape: Sequence[int | None]) -> Layout:
    first, last = (shape[axis] in {1, 3} for axis in (1, 3))
    if first == last:
        raise InvalidInput(
            f"{str(spec)!r}: an input of shape {list(shape)} does not say where its channels are; "
            "add layout=nchw or layout=nhwc"
        )
    return "nchw" if first else "nhwc"


def _number(spec: Spec, key: str, default: float) -> float:
    numbers = spec.numbers(key) or (default,)
    if len(numbers) > 1:
        raise spec.invalid(key, spec.get(key) or "", "one number")
    return numbers[0]
