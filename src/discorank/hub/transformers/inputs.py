"""How images, texts and recordings enter a model of transformers, and what runs it on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import Tensor, nn
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer

from discorank.hub import modules
from discorank.hub._operators import Sendable
from discorank.hub.adapter import failing
from discorank.hub.images import ImageTransform
from discorank.hub.transformers.model import Kind, Model
from discorank.hub.transformers.reading import Reading
from discorank.types import JSON, Audio, Encoder, Float32Array

__all__ = ["INPUTS", "Inputs"]

# No tensor of a tokenizer or of a feature extractor holds these.
_NO_TOKEN = -1
_NO_SAMPLE = float("nan")
# Texts longer than this are cut where neither the tokenizer nor the model says how much it reads.
_LENGTH = 512


# --- images ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pixels:
    """An image processor as a callable that can be pickled."""

    processor: Any

    def __call__(self, image: Any) -> Any:
        return self.processor(image, return_tensors="np")["pixel_values"][0]


class Images:
    """How images enter a model: by its own image processor."""

    def __init__(self, model: Model) -> None:
        self._model = model
        with failing("its image processor could not be read"):
            # Of the two implementations the one that every installation has; they differ by a
            # rounded pixel value here and there.
            self._processor: Any = AutoImageProcessor.from_pretrained(
                model.checkpoint.folder, backend="pil", trust_remote_code=False
            )
        self._transform = ImageTransform(_Pixels(self._processor))

    def input_size(self) -> tuple[int, ...]:
        """Return (channels, height, width)."""
        return self._transform.input_size()

    def describe(self) -> dict[str, JSON]:
        """Return the settings of the processor."""
        return _settings(self._processor)

    def encoder(self, module: nn.Module, reading: Reading, device: str) -> Encoder:
        """Return the loaded model with its preprocessing."""
        forward: modules.Forward
        if not self._model.is_classifier:
            forward = partial(_features_of_images, reading)
        elif reading.pooling is None:
            module = _Logits(module)
            forward = modules.Classifier(str(modules.find_classifier(module, nn.Linear)))
        else:
            forward = partial(_features_beside_logits, reading)
        return modules.ModuleEncoder(module, self._transform, forward, device)


class _Logits(nn.Module):
    """An image classifier that returns its logits alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixel_values=pixels).logits
        return logits


def _features_of_images(
    reading: Reading, module: nn.Module, pixels: Tensor
) -> tuple[Tensor, Tensor | None]:
    return run(module, reading, None, pixel_values=pixels), None


def _features_beside_logits(
    reading: Reading, module: nn.Module, pixels: Tensor
) -> tuple[Tensor, Tensor | None]:
    trunk = cast("nn.Module", module.base_model)
    returned: list[Any] = []
    with trunk.register_forward_hook(lambda _, __, output: returned.append(output)):
        whole = module(pixel_values=pixels, output_hidden_states=reading.layer != "last")
    return reading.take(returned[-1], None), whole.logits


# --- texts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tokens:
    """A tokenizer as a callable that can be pickled: a text, or a pair, to rows of token ids."""

    tokenizer: Any
    length: int
    names: tuple[str, ...]

    def __call__(self, text: str | tuple[str, str]) -> NDArray[np.int64]:
        pair = (text,) if isinstance(text, str) else text
        tokens = self.tokenizer(*pair, truncation=True, max_length=self.length)
        rows = np.array([tokens[name] for name in self.names], dtype=np.int64)
        if rows.shape[1]:
            return rows
        # An empty text, of a tokenizer that adds no tokens of its own.
        filler = np.zeros((len(self.names), 1), dtype=np.int64)
        filler[0] = _padding_token(self.tokenizer)
        return filler


class Texts:
    """How texts enter a model: as the ids of its own tokenizer."""

    def __init__(self, model: Model) -> None:
        with failing("its tokenizer could not be read"):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                model.checkpoint.folder, trust_remote_code=False
            )
        known = (self._tokenizer.model_max_length, _positions(model.config))
        # A tokenizer that does not know says 1e30.
        said = [length for length in known if length is not None and 0 < length < 1_000_000]
        names = tuple(n for n in self._tokenizer.model_input_names if n != "attention_mask")
        self._tokens = _Tokens(self._tokenizer, min(said, default=_LENGTH), names)

    def input_size(self) -> tuple[int, ...]:
        """Return the number of tokens that are read at most."""
        return (self._tokens.length,)

    def describe(self) -> dict[str, JSON]:
        """Return the kind of tokenizer and where texts are cut."""
        return {
            "tokenizer": type(self._tokenizer).__name__,
            "vocabulary": len(self._tokenizer),
            "max_length": self._tokens.length,
            "inputs": list(self._tokens.names),
        }

    def encoder(self, module: nn.Module, reading: Reading, device: str) -> Encoder:
        """Return the loaded model with its preprocessing."""
        filler = _padding_token(self._tokenizer)
        forward = partial(_features_of_texts, reading, self._tokens.names, filler)
        return modules.PaddingEncoder(
            module, Sendable(self._tokens), forward, device, modules.Pad(_NO_TOKEN)
        )


def _positions(config: Any) -> int | None:
    """Return how many tokens a model has positions for."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return None
    # Models derived from RoBERTa count positions from behind the padding token.
    offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return int(positions) - offset


def _padding_token(tokenizer: Any) -> int:
    """Return a token for places that are masked."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return int(next(token for token in known if token is not None))


def _features_of_texts(
    reading: Reading, names: tuple[str, ...], filler: int, module: nn.Module, tokens: Tensor
) -> tuple[Tensor, Tensor | None]:
    mask = tokens[:, 0] != _NO_TOKEN
    longest = int(mask.sum(1).max())
    mask, tokens = mask[:, :longest], tokens[:, :, :longest]
    inputs = dict(zip(names, tokens.clamp(min=0).unbind(1), strict=True))
    inputs[names[0]] = inputs[names[0]].masked_fill(~mask, filler)
    return run(module, reading, mask, attention_mask=mask.long(), **inputs), None


# --- recordings -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sound:
    """A feature extractor as a callable that can be pickled: a recording to what a model reads."""

    extractor: Any
    name: str

    def __call__(self, audio: Audio) -> Float32Array:
        rate = int(self.extractor.sampling_rate)
        samples = audio.samples
        if audio.rate != rate:
            divisor = np.gcd(audio.rate, rate)
            samples = resample_poly(samples, rate // divisor, audio.rate // divisor)
        inputs = self.extractor(samples, sampling_rate=rate, return_tensors="np")
        values: Float32Array = inputs[self.name][0].astype(np.float32)
        return values


class Recordings:
    """How recordings enter a model: by its own feature extractor, at its sampling rate."""

    def __init__(self, model: Model) -> None:
        with failing("its feature extractor could not be read"):
            self._extractor: Any = AutoFeatureExtractor.from_pretrained(
                model.checkpoint.folder, trust_remote_code=False
            )
        self._sound = _Sound(self._extractor, self._extractor.model_input_names[0])

    def input_size(self) -> tuple[int, ...] | None:
        """Return nothing: a recording is as long as it is."""
        return None

    def describe(self) -> dict[str, JSON]:
        """Return the settings of the extractor."""
        return _settings(self._extractor)

    def encoder(self, module: nn.Module, reading: Reading, device: str) -> Encoder:
        """Return the loaded model with its preprocessing."""
        forward = partial(_features_of_sounds, reading, self._sound.name)
        return modules.PaddingEncoder(
            module, Sendable(self._sound), forward, device, modules.Pad(_NO_SAMPLE)
        )


def _features_of_sounds(
    reading: Reading, name: str, module: nn.Module, sounds: Tensor
) -> tuple[Tensor, Tensor | None]:
    rows_of: dict[tuple[int, ...], list[int]] = {}
    for row, present in enumerate(~sounds.isnan()):
        rows_of.setdefault(_extent(present), []).append(row)
    taken = [
        run(module, reading, None, **{name: sounds[rows][_up_to(shape)]})
        for shape, rows in rows_of.items()
    ]
    order = torch.tensor([row for rows in rows_of.values() for row in rows])
    return torch.cat(taken)[order.argsort()], None


def _up_to(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the index of what is in this shape, in all rows."""
    return slice(None), *(slice(length) for length in shape)


def _extent(present: Tensor) -> tuple[int, ...]:
    """Return how far along each axis there is anything."""
    return tuple(
        int(present.movedim(axis, 0).reshape(length, -1).any(1).sum())
        for axis, length in enumerate(present.shape)
    )


# --- all ------------------------------------------------------------------------------------------


def _settings(processor: Any) -> dict[str, JSON]:
    """Return what a processor says of itself, and which implementation it is."""
    settings: dict[str, JSON] = json.loads(processor.to_json_string())
    return {**settings, "implementation": type(processor).__name__}


def run(module: nn.Module, reading: Reading, mask: Tensor | None, **inputs: Tensor) -> Tensor:
    """Run a model that has no classifier and return its features."""
    return reading.take(module(**inputs, output_hidden_states=reading.layer != "last"), mask)


Inputs: TypeAlias = Images | Texts | Recordings
INPUTS: Mapping[Kind, type[Inputs]] = {
    "image": Images,
    "text": Texts,
    "audio": Recordings,
}
