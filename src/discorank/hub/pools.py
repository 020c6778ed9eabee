"""Named lists of candidates: the YAML files in ``pools/``, and those of users."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from discorank._optional import import_optional
from discorank.errors import InvalidInput, UnknownName
from discorank.hub.spec import did_you_mean

__all__ = ["folder_of", "pool_names", "read_pool"]

_FOLDER = files("discorank.hub") / "pools"
_SUFFIXES = (".yaml", ".yml")


def pool_names() -> list[str]:
    """List the pools that come with discorank."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir())


def folder_of(name: str) -> Path | None:
    """Return the folder of a pool of one's own; None for one that comes with discorank."""
    return Path(name).expanduser().parent if name.endswith(_SUFFIXES) else None


def read_pool(name: str) -> Sequence[str]:
    """Return the specs of a pool: one that comes with discorank, or a YAML file.

    A file holds a list of specs under ``models``, and may hold a ``description``.

    Raises
    ------
    UnknownName
        If there is no pool of this name, or no such file.
    InvalidInput
        If the file holds something else.
    """
    yaml = import_optional("yaml", extra="rank", purpose="pool: models")
    if name.endswith(_SUFFIXES):
        path = Path(name).expanduser()
        if not path.is_file():
            raise UnknownName(f"there is no pool file {name!r}")
        try:
            return _models(name, yaml.safe_load(path.read_text("utf-8-sig")))
        except RecursionError as error:
            raise InvalidInput(f"the pool file {name!r} is nested too deeply") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise InvalidInput(f"the pool file {name!r} is no YAML: {reason}") from error
    if name not in pool_names():
        hint = did_you_mean(name, pool_names()) or f"; there is {', '.join(pool_names())}"
        raise UnknownName(f"there is no pool {name!r}{hint}; one of your own is pool:FILE.yaml")
    return _models(name, yaml.safe_load((_FOLDER / f"{name}.yaml").read_text("utf-8")))


def _models(name: str, held: Any) -> Sequence[str]:
    models = held.get("models") if isinstance(held, dict) else None
    if not isinstance(models, list) or not models:
        raise InvalidInput(f"the pool {name!r} must hold a list of specs under 'models'")
    for place, spec in enumerate(models, start=1):
        if not isinstance(spec, str):  # aliases make a file of a few lines a text of gigabytes
            raise InvalidInput(
                f"the pool {name!r} holds no spec as model {place}, but {type(spec).__name__}"
            )
        if spec.startswith("pool:"):
            raise InvalidInput(f"the pool {name!r} holds {spec!r}, which is no spec of a model")
    if more := held.keys() - {"description", "models"}:
        unknown = ", ".join(sorted(map(str, more)))
        raise InvalidInput(f"the pool {name!r} holds {unknown}; it may hold description and models")
    return models
