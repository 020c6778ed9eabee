"""Fine-tuned metrics that are known, and how scores agree with them.

Names are loaded on first use, so that the command line can list benchmarks without numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discorank.benchmark.evaluation import Evaluation, Judged, LeftOut, evaluate
    from discorank.benchmark.scores import SuiteScores, score_suite
    from discorank.benchmark.suite import Suite, SuiteTarget
    from discorank.benchmark.suites import load_suite
    from discorank.benchmark.tables import TABLES, Table, load_table

__all__ = [
    "TABLES",
    "Evaluation",
    "Judged",
    "LeftOut",
    "Suite",
    "SuiteScores",
    "SuiteTarget",
    "Table",
    "evaluate",
    "load_suite",
    "load_table",
    "score_suite",
]

_HOME_OF = {
    **dict.fromkeys(
        ("Evaluation", "Judged", "LeftOut", "evaluate"), "discorank.benchmark.evaluation"
    ),
    **dict.fromkeys(("SuiteScores", "score_suite"), "discorank.benchmark.scores"),
    **dict.fromkeys(("Suite", "SuiteTarget"), "discorank.benchmark.suite"),
    "load_suite": "discorank.benchmark.suites",
    **dict.fromkeys(("TABLES", "Table", "load_table"), "discorank.benchmark.tables"),
}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
