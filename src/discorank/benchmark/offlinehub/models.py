"""The candidates of offline-hub, as factories for ``python:`` specs.

They are those of ``pool:offline`` that can be fine-tuned, at 96 pixels instead of 224 to 260, so
that a processor is enough. The text detector is an ONNX file, whose features have no gradients.
"""

from __future__ import annotations

from discorank.hub.offline import EfficientNetLite

__all__ = ["SPECS", "lite0", "lite1", "lite2"]

_SIDE = 96

lite0 = EfficientNetLite(0, _SIDE)
lite1 = EfficientNetLite(1, _SIDE)
lite2 = EfficientNetLite(2, _SIDE)

_FACTORY = f"python:{__name__}:"
SPECS = (
    *(f"{_FACTORY}lite{variant}?name=efficientnet_lite{variant}" for variant in range(3)),
    f"{_FACTORY}lite0?pretrained=false&seed=0&name=efficientnet_lite0-random",
)
"""Specs of the candidates; the last is the control that should come last."""
