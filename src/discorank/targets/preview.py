"""Items made small enough to look at in a report."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from discorank._optional import import_optional
from discorank.types import JSON, Audio

__all__ = ["preview"]

# Pixels of the longer side, characters of a text, bars of a recording.
_PIXELS, _CHARACTERS, _BARS = 96, 400, 64
# Images up to this size are drawn enlarged, pixel by pixel, and must not be smeared.
_TINY = 48


def preview(item: Any) -> Mapping[str, JSON] | None:
    """Return an item of a target in a form that JSON can hold.

    Parameters
    ----------
    item : PIL image, str, tuple of two str, or Audio

    Returns
    -------
    preview : mapping, optional
        ``{"image": "data:image/…", "width": int, "height": int}`` with a longer side of 96 pixels
        at most, ``{"text": str}`` of 400 characters at most, or ``{"audio": list of 64 loudness
        values in [0, 1], "seconds": float}``; None for anything else.
    """
    if isinstance(item, str):
        return {"text": _short(item)}
    if isinstance(item, tuple):
        return {"text": "\n".join(_short(text) for text in item)}
    if isinstance(item, Audio):
        return _recording(item)
    if hasattr(item, "getbands"):
        return _image(item)
    return None


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


def _recording(audio: Audio) -> Mapping[str, JSON]:
    parts = np.array_split(np.abs(audio.samples), min(_BARS, len(audio.samples)))
    loud = np.array([part.max() for part in parts])
    scaled = loud / max(float(loud.max()), 1e-9)
    return {
        "audio": [round(value, 3) for value in scaled.tolist()],
        "seconds": round(len(audio.samples) / audio.rate, 2),
    }


def _image(image: Any) -> Mapping[str, JSON]:
    small = _as_rgb(image)
    small.thumbnail((_PIXELS, _PIXELS))
    kind, options = ("png", {}) if max(small.size) <= _TINY else ("jpeg", {"quality": 80})
    buffer = io.BytesIO()
    small.save(buffer, kind, **options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {
        "image": f"data:image/{kind};base64,{data}",
        "width": small.width,
        "height": small.height,
    }


def _as_rgb(image: Any) -> Any:
    """Return a copy in RGB: on white where it is transparent, a deep range stretched."""
    pillow = import_optional("PIL.Image", extra="rank", purpose="a preview of images")
    if image.mode in ("F", "I") or image.mode.startswith("I;"):
        values = np.asarray(image, np.float64)
        span = float(np.ptp(values)) or 1.0
        image = pillow.fromarray((255 * (values - values.min()) / span).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = pillow.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    return image.convert("RGB")
