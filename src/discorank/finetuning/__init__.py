"""Fine-tuning: what a score must predict, measured.

`fit` and `evaluate` train and judge one network on samples in memory; `finetune` searches recipes
and measures candidates on a target. Names are loaded on first use, so that reading a table of runs
needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional

if TYPE_CHECKING:
    from discorank.finetuning.data import Data
    from discorank.finetuning.engine import finetune, finetune_on
    from discorank.finetuning.inference import features_of
    from discorank.finetuning.metrics import METRICS, main_metric, measure
    from discorank.finetuning.networks import Backbone, new_head
    from discorank.finetuning.recipe import Recipe
    from discorank.finetuning.result import FinetunedModel, GroundTruth
    from discorank.finetuning.search import grid, sweep
    from discorank.finetuning.splits import Splits
    from discorank.finetuning.table import read_runs_file, write_runs_file
    from discorank.finetuning.training import Fitted, evaluate, fit

_HOME_OF = {
    "Backbone": "networks",
    "Data": "data",
    "FinetunedModel": "result",
    "Fitted": "training",
    "GroundTruth": "result",
    "METRICS": "metrics",
    "Recipe": "recipe",
    "Splits": "splits",
    "evaluate": "training",
    "features_of": "inference",
    "finetune": "engine",
    "finetune_on": "engine",
    "fit": "training",
    "grid": "search",
    "main_metric": "metrics",
    "measure": "metrics",
    "new_head": "networks",
    "read_runs_file": "table",
    "sweep": "search",
    "write_runs_file": "table",
}

__all__ = [
    "METRICS",
    "Backbone",
    "Data",
    "FinetunedModel",
    "Fitted",
    "GroundTruth",
    "Recipe",
    "Splits",
    "evaluate",
    "features_of",
    "finetune",
    "finetune_on",
    "fit",
    "grid",
    "main_metric",
    "measure",
    "new_head",
    "read_runs_file",
    "sweep",
    "write_runs_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_optional(
        f"discorank.finetuning.{_HOME_OF[name]}", extra="finetune", purpose="fine-tuning"
    )
    return getattr(module, name)
