"""Features of candidates on targets: made by `extract`, kept by `FeatureStore`."""

from __future__ import annotations

from discorank.features.device import all_devices, pick_device, put_on
from discorank.features.encoding import runs_mixed
from discorank.features.extract import extract, extract_shard, is_stored
from discorank.features.folders import Folder, folder_at
from discorank.features.inputs import preprocess_all
from discorank.features.key import FeatureKey, feature_key
from discorank.features.loading import default_workers, n_cores, one_line, without_main
from discorank.features.progress import Progress, RankingProgress, RichProgress, SilentProgress
from discorank.features.store import FeatureStore, StoredFeatures, open_store

__all__ = [
    "FeatureKey",
    "FeatureStore",
    "Folder",
    "Progress",
    "RankingProgress",
    "RichProgress",
    "SilentProgress",
    "StoredFeatures",
    "all_devices",
    "default_workers",
    "extract",
    "extract_shard",
    "feature_key",
    "folder_at",
    "is_stored",
    "n_cores",
    "one_line",
    "open_store",
    "pick_device",
    "preprocess_all",
    "put_on",
    "runs_mixed",
    "without_main",
]
