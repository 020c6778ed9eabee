"""Candidate models: the only room that imports timm, torchvision, onnx and their like."""

from __future__ import annotations

from discorank.hub.default import default_pool
from discorank.hub.images import ImagePreprocessing
from discorank.hub.resolve import expand, label_of, resolve
from discorank.hub.texts import TextEmbedder

__all__ = ["ImagePreprocessing", "TextEmbedder", "default_pool", "expand", "label_of", "resolve"]
