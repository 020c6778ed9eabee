"""Named lists of candidates: the YAML files in ``pools/``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from discorank._optional import import_optional
from discorank.errors import UnknownName
from discorank.hub.spec import did_you_mean

__all__ = ["pool_names", "read_pool"]

_FOLDER = files("discorank.hub") / "pools"


def pool_names() -> list[str]:
    """List the pools that come with discorank."""
    return sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir())


def read_pool(name: str) -> Sequence[str]:
    """Return the specs of a pool.

    Raises
    ------
    UnknownName
        If there is no pool of this name.
    """
    if name not in pool_names():
        hint = did_you_mean(name, pool_names()) or f"; there is {', '.join(pool_names())}"
        raise UnknownName(f"there is no pool {name!r}{hint}")
    yaml = import_optional("yaml", extra="rank", purpose="pool: models")
    models: list[str] = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text("utf-8"))["models"]
    return models
