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
    from discorank.features.streaming import StreamingDisco
    from discorank.finetuning import GroundTruth, finetune
    from discorank.ranking.engine import rank
    from discorank.ranking.json_log import JsonLog
    from discorank.ranking.mlflow import MLflowEvents
    from discorank.ranking.plan import Plan, plan
    from discorank.ranking.result import Ranking
    from discorank.scoring.agreement import Agreement, agreement
    from discorank.scoring.change import SpectralChange, spectral_change
    from discorank.scoring.detection import DetectionResult, disco_detection_score
    from discorank.scoring.disco import DiscoResult, disco_score
    from discorank.scoring.estimators import DiscoRegressionScorer, DiscoScorer
    from discorank.scoring.hard_examples import hard_examples
    from discorank.scoring.multilabel import disco_multilabel_score
    from discorank.scoring.regression import RegressionResult, disco_regression_score
    from discorank.scoring.spectral import SpectralComponents, spectral_components
    from discorank.targets.inspection import Inspection, inspect

# Where each public name lives; a test holds this to the imports above and to __all__.
_HOME_OF = {
    "DiscorankError": "discorank.errors",
    "InvalidInput": "discorank.errors",
    "MissingExtra": "discorank.errors",
    "ModelFailed": "discorank.errors",
    "UnknownName": "discorank.errors",
    "finetune": "discorank.finetuning",
    "GroundTruth": "discorank.finetuning",
    "rank": "discorank.ranking.engine",
    "JsonLog": "discorank.ranking.json_log",
    "MLflowEvents": "discorank.ranking.mlflow",
    "Plan": "discorank.ranking.plan",
    "plan": "discorank.ranking.plan",
    "Ranking": "discorank.ranking.result",
    "Agreement": "discorank.scoring.agreement",
    "agreement": "discorank.scoring.agreement",
    "SpectralChange": "discorank.scoring.change",
    "spectral_change": "discorank.scoring.change",
    "DetectionResult": "discorank.scoring.detection",
    "disco_detection_score": "discorank.scoring.detection",
    "DiscoResult": "discorank.scoring.disco",
    "disco_score": "discorank.scoring.disco",
    "DiscoRegressionScorer": "discorank.scoring.estimators",
    "DiscoScorer": "discorank.scoring.estimators",
    "hard_examples": "discorank.scoring.hard_examples",
    "disco_multilabel_score": "discorank.scoring.multilabel",
    "RegressionResult": "discorank.scoring.regression",
    "disco_regression_score": "discorank.scoring.regression",
    "SpectralComponents": "discorank.scoring.spectral",
    "spectral_components": "discorank.scoring.spectral",
    "StreamingDisco": "discorank.features.streaming",
    "Inspection": "discorank.targets.inspection",
    "inspect": "discorank.targets.inspection",
}

__all__ = [
    "Agreement",
    "DetectionResult",
    "DiscoRegressionScorer",
    "DiscoResult",
    "DiscoScorer",
    "DiscorankError",
    "GroundTruth",
    "Inspection",
    "InvalidInput",
    "JsonLog",
    "MLflowEvents",
    "MissingExtra",
    "ModelFailed",
    "Plan",
    "Ranking",
    "RegressionResult",
    "SpectralChange",
    "SpectralComponents",
    "StreamingDisco",
    "UnknownName",
    "__version__",
    "agreement",
    "disco_detection_score",
    "disco_multilabel_score",
    "disco_regression_score",
    "disco_score",
    "finetune",
    "hard_examples",
    "inspect",
    "plan",
    "rank",
    "spectral_change",
    "spectral_components",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
