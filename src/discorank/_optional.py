"""Import a library that belongs to an extra, or say how to install it."""

from __future__ import annotations

import importlib
from types import ModuleType

from discorank.errors import MissingExtra

__all__ = ["import_optional"]


def import_optional(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import module `name`; if it is missing, raise an error that holds the install line.

    Parameters
    ----------
    name : str
        The module to import, ``"timm"`` or ``"onnx.helper"``.
    extra : str
        The extra of discorank that brings it.
    purpose : str
        What needs it, as the first words of the error: ``"timm: models"``.

    Returns
    -------
    module : ModuleType
        The imported module.

    Raises
    ------
    MissingExtra
        If the library, or one that it imports in turn, is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        raise MissingExtra(
            f"{purpose} needs the package {missing!r}, which is not installed; "
            f"install it with: pip install 'discorank[{extra}]'",
            name=missing,
        ) from error
