"""Fine-tuning: what a score must predict, measured.

`fit` and `evaluate` train and judge one network on samples in memory; what they take and return is
in `recipe`, `data` and `metrics`.
"""

from __future__ import annotations

from discorank.finetuning.data import Data
from discorank.finetuning.metrics import METRICS, main_metric, measure
from discorank.finetuning.networks import Backbone, new_head
from discorank.finetuning.recipe import Recipe
from discorank.finetuning.training import Fitted, evaluate, fit

__all__ = [
    "METRICS",
    "Backbone",
    "Data",
    "Fitted",
    "Recipe",
    "evaluate",
    "fit",
    "main_metric",
    "measure",
    "new_head",
]
