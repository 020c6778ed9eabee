"""What ``discorank bench`` does for the suites whose features and truth come with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from discorank._optional import import_optional
from discorank.benchmark.reproduction import compare_truth
from discorank.benchmark.scores import bench_document
from discorank.benchmark.suites import BenchOptions, folder_of, load_suite

if TYPE_CHECKING:
    from discorank.benchmark.suite import Suite
    from discorank.types import JSON

__all__ = ["run_minihub", "run_offline_hub"]


def run_minihub(options: BenchOptions) -> dict[str, JSON]:
    """Score the stored features of MiniHub, or make everything anew and compare it with them.

    Raises
    ------
    InvalidInput
        If images are missing.
    MissingExtra
        If what makes it anew is not installed.
    """
    return _run("minihub", _make_minihub, options)


def run_offline_hub(options: BenchOptions) -> dict[str, JSON]:
    """Score the stored features of offline-hub, or make everything anew; as `run_minihub`."""
    return _run("offline-hub", _make_offline_hub, options)


def _run(
    name: str, make: Callable[[Path, Path, BenchOptions], Suite], options: BenchOptions
) -> dict[str, JSON]:
    options.refuse("device", "workers", since=f"the features of {name} are its own")
    if not options.from_scratch:
        since = "nothing is made without --from-scratch"
        options.refuse("data", "work", "processes", since=since)
        return bench_document(load_suite(name), options)
    work = options.work or Path(f"{name}-work")
    made = make(work / "suite", work, options)
    document = bench_document(made, options)
    if folder_of(name).is_dir():
        document["against_stored"] = compare_truth(made, load_suite(name))
    return document


def _make_minihub(folder: Path, work: Path, options: BenchOptions) -> Suite:
    for library in ("torch", "accelerate", "mlxtend", "skimage", "matplotlib"):
        import_optional(library, extra="minihub", purpose="making MiniHub from scratch")
    from discorank.benchmark.minihub.build import make

    return make(
        folder, work, data=options.data, processes=options.processes or 2, progress=options.progress
    )


def _make_offline_hub(folder: Path, work: Path, options: BenchOptions) -> Suite:
    options.refuse("processes", since="offline-hub is made in one")
    extra, purpose = "onnx-finetune,demo", "making offline-hub from scratch"
    for library in ("torch", "accelerate", "mlxtend"):
        import_optional(library, extra=extra, purpose=purpose)
    from discorank.hub._operators import with_operators

    # It imports torchvision, which may be of another build than torch.
    with_operators(lambda: import_optional("onnx2torch", extra=extra, purpose=purpose))
    from discorank.benchmark.offlinehub.build import make

    return make(folder, work / "cache", data=options.data, progress=options.progress)
