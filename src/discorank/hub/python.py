"""``python:package.module:factory``: models that are made by a function.

``factory()`` returns a torch module and its preprocessing: a callable that can be pickled and turns
an RGB PIL image into an array or tensor. `discorank.hub.ImagePreprocessing` is one.

So that a model is described before its weights are loaded, let the factory take ``pretrained`` (it
is called with ``pretrained=False`` first, on torch's meta device, where weights take no memory) and
have an attribute ``weights``: the path of the file that it loads, or a callable that returns it.
``pretrained`` also allows a random control, ``?pretrained=false&seed=N``. A factory that lacks one
of the two is called in full to describe its model, and its weights are identified by their values.
A factory of a text model returns a `discorank.hub.TextEmbedder` instead, which says how it is
loaded, and has an attribute ``weights``.

The identity of a model also covers the source file of its factory; a change elsewhere in its code
is not seen.

Features are what enters the last linear layer, and source logits what the module returns; a module
without linear layers gives its output, averaged over space or tokens. ``?layer=NAME`` takes what a
layer returns instead, and ``?layer=output`` what the module returns.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from torch import nn

from discorank.errors import InvalidInput, ModelFailed, UnknownName
from discorank.hub import modules
from discorank.hub._operators import with_operators
from discorank.hub.adapter import existing_file, failing, no_map
from discorank.hub.images import ImagePreprocessing, ImageTransform
from discorank.hub.maps import Canvas, LastMap, Maps, last_map
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.texts import PAIRS, TextEmbedder, TextEncoder
from discorank.hub.weights import WeightsChoice, sha256
from discorank.types import Candidate, Encoder

__all__ = ["resolve", "resolve_maps"]

Preprocessing: TypeAlias = ImagePreprocessing | ImageTransform


def resolve(spec: Spec) -> Candidate:
    """Describe the model that a factory makes.

    Raises
    ------
    UnknownName
        If there is no such module, factory or layer.
    InvalidInput
        If an option is wrong, or a random control is wanted of a factory without ``pretrained``.
    ModelFailed
        If the factory does not do what it must.
    """
    described = _described(spec)
    if isinstance(described, TextEmbedder):
        return _text_candidate(spec, _find(spec.name), described)
    forward, layer = _forward(spec, described.module)
    preprocessing = described.preprocessing
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=modules.count_parameters(described.module),
        input_size=preprocessing.input_size(),
        preprocessing=preprocessing.describe(),
        weights=described.weights,
        layer=layer,
        modality="image",
        load=partial(_load, described.source, forward),
    )


def resolve_maps(spec: Spec) -> Candidate:
    """Describe the feature maps of the network that a factory makes, before its classifier.

    Raises
    ------
    ModelFailed
        If it has none, or its preprocessing is no `ImagePreprocessing`, which says what it shows.
    """
    described = _described(spec)
    if isinstance(described, TextEmbedder):
        raise no_map("it reads texts")
    preprocessing, module = described.preprocessing, described.module
    if not isinstance(preprocessing, ImagePreprocessing) or preprocessing.layout != "nchw":
        raise no_map("its preprocessing is no ImagePreprocessing with channels first")
    layer = spec.get("layer")
    if layer in (None, "output"):
        classifier = modules.find_classifier(module, nn.Linear)
        found = last_map(module, preprocessing.input_size(), before=classifier)
    else:
        found = LastMap(str(layer))
    canvas = Canvas(preprocessing, preprocessing.size, preprocessing.crop_pct)
    maps = Maps.of(module, canvas, found)
    return maps.of_candidate(resolve(spec), f"output of {found.layer}", described.source.module)


@dataclass(frozen=True)
class _Source:
    """Where the weights of a network come from.

    Attributes
    ----------
    factory : _Factory
    chosen : WeightsChoice
    values : str, optional
        Digest of the weights, where only they say which ones these are.
    """

    factory: _Factory
    chosen: WeightsChoice
    values: str | None

    def make(self) -> tuple[nn.Module, Preprocessing]:
        """Build the network with its weights."""
        with modules.building(self.chosen.seed or 0):
            made = self.factory.make(pretrained=self.chosen.seed is None)
            module, preprocessing = self.factory.module(made)
        if self.values is not None and modules.state_sha256(module) != self.values:
            raise ModelFailed(
                "the factory makes other weights each time; it must make the same ones"
            )
        return module, preprocessing

    def module(self) -> nn.Module:
        """Build the network with its weights, without its preprocessing."""
        return self.make()[0]


@dataclass(frozen=True)
class _Described:
    """A network, with its weights or without, and what is known of them."""

    module: nn.Module
    preprocessing: Preprocessing
    weights: str
    source: _Source


def _described(spec: Spec) -> _Described | TextEmbedder:
    """Find a factory and call it, for a network without weights if it can be asked for one."""
    spec.require_known({"layer", "pretrained", "seed"})
    chosen = WeightsChoice.of(spec)
    factory = _find(spec.name)
    if chosen.seed is not None and not factory.takes_pretrained:
        raise InvalidInput(
            f"{str(spec)!r}: pretrained=false needs a factory with a parameter 'pretrained'"
        )
    values = None
    if chosen.published and (factory.weights is None or not factory.takes_pretrained):
        with modules.building(0):
            made = factory.make(pretrained=True)
        if isinstance(made, TextEmbedder):
            return made
        module, preprocessing = made
        values = modules.state_sha256(module)
    else:
        module, preprocessing = factory.module(
            modules.weightless(partial(factory.make, pretrained=False))
        )
    weights = chosen.identify(lambda: values or sha256(filter(None, [factory.weights])))
    source = _Source(factory, chosen, values)
    return _Described(module, preprocessing, weights + factory.code, source)


def _text_candidate(spec: Spec, factory: _Factory, embedder: TextEmbedder) -> Candidate:
    spec.require_known(())
    if factory.weights is None:
        raise ModelFailed(
            "the factory of a text model needs an attribute 'weights', the path of the file that "
            "it loads, or a callable that returns it"
        )
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=embedder.parameters,
        input_size=None,
        preprocessing=embedder.preprocessing,
        weights=sha256([factory.weights]) + factory.code,
        layer=f"text embedding; {PAIRS}",
        modality="text",
        load=partial(_load_text, embedder),
    )


def _load_text(embedder: TextEmbedder, device: str) -> Encoder:  # noqa: ARG001 -- the library's own
    with failing("the model could not be loaded"), modules.building(0):
        return TextEncoder(embedder.load())


@dataclass(frozen=True)
class _Factory:
    """A factory, and what is known of it before it is called.

    Attributes
    ----------
    function : callable
    takes_pretrained : bool
        Whether it has a parameter ``pretrained``.
    weights : Path, optional
        The file it loads its weights from, if it says so.
    code : str
        Identifies the file that it is written in.
    """

    function: Callable[..., Any]
    takes_pretrained: bool
    weights: Path | None
    code: str

    def make(self, *, pretrained: bool) -> tuple[nn.Module, Preprocessing] | TextEmbedder:
        """Call the factory and check what it returns."""
        with failing("the factory failed"):
            options = {"pretrained": pretrained} if self.takes_pretrained else {}
            made = with_operators(lambda: self.function(**options))
        match made:
            case (nn.Module() as module, ImagePreprocessing() as preprocessing):
                return module, preprocessing
            case (nn.Module() as module, transform) if callable(transform):
                return module, ImageTransform(transform)
            case TextEmbedder():
                return made
        kinds = [type(part).__name__ for part in (made if isinstance(made, tuple) else (made,))]
        got = f"({', '.join(kinds)})" if isinstance(made, tuple) else kinds[0]
        raise ModelFailed(f"the factory must return (torch module, preprocessing), got {got}")

    def module(
        self, made: tuple[nn.Module, Preprocessing] | TextEmbedder
    ) -> tuple[nn.Module, Preprocessing]:
        """Return what was made, where it must be a torch module."""
        if isinstance(made, TextEmbedder):
            raise ModelFailed("a factory of a TextEmbedder must not take 'pretrained'")
        return made


def _find(name: str) -> _Factory:
    """Import a factory by ``package.module:factory``."""
    module_name, _, attribute = name.partition(":")
    with failing(f"{module_name!r} could not be imported"), modules.building(0):
        try:
            module = with_operators(lambda: importlib.import_module(module_name))
        except ModuleNotFoundError as error:
            if not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise UnknownName(
                f"there is no module {error.name!r} to import; is its folder in PYTHONPATH?"
            ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value)]
        raise UnknownName(
            f"{module_name} has no factory {attribute!r}{did_you_mean(attribute, known)}"
        )
    takes_pretrained = "pretrained" in inspect.signature(function).parameters
    with failing("the path of the factory's weights could not be had"):
        weights = getattr(function, "weights", None)
        path = weights() if callable(weights) else weights
    return _Factory(
        function=function,
        takes_pretrained=takes_pretrained,
        weights=existing_file(path) if path is not None else None,
        code=f" code:{sha256([Path(module.__file__)])[7:23]}" if module.__file__ else "",
    )


def _forward(spec: Spec, module: nn.Module) -> tuple[modules.Forward, str]:
    """Choose what is taken as features, and say what it is."""
    layer = spec.get("layer")
    classifier = modules.find_classifier(module, nn.Linear)
    if layer is None and classifier is not None:
        return modules.Classifier(classifier), f"input of {classifier}"
    names = dict(module.named_modules())
    if layer is None or (layer == "output" and layer not in names):
        return modules.Layer(""), "output"
    if layer not in names:
        raise UnknownName(f"the model has no layer {layer!r}{did_you_mean(layer, names)}")
    return modules.Layer(layer), f"output of {layer}"


def _load(source: _Source, forward: modules.Forward, device: str) -> Encoder:
    module, preprocessing = source.make()
    return modules.ModuleEncoder(module, preprocessing, forward, device)
