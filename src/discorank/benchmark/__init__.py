"""Fine-tuned metrics that are known, and how scores agree with them."""

from __future__ import annotations

from discorank.benchmark.evaluation import Evaluation, Judged, evaluate
from discorank.benchmark.tables import TABLES, Table, load_table

__all__ = ["TABLES", "Evaluation", "Judged", "Table", "evaluate", "load_table"]
