"""Kinds of files that hold one item each: what they are called, and how they are decoded."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from discorank._optional import import_optional
from discorank.errors import kind_and_text
from discorank.types import Audio

__all__ = ["AUDIO", "IMAGE", "MEDIA", "Medium", "Source", "image_size"]

Source: TypeAlias = str | bytes
"""The path of a file, or what is in one."""


@dataclass(frozen=True)
class Medium:
    """A kind of file that holds one item.

    Its functions are those of this module, so that it can be sent to worker processes.

    Attributes
    ----------
    modality : {"image", "audio"}
    plural : str
        What several of its files are called.
    endings : callable
        Returns the endings of its files' names, in lower case.
    require : callable
        Imports what decoding needs, or says how to install it.
    decode : callable
        From a source to the item.
    fault : callable
        Why a source cannot be decoded; None if it can.
    """

    modality: Literal["image", "audio"]
    plural: str
    endings: Callable[[], tuple[str, ...]]
    require: Callable[[], Any]
    decode: Callable[[Source], Any]
    fault: Callable[[Source], str | None]


@functools.cache
def _image_endings() -> tuple[str, ...]:
    module = import_optional(
        "datasets.packaged_modules.imagefolder.imagefolder",
        extra="rank",
        purpose="reading images",
    )
    return tuple(module.ImageFolder.EXTENSIONS)


def _pillow() -> Any:
    return import_optional("PIL.Image", extra="rank", purpose="decoding images")


@functools.cache
def _image_feature() -> Any:
    return import_optional("datasets", extra="rank", purpose="decoding images").Image()


def _decode_image(source: Source) -> Any:
    """Decode as datasets does: upright by the EXIF orientation."""
    stored = isinstance(source, bytes)
    return _image_feature().decode_example(
        {"path": None if stored else source, "bytes": source if stored else None}
    )


def _image_fault(source: Source) -> str | None:
    """Decode the image, JPEG at an eighth of its size: Pillow does so without the interpreter."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(_openable(source)) as image:
            image.draft("L", (1, 1))
            image.load()
            ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        return "not an image, or damaged from its first bytes on"
    except Exception as error:  # noqa: BLE001 - Pillow's plugins raise whatever a file makes them
        return kind_and_text(error)
    return None


def image_size(path: str) -> tuple[int, int] | None:
    """Return width and height of an image once it is upright; None if its head is damaged."""
    orientation, turned = 0x0112, (5, 6, 7, 8)
    try:
        with _pillow().open(path) as image:
            width, height = image.size
            return (
                (height, width) if image.getexif().get(orientation) in turned else (width, height)
            )
    except Exception:  # noqa: BLE001 - as above; what is wrong is said where the file is decoded
        return None


def _sound_endings() -> tuple[str, ...]:
    """Return what libsndfile decodes and people keep recordings in."""
    return (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")


def _soundfile() -> Any:
    return import_optional("soundfile", extra="audio", purpose="decoding audio")


def _decode_sound(source: Source) -> Audio:
    """Decode one channel: the mean of all.

    The `Audio` feature of datasets would need torchcodec and, with it, FFmpeg.
    """
    samples, rate = _soundfile().read(_openable(source), dtype="float32", always_2d=True)
    channels = samples.shape[1]
    mono = samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32)
    return Audio(np.ascontiguousarray(mono), int(rate))


def _sound_fault(source: Source) -> str | None:
    try:
        audio = _decode_sound(source)
    except Exception as error:  # noqa: BLE001 - whatever libsndfile makes of a broken file
        # Its message would say the name of the file once more.
        return f"{type(error).__name__}: {getattr(error, 'error_string', error)}"
    if not audio.samples.size:
        return "no samples in it"
    return None if np.isfinite(audio.samples).all() else "samples that are no finite numbers in it"


def _openable(source: Source) -> str | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source


IMAGE = Medium("image", "images", _image_endings, _pillow, _decode_image, _image_fault)
AUDIO = Medium("audio", "audio files", _sound_endings, _soundfile, _decode_sound, _sound_fault)
MEDIA = (IMAGE, AUDIO)
