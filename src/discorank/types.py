"""What the rooms of discorank hand to each other: frozen records and protocols, no behaviour.

The words are the field's: a *candidate* model of a *hub* turns the samples of a *target* into
*features*; a *scorer* turns a *probe* (features with the target's labels) into a *score*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias, Union, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "JSON",
    "Audio",
    "BadItem",
    "Boxes",
    "BoxesByImage",
    "Candidate",
    "ChosenPool",
    "Collating",
    "Convertible",
    "Encoded",
    "Encoder",
    "Features",
    "Float32Array",
    "Float64Array",
    "IntArray",
    "MapEncoder",
    "Modality",
    "Score",
    "Target",
    "Task",
    "Trainable",
]

Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.intp]
JSON: TypeAlias = Union[bool, int, float, str, Sequence["JSON"], Mapping[str, "JSON"], None]  # noqa: UP007 -- forward references need Union on Python 3.10
Task: TypeAlias = Literal["classification", "multilabel", "regression", "detection"]
Boxes: TypeAlias = Literal["crop", "roi"]
Modality: TypeAlias = Literal["image", "text", "audio", "features"]


@dataclass(frozen=True, eq=False)
class Score:
    """What a scorer returns. Higher is better, always.

    Attributes
    ----------
    value : float
    per_sample : ndarray of shape (n_samples,), optional
        Contributions whose mean is `value`, NaN for samples that were left out; None where the
        score is no mean over samples.
    """

    value: float
    per_sample: Float64Array | None = None

    @property
    def parts(self) -> Mapping[str, float]:
        """Named numbers that the value is made of, where it is of several; columns of a ranking."""
        return {}

    @property
    def pooled_terms(self) -> Float64Array | None:
        """What a ranking brings to one scale over its candidates and then adds.

        Of shape (n_terms, n_samples), contributions whose means are the terms; (n_terms, 1) where
        they are no means over samples. None for a score that is comparable as it is.
        """
        return None

    @property
    def spectrum(self) -> tuple[Mapping[str, float], ...]:
        """Of each spectral component, leading first, its ``ratio`` and ``ncc``, ``lr`` or both.

        Empty where the score is not made of components.
        """
        return ()


@dataclass(frozen=True, eq=False)
class Features:
    """Features of one candidate on one target, rows in the target's order.

    Attributes
    ----------
    features : ndarray of shape (n_samples, n_features), float32
        Ready-made ones may be float64: what varies little around a large mean is lost in float32.
    source_logits : ndarray of shape (n_samples, n_source_classes), float32, optional
        Ready-made ones may be float64.
    seconds : float
        Wall-clock time of the extraction that made them; NaN if they were ready-made.
    """

    features: FloatArray
    source_logits: FloatArray | None = None
    seconds: float = float("nan")


@dataclass(frozen=True, eq=False)
class ReadyMade(Features):
    """Features that were made elsewhere, of all rows of the full target.

    Attributes
    ----------
    truths : mapping of str to ndarray of shape (n_samples, ...)
        What was kept beside them of ``labels`` and ``targets``, to check the order of the rows by.
    """

    truths: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder returns for one batch.

    Attributes
    ----------
    features : ndarray of shape (batch, n_features), float32
    source_logits : ndarray of shape (batch, n_source_classes), float32, optional
    """

    features: Float32Array
    source_logits: Float32Array | None = None


@runtime_checkable
class Encoder(Protocol):
    """A loaded model, ready to turn items into features.

    `preprocess` is the checkpoint's own preprocessing of one item (for images: a PIL image in any
    mode) into one float32 array; worker processes call it, so it must be picklable. `encode` takes
    a stack of those, of shape (batch, ...), and runs the model on its device. Where arrays of
    different shapes cannot be stacked, the encoder is a `Collating` one.
    """

    @property
    def preprocess(self) -> Callable[[Any], Float32Array]:
        """Turn one item into the model's input."""
        ...

    def encode(self, batch: Any) -> Encoded:
        """Run the model on a stack of inputs."""
        ...


@runtime_checkable
class Collating(Encoder, Protocol):
    """An encoder whose inputs differ in shape, such as tokens, and who makes the batch of them.

    Its `preprocess` may return an array of any type. Any slice of a batch is a batch.
    """

    @property
    def collate(self) -> Callable[[Sequence[NDArray[Any]]], NDArray[Any]]:
        """Put preprocessed items into one array, the first axis of which counts them.

        Worker processes call it, so it must be picklable.
        """
        ...


@runtime_checkable
class MapEncoder(Encoder, Protocol):
    """An encoder that reads whole images, and from whose maps features of boxes are pooled.

    Its `encode` returns features of shape (batch, channels, height, width).
    """

    def locate(self, edges: Float64Array, sizes: IntArray) -> Float64Array:
        """Return where boxes lie in the maps of their images.

        Parameters
        ----------
        edges : ndarray of shape (n_boxes, 4)
            Left, upper, right and lower edge in pixels of the image.
        sizes : ndarray of shape (n_boxes, 2)
            Width and height of the image of each box, in pixels.

        Returns
        -------
        located : ndarray of shape (n_boxes, 4)
            The same edges as shares of the width and height of the map.
        """
        ...


@dataclass(frozen=True, eq=False)
class BoxesByImage:
    """The rows of a target of boxes, image by image: what its items return as `by_image()`.

    Attributes
    ----------
    images : sequence
        ``images[i]`` is a decoded image; picklable, as the items of a target.
    sizes : ndarray of shape (n_images, 2)
        Width and height of each image in pixels.
    rows : tuple of ndarray
        For each image the positions of its boxes among the rows of the target.
    edges : ndarray of shape (n_boxes, 4)
        Left, upper, right and lower edge in pixels of the box of each row.
    """

    images: Sequence[Any] = field(repr=False)
    sizes: IntArray = field(repr=False)
    rows: tuple[IntArray, ...] = field(repr=False)
    edges: Float64Array = field(repr=False)


@runtime_checkable
class Trainable(Encoder, Protocol):
    """An encoder whose model can be fine-tuned: a torch module and its features, with gradients.

    A deep copy is a model of its own.
    """

    @property
    def module(self) -> Any:
        """The torch module whose weights are trained."""
        ...

    def features(self, batch: Any) -> Any:
        """Return features of shape (batch, n_features), a tensor that gradients flow through.

        `batch` is what `encode` takes, or the same as a tensor on the device of the module.
        """
        ...


@runtime_checkable
class Convertible(Encoder, Protocol):
    """An encoder that gives no gradients, of a model that can be had as one that does."""

    def trainable(self, device: str) -> Trainable:
        """Return the same model, with the same features to rounding, as a `Trainable` one."""
        ...


@dataclass(frozen=True, eq=False)
class Audio:
    """One recording.

    Attributes
    ----------
    samples : ndarray of shape (n_samples,), float32
        One channel.
    rate : int
        Samples per second.
    """

    samples: Float32Array
    rate: int


@dataclass(frozen=True)
class Candidate:
    """A candidate model: what is known of it before a weight is loaded, and how to load it.

    Attributes
    ----------
    name : str
        The resolved spec, ``"timm:resnet50.a1_in1k"``: which model this is. Unique in a ranking and
        part of the feature key.
    source : str
        The scheme of the spec: ``"timm"``, ``"torchvision"``, ``"onnx"``, ``"python"``, ...
    parameters : int, optional
        Number of parameters, classifier included; None if unknown (ready-made features).
    input_size : tuple of int, optional
        (channels, height, width) of the images that the checkpoint wants; (tokens,) that a model
        of texts reads at most; None if unknown, and for recordings.
    preprocessing : mapping
        The checkpoint's preprocessing in words that JSON can hold; part of the feature key.
    weights : str
        Identifies the weights: ``"sha256:…"``, ``"revision:…"`` or ``"random:SEED"``.
    layer : str
        What is taken as features: the layer and its pooling.
    modality : {"image", "text", "audio", "features"}
        What the candidate reads.
    load : callable
        ``load(device)`` returns an `Encoder` on that torch device string (``"cpu"``, ``"cuda:0"``),
        or, for ready-made features, the `ReadyMade` ones of all rows of the full target.
    alias : str, optional
        A short name that the user gave (``?name=resnet``); only for display.
    source_accuracy : float, optional
        Published accuracy on the task that the weights were trained for, in percent.
    licence : str, optional
        Under which the weights are published, where the library knows it.
    weights_here : bool, default=True
        Whether loading it needs no download.
    on_maps : bool
        Whether it reads whole images, and features of boxes are pooled from its maps: whether it
        loads as a `MapEncoder`.
    """

    name: str
    source: str
    parameters: int | None
    input_size: tuple[int, ...] | None
    preprocessing: Mapping[str, JSON]
    weights: str
    layer: str
    modality: Modality
    load: Callable[[str], Encoder | Features] = field(repr=False, compare=False)
    alias: str | None = None
    source_accuracy: float | None = None
    licence: str | None = None
    weights_here: bool = field(default=True, compare=False)
    on_maps: bool = False

    @property
    def label(self) -> str:
        """What tables call the candidate: the alias if there is one, else the name."""
        return self.alias or self.name


@dataclass(frozen=True)
class ChosenPool:
    """The pool that is ranked where no models were named: its spec, and why this one."""

    name: str
    reason: str


@dataclass(frozen=True)
class BadItem:
    """An item of a target that could not be read: its name and the reason."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Target:
    """A labelled data set, or a selection of its rows.

    Attributes
    ----------
    name : str
    task : {"classification", "multilabel", "regression", "detection"}
    modality : {"image", "text", "audio", "features"}
    items : sequence
        ``items[i]`` is the decoded item of selected row i: for images a PIL image, for texts a
        str or, for pairs of texts, a tuple of two, for audio an `Audio`. Decoding happens on
        access, in worker processes, so the sequence must be picklable. Empty for modality
        "features": such targets only carry labels.
    labels : ndarray of shape (n_samples,), or (n_samples, n_labels) for "multilabel", optional
        Class ids into `classes`; for several labels per sample 1 where it has the label. None for
        "regression".
    classes : tuple of str
        Empty for "regression".
    sample_ids : tuple of str
        One name per selected row.
    fingerprint : str
        Digest of the content of the full data set, before any selection.
    rows : ndarray of shape (n_samples,)
        Rows of the full data set that are selected, increasing.
    n_total : int
        Rows of the full data set.
    bad : tuple of BadItem
        Items of the data set that could not be read; they are in no row.
    split : str, optional
        The split that the rows are from, ``"train"``; None where the data set has no splits.
    targets : ndarray of shape (n_samples, n_targets), optional
        Targets of "regression"; for "detection" the box of each sample, (cx, cy, w, h), each
        divided by the size of the image.
    """

    name: str
    task: Task
    modality: Modality
    items: Sequence[Any] = field(repr=False)
    labels: IntArray | None = field(repr=False)
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...] = field(repr=False)
    fingerprint: str
    rows: IntArray = field(repr=False)
    n_total: int
    bad: tuple[BadItem, ...] = ()
    split: str | None = None
    targets: Float64Array | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: IntArray) -> Target:
        """Return the target of some of the selected rows, at increasing positions."""
        items = self.items
        return replace(
            self,
            items=items.take(positions) if hasattr(items, "take") else items,
            labels=None if self.labels is None else self.labels[positions],
            targets=None if self.targets is None else self.targets[positions],
            sample_ids=tuple(self.sample_ids[position] for position in positions.tolist()),
            rows=self.rows[positions],
        )

    @property
    def n_outputs(self) -> int:
        """Outputs that the head of a fine-tuned model has: classes, labels, or else targets."""
        return len(self.classes) or (0 if self.targets is None else self.targets.shape[1])

    @property
    def class_counts(self) -> Mapping[str, int]:
        """Selected samples of each class, or of each label; empty where there are no classes."""
        if self.labels is None:
            return {}
        if self.labels.ndim > 1:
            counts = self.labels.sum(axis=0)
        else:
            counts = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    @property
    def strata(self) -> IntArray:
        """Class of each sample, of which a sample keeps the shares; one class if there is none."""
        if self.labels is None or self.labels.ndim > 1:
            return np.zeros(len(self), np.intp)
        return self.labels
