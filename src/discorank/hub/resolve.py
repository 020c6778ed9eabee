"""From what a user writes to candidates: pools, schemes, suggestions."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast, get_args

from discorank._optional import import_optional
from discorank.errors import InvalidInput, MissingExtra, ModelFailed, UnknownName
from discorank.hub._operators import with_operators
from discorank.hub.adapter import Adapter, Catalogue, MapAdapter, failing, no_map
from discorank.hub.pools import folder_of, pool_names, read_pool
from discorank.hub.query import Query
from discorank.hub.spec import BOXES, Spec, did_you_mean
from discorank.types import Boxes, Candidate

__all__ = ["catalogue", "expand", "extra_of", "is_installed", "label_of", "resolve", "schemes"]


@dataclass(frozen=True)
class _Scheme:
    """Where a scheme's adapter is, the extra that brings what it imports, and that library."""

    module: str
    extra: str
    library: str


_SCHEMES: Mapping[str, _Scheme] = {
    "timm": _Scheme("discorank.hub.timm", "timm", "timm"),
    "torchvision": _Scheme("discorank.hub.torchvision", "torchvision", "torchvision"),
    "transformers": _Scheme("discorank.hub.transformers", "transformers", "transformers"),
    "sentence-transformers": _Scheme(
        "discorank.hub.sentence_transformers", "sentence-transformers", "sentence_transformers"
    ),
    "open_clip": _Scheme("discorank.hub.open_clip", "open-clip", "open_clip"),
    "onnx": _Scheme("discorank.hub.onnx", "onnx", "onnxruntime"),
    "keras": _Scheme("discorank.hub.keras", "keras", "keras"),
    "python": _Scheme("discorank.hub.python", "rank", "torch"),
    "features": _Scheme("discorank.hub.features", "rank", "safetensors"),
}
_CATALOGUES = ("timm", "torchvision")
_SEARCHED = ("timm",)
_SUFFIXES = {".onnx": "onnx", ".npz": "features", ".keras": "keras", ".h5": "keras"}


def expand(specs: Sequence[str], *, boxes: Boxes | None = None) -> list[str]:
    """Replace pools, queries and ``layer=all`` by models, and write each spec in canonical form.

    No model's library is imported but for queries, for layers, and to explain a wrong name.

    Parameters
    ----------
    specs : sequence of str
        What the user asked for, ``"timm:resnet50"``, ``"pool:offline"``, ``"pool:mine.yaml"``,
        ``"timm[params<30M]"``, ...
    boxes : {"crop", "roi"}, optional
        How features of boxes are made by the models whose spec does not say it.

    Returns
    -------
    specs : list of str
        Each model once, in the order of first mention.

    Raises
    ------
    InvalidInput
        If there is no spec, one is malformed, two models are given the same name, or one model is
        given two.
    UnknownName
        If a scheme or a pool does not exist, or a name has no scheme; the message suggests some.
    """
    if isinstance(specs, str) or not specs:
        raise InvalidInput(f"models must be a list of at least one spec, got {specs!r}")
    models: dict[Spec, Spec] = {}
    labels: dict[str, Spec] = {}
    for spec in (_with(boxes, spec) for text in specs for spec in _models(text)):
        same = models.setdefault(spec, spec)
        if spec.alias not in (None, same.alias) and same.alias is not None:
            raise InvalidInput(f"{str(same)!r} and {str(spec)!r} are the same model")
    for spec in models:
        other = labels.setdefault(spec.label, spec)
        if other is not spec:
            raise InvalidInput(f"{str(other)!r} and {str(spec)!r} have the same name")
    return [str(spec) for spec in models]


def resolve(spec: str) -> Candidate:
    """Describe the candidate model of a spec before any of its weights are loaded.

    Parameters
    ----------
    spec : str
        One that `expand` returned.

    Returns
    -------
    candidate : Candidate

    Raises
    ------
    InvalidInput, UnknownName
        If the user wrote something that does not exist or cannot be.
    MissingExtra
        If the model's family needs a package that is not installed.
    ModelFailed
        If this model cannot be had: a file is missing or damaged, or its code fails.
    """
    parsed = Spec.parse(spec)
    on_maps = parsed.choice(BOXES, get_args(Boxes)) == "roi"
    bare = replace(parsed.without(BOXES), alias=None)
    adapter = _adapter(parsed.scheme)
    if on_maps and not hasattr(adapter, "resolve_maps"):
        raise no_map(f"models of {parsed.scheme}: give features alone")
    with failing("the model could not be described"):
        if on_maps:
            candidate = cast("MapAdapter", adapter).resolve_maps(bare)
            name = Spec.parse(candidate.name).having(BOXES, "roi")
            candidate = replace(candidate, name=str(name))
        else:
            candidate = cast("Adapter", adapter).resolve(bare)
    return replace(candidate, alias=parsed.alias)


def schemes() -> tuple[str, ...]:
    """Return the prefixes of specs."""
    return tuple(_SCHEMES)


def catalogue(scheme: str) -> Collection[str]:
    """Return the names of a scheme's models, where it lists them; its library is imported.

    Raises
    ------
    MissingExtra
        If the library is not installed.
    """
    return cast("Catalogue", _adapter(scheme)).names() if scheme in _CATALOGUES else ()


def label_of(spec: str) -> str:
    """Return what tables call the model of a spec, also where it cannot be resolved."""
    return Spec.parse(spec).label


def _with(boxes: Boxes | None, spec: Spec) -> Spec:
    """Say in a spec how features of boxes are made; cropping, as by default, is not mentioned."""
    chosen = spec.get(BOXES) or (boxes if spec.scheme != "features" else None)
    bare = spec.without(BOXES)
    return bare if chosen in (None, "crop") else bare.having(BOXES, str(chosen))


def is_installed(scheme: str) -> bool:
    """Say whether the library of a scheme's models is installed; it is not imported."""
    library = _SCHEMES[scheme].library
    return sys.modules.get(library, ...) is not None and find_spec(library) is not None


def extra_of(scheme: str) -> str:
    """Return the extra of discorank that brings a scheme's models."""
    return _SCHEMES[scheme].extra


def _models(text: str) -> Iterator[Spec]:
    """Yield the specs that one entry of the user's list stands for."""
    if (query := Query.parse(text)) is not None:
        yield from _search(query, text)
        return
    scheme, colon, _ = text.partition("?")[0].partition(":")
    if not colon:
        raise UnknownName(_explain_unprefixed(text))
    spec = Spec.parse(text)
    if scheme == "pool":
        spec.require_known(())
        folder = folder_of(spec.name)
        for model in read_pool(spec.name):
            for one in _models(model):
                yield one if folder is None else _beside(folder, one)
    elif spec.get("layer") == "all" and scheme == "transformers":
        yield from _layers(spec)
    elif scheme in _SCHEMES:
        yield spec
    else:
        near = did_you_mean(scheme, (*_SCHEMES, "pool"))
        known = f"; the schemes are {', '.join((*_SCHEMES, 'pool'))}"
        raise UnknownName(f"{text!r}: there is no scheme {scheme!r}{near or known}")


def _beside(folder: Path, spec: Spec) -> Spec:
    """Return a spec of a file in which files are looked for beside that file first."""

    def found(value: str) -> str:
        return str(folder / value) if (folder / value).exists() else value

    if spec.scheme != "python":
        spec = replace(spec, name=found(spec.name))
    checkpoint = spec.get("checkpoint")
    return spec if checkpoint is None else spec.having("checkpoint", found(checkpoint))


def _search(query: Query, text: str) -> Sequence[Spec]:
    """Return the models that meet a query."""
    if query.scheme not in _SEARCHED:
        raise UnknownName(
            f"{text!r}: {query.scheme!r} cannot be searched; queries are for "
            f"{', '.join(_SEARCHED)}: timm[params<30M]"
        )
    found: Sequence[Spec] = _adapter(query.scheme).search(query)
    if not found:
        raise UnknownName(f"no published model meets {text!r}")
    return found


def _layers(spec: Spec) -> Iterator[Spec]:
    """Yield one spec for each layer; of a model that cannot be had, the spec, which fails later."""
    try:
        yield from _adapter(spec.scheme).expand(spec)
    except (MissingExtra, ModelFailed):
        yield spec


def _adapter(scheme: str) -> ModuleType:
    """Import the adapter of a scheme, and with it the library that it adapts."""
    known = _SCHEMES[scheme]
    return with_operators(
        lambda: import_optional(known.module, extra=known.extra, purpose=f"{scheme}: models")
    )


def _explain_unprefixed(name: str) -> str:
    """Say that a name has no scheme, and what it may mean with one."""
    meant = [f"pool:{name}"] if name in pool_names() else []
    if suffix := _SUFFIXES.get(Path(name).suffix):
        meant.append(f"{suffix}:{name}")
    for scheme in _CATALOGUES:
        try:
            known = cast("Catalogue", _adapter(scheme)).names()
        except MissingExtra:
            continue
        near = [name] if name in known else difflib.get_close_matches(name, known, n=2)
        meant += [f"{scheme}:{other}" for other in near]
    hint = (
        f"did you mean {', '.join(meant)}?"
        if meant
        else f"write it as scheme:name with one of {', '.join((*_SCHEMES, 'pool'))}"
    )
    return f"the model {name!r} has no scheme; {hint}"
