"""discorank ranks pre-trained models for a labelled data set without fine-tuning them.

Public names are loaded on first use, so that ``import discorank`` is instant and brings neither
torch nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from discorank.errors import (
        DiscorankError,
        InvalidInput,
        MissingExtra,
        ModelFailed,
        UnknownName,
    )
    from discorank.ranking.engine import rank
    from discorank.ranking.result import Ranking
    from discorank.scoring.disco import DiscoResult, disco_score

_HOME_OF = {
    "DiscorankError": "discorank.errors",
    "InvalidInput": "discorank.errors",
    "MissingExtra": "discorank.errors",
    "ModelFailed": "discorank.errors",
    "Ranking": "discorank.ranking.result",
    "UnknownName": "discorank.errors",
    "DiscoResult": "discorank.scoring.disco",
    "disco_score": "discorank.scoring.disco",
    "rank": "discorank.ranking.engine",
}

__all__ = [
    "DiscoResult",
    "DiscorankError",
    "InvalidInput",
    "MissingExtra",
    "ModelFailed",
    "Ranking",
    "UnknownName",
    "__version__",
    "disco_score",
    "rank",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
