"""Features of candidates on targets: made by `extract`, kept by `FeatureStore`."""

from __future__ import annotations

from discorank.features.device import pick_device, put_on
from discorank.features.encoding import runs_mixed
from discorank.features.extract import extract, is_stored
from discorank.features.key import FeatureKey, feature_key
from discorank.features.progress import Progress, RichProgress
from discorank.features.store import FeatureStore, StoredFeatures, default_root

__all__ = [
    "FeatureKey",
    "FeatureStore",
    "Progress",
    "RichProgress",
    "StoredFeatures",
    "default_root",
    "extract",
    "feature_key",
    "is_stored",
    "pick_device",
    "put_on",
    "runs_mixed",
]
