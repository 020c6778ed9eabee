"""Labelled data sets. The only room that reads them; `open_target` is its door."""

from __future__ import annotations

from discorank.targets.opening import BUILT_IN, open_target
from discorank.targets.sampling import stratified_sample

__all__ = ["BUILT_IN", "open_target", "stratified_sample"]
