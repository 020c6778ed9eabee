"""Run every benchmark, or those named: ``python -m benchmarks disco``.

``python -m benchmarks.hub``, which takes longer, and ``python -m benchmarks.report``, which needs
chromium, are commands of their own.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "disco",
    "scorers",
    "streaming",
    "growth",
    "calibration",
    "racing",
    "samples",
    "extraction",
)

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"benchmarks.{name}").main()
