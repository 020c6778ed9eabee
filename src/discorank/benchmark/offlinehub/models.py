"""The candidates of offline-hub: those of ``pool:offline``, on images small enough for a processor.

They are at 64 pixels instead of 224 to 260. The text detector is an ONNX file, which is turned into
a torch module to be fine-tuned.
"""

from __future__ import annotations

from discorank.hub.offline import EfficientNetLite

__all__ = ["SPECS", "lite0", "lite1", "lite2"]

_SIDE = 64

lite0 = EfficientNetLite(0, _SIDE)
lite1 = EfficientNetLite(1, _SIDE)
lite2 = EfficientNetLite(2, _SIDE)

_DETECTOR = (
    "onnx:rapidocr_onnxruntime!models/ch_PP-OCRv4_det_infer.onnx?output=p2o.Add.215&channels=bgr"
    f"&mean=0.5,0.5,0.5&std=0.5,0.5,0.5&size={_SIDE}&crop_pct=1&name=ppocr-text-detector"
)
_FACTORY = f"python:{__name__}:"
SPECS = (
    *(f"{_FACTORY}lite{variant}?name=efficientnet_lite{variant}" for variant in range(3)),
    _DETECTOR,
    f"{_FACTORY}lite0?pretrained=false&seed=0&name=efficientnet_lite0-random",
)
"""Specs of the candidates; the last is the control that should come last."""
