"""What ``discorank bench minihub`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from discorank._optional import import_optional
from discorank.benchmark.reproduction import compare_truth
from discorank.benchmark.scores import bench_document
from discorank.benchmark.suites import BenchOptions, load_suite

if TYPE_CHECKING:
    from discorank.types import JSON

__all__ = ["run"]


def run(options: BenchOptions) -> dict[str, JSON]:
    """Score the stored features, or make everything anew and compare it with what was stored.

    Raises
    ------
    InvalidInput
        If images are missing.
    MissingExtra
        If what makes it anew is not installed.
    """
    stored = load_suite("minihub")
    if not options.from_scratch:
        return bench_document(stored, options)
    for library in ("torch", "accelerate", "mlxtend", "skimage", "matplotlib"):
        import_optional(library, extra="minihub", purpose="making MiniHub from scratch")
    from discorank.benchmark.minihub.build import make

    work = options.work or Path("minihub-work")
    made = make(
        options.out or work / "suite",
        work,
        data=options.data,
        processes=options.processes,
        progress=options.progress,
    )
    return {**bench_document(made, options), "against_stored": compare_truth(made, stored)}
