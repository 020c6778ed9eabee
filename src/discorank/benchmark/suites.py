"""The benchmarks by name: what `discorank bench` runs."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from discorank.errors import InvalidInput, UnknownName

if TYPE_CHECKING:
    from discorank.benchmark.suite import Suite
    from discorank.features import Progress
    from discorank.types import JSON

__all__ = ["BENCHES", "Bench", "BenchOptions", "folder_of", "get_bench", "load_suite"]


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What a benchmark is asked for.

    Attributes
    ----------
    scorers : tuple of str
        Names of scorers; empty for those that the benchmark has by default.
    scorer_options : mapping
        As in `discorank.rank`.
    ablation : str, optional
        Forms of the DISCO score in the place of scorers: one of `ABLATIONS`.
    data : Path, optional
        Folder with data sets that do not come with the package.
    from_scratch : bool
        Make everything anew instead of reading what comes with the package.
    work : Path, optional
        Where unfinished work, and a suite that is made anew, are kept; by default a folder named
        after the suite in the current one.
    processes : int, optional
        Processes that work at the same time, each on one thread; by default 2.
    k : int
        Models that one would fine-tune.
    confidence : float
        Coverage of the intervals.
    random_state : int
        Seed of scorers and resamples.
    device : str, optional
        Torch device that models run on.
    workers : int, optional
        Processes that decode images.
    cache : str, optional
        Folder or URL where features are kept.
    progress : Progress, optional
    """

    scorers: tuple[str, ...] = ()
    scorer_options: Mapping[str, Any] = field(default_factory=dict)
    ablation: str | None = None
    data: Path | None = None
    from_scratch: bool = False
    work: Path | None = None
    processes: int | None = None
    k: int = 1
    confidence: float = 0.95
    random_state: int = 0
    device: str | None = None
    workers: int | None = None
    cache: str | None = None
    progress: Progress | None = None

    def refuse(self, *names: str, since: str) -> None:
        """Refuse options that a benchmark makes no use of.

        Raises
        ------
        InvalidInput
            If one of them was given.
        """
        for name in names:
            if getattr(self, name) is not None:
                raise InvalidInput(f"--{name} means nothing here, since {since}; leave it out")


@dataclass(frozen=True)
class Bench:
    """A benchmark.

    Attributes
    ----------
    name : str
    summary : str
        What it measures, in a line.
    runner : str
        Where its function is, ``"module:function"``; it takes `BenchOptions` and returns the
        document of a report.
    """

    name: str
    summary: str
    runner: str

    def run(self, options: BenchOptions) -> dict[str, JSON]:
        """Run it."""
        module, _, function = self.runner.partition(":")
        run: Callable[[BenchOptions], dict[str, JSON]] = getattr(
            importlib.import_module(module), function
        )
        return run(options)


BENCHES: Mapping[str, Bench] = MappingProxyType(
    {
        bench.name: bench
        for bench in (
            Bench(
                "minihub",
                "27 small networks of one size on 9 real targets; from nothing on two cores",
                "discorank.benchmark.runner:run_minihub",
            ),
            Bench(
                "offline-hub",
                "5 real backbones that come inside packages on 3 targets of few real images",
                "discorank.benchmark.runner:run_offline_hub",
            ),
            Bench(
                "supervised-cnn",
                "the published experiment, 11 ImageNet classifiers on 11 image sets; for who has "
                "the sets (--data)",
                "discorank.benchmark.supervised:run",
            ),
        )
    }
)
"""Every benchmark by its name."""


def get_bench(name: str) -> Bench:
    """Return a benchmark.

    Raises
    ------
    UnknownName
        If there is none of this name.
    """
    if name not in BENCHES:
        near = difflib.get_close_matches(name, BENCHES) or list(BENCHES)
        raise UnknownName(f"no benchmark is named {name!r}; did you mean {' or '.join(near)}?")
    return BENCHES[name]


def folder_of(name: str) -> Path:
    """Return where the stored features and truth of a suite are inside the package."""
    return Path(__file__).parent / "data" / name


def load_suite(suite: str | Path) -> Suite:
    """Return the features, labels and truth of a benchmark, to score them in any way.

    Parameters
    ----------
    suite : str or Path
        Name of a benchmark that comes with its features, ``"minihub"``; or a folder that
        ``discorank bench --from-scratch`` has written.

    Returns
    -------
    suite : Suite
        ``suite.targets["digits-few"].features["plain-glyphs"]`` are features, and
        ``suite.truth`` is what `evaluate` takes. Needs neither torch nor images.

    Raises
    ------
    UnknownName
        If there is no such suite.
    InvalidInput
        If its files cannot be read.

    Examples
    --------
    >>> from discorank import disco_score
    >>> target = load_suite("minihub").targets["faces"]
    >>> scores = {name: disco_score(Z, target.labels).value for name, Z in target.features.items()}
    >>> sorted(scores) == sorted(target.finetuned)
    True
    """
    folder = Path(suite)
    if not folder.is_dir():
        folder = folder_of(str(suite))
    if not folder.is_dir():
        stored = sorted(path.name for path in folder.parent.glob("*"))
        raise UnknownName(f"no suite is named {str(suite)!r}; there are {', '.join(stored)}")
    from discorank.benchmark.suite import read_suite  # needs numpy, which listing does not

    return read_suite(folder)
