"""How often the 95 % interval beside a score holds the score that new data give on average.

Planted problems first, then real features, and there differences of two models too.
``python -m benchmarks.calibration`` takes an hour and a quarter of two cores. With numbers of rows,
as in ``python -m benchmarks.calibration 5 58``, these planted problems have 400 other populations.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.backbones import feature_files
from discorank.ranking.panel import Panel
from discorank.scoring.bootstrap import paired_bootstrap
from discorank.scoring.default import DEFAULT_SCORER
from discorank.scoring.probe import Probe
from discorank.scoring.registry import COSINE_ROW_NORM
from discorank.types import Task

# One population can be out of the ordinary, which no interval knows that is made of one data set: a
# problem is a kind of populations. The mean score of each is that of N_SCORED data sets.
POPULATIONS, OTHERS = range(200), range(200, 600)
N_SCORED, N_INTERVALS = 24, 3
# Real features: draws of so many samples of those that were extracted.
POOL, TARGETS, N_EXTRACTED = "pool:offline", ("digits", "mnist5k"), 3_000
N_REAL_SAMPLES, N_REAL = 200, 400
# Of the samples, in problems of several labels.
SHARE_WITH_LABEL = 0.3


@dataclass(frozen=True)
class Problem:
    """Gaussian classes, with variances and squared class means that fall along the axes.

    All lie off the origin, as features of networks do; only rows of one norm know of it.
    """

    n_samples: int
    n_classes: int
    n_features: int
    separation: float
    scale: float
    task: Task = "classification"
    fall: float = 1.0  # variances as j^-fall
    fall_of_means: float = 1.0
    offset: float = 2.0  # norm of the mean of all samples, in units of their spread about it

    def draw(self, population: int, seed: int) -> Probe:
        """Return a data set of a population."""
        of_all = np.random.default_rng(population)
        means = of_all.standard_normal((self.n_classes, self.n_features))
        axis = np.arange(1, self.n_features + 1, dtype=float)
        spread = 2.0 * self.scale * axis ** (-0.5 * self.fall)
        means *= 2.0 * self.scale * self.separation * axis ** (-0.5 * self.fall_of_means)
        rng = np.random.default_rng((population, seed))
        labels = rng.integers(0, self.n_classes, self.n_samples)
        noise = rng.standard_normal((self.n_samples, self.n_features))
        away = of_all.standard_normal(self.n_features)
        away *= self.offset * np.sqrt(np.square(spread).sum()) / np.linalg.norm(away)
        if self.task == "multilabel":
            has_label = rng.random((self.n_samples, self.n_classes)) < SHARE_WITH_LABEL
            return Probe((spread * noise + has_label @ means + away).astype(np.float32), has_label)
        features = (spread * noise + means[labels] + away).astype(np.float32)
        if self.task == "classification":
            return Probe(features, labels)
        slopes = of_all.standard_normal((self.n_features, 2))
        targets = features @ slopes + rng.standard_normal((self.n_samples, 2))
        return Probe(features, targets=targets)


# A planted problem, and options of the score.
Row: TypeAlias = tuple[Problem, dict[str, object]]

PROBLEMS = (
    Problem(200, 10, 64, 0.7, 1.0),
    Problem(200, 10, 64, 0.7, 0.3),
    Problem(500, 10, 64, 0.7, 1.0),
    Problem(500, 10, 64, 0.7, 0.3),
    Problem(500, 5, 64, 0.4, 1.0),
    Problem(1000, 10, 128, 0.7, 1.0),
    Problem(1000, 10, 128, 0.7, 0.3),
    Problem(1000, 50, 128, 0.7, 1.0),
    Problem(200, 2, 64, 0.5, 1.0),
    # What tells classes apart lies in all axes alike, so that it moves with them.
    Problem(200, 10, 64, 0.1, 0.5, fall=1.4, fall_of_means=0.0),
    Problem(400, 10, 64, 0.3, 0.5, fall=1.4, fall_of_means=0.0),
    # No axis is longer than another: which is which, chance decides.
    Problem(300, 5, 32, 0.5, 0.5, fall=0.0, fall_of_means=0.0),
    Problem(60, 3, 6, 4.0, 0.5, fall=0.0, fall_of_means=0.0),
    Problem(300, 6, 64, 0.7, 1.0, "multilabel"),
    Problem(300, 5, 32, 0.5, 1.0, "regression"),
)
OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"loo": True},
    {"covariance": "shared"},
    {"covariance": "class"},
    {"row_norm": COSINE_ROW_NORM},
)


def main(numbers: Sequence[int] = ()) -> None:
    rows = [(problem, options) for problem in PROBLEMS for options in _options(problem)]
    with threadpool_limits(1), ProcessPoolExecutor(os.cpu_count()) as processes:
        if numbers:
            planted([rows[number - 1] for number in numbers], OTHERS, processes)
            return
        planted(rows, POPULATIONS, processes)
        for target, stratified in product(TARGETS, (False, True)):
            real(target, processes, stratified=stratified)


def planted(
    rows: Sequence[Row], populations: Sequence[int], processes: ProcessPoolExecutor
) -> None:
    """Print the coverage of these problems, with influence values and with contributions alone."""
    n_populations = len(populations)
    print(
        f"share of {n_populations * N_INTERVALS} data sets, {N_INTERVALS} of each of "
        f"{n_populations} populations, whose 95 % interval holds the mean score of its population"
    )
    print(f"{'samples × classes × features':29} {'scale':>5} {'options':26} influence  per sample")
    held_of = processes.map(partial(_held, populations), rows)
    for (problem, options), held in zip(rows, held_of, strict=True):
        shape = f"{problem.n_samples} × {problem.n_classes} × {problem.n_features}"
        said = ", ".join(f"{k}={v}" for k, v in options.items()) or problem.task
        print(
            f"{shape:29} {problem.scale:5} {said:26} {held[0]:9.3f} {held[1]:11.3f}",
            flush=True,
        )


def real(target: str, processes: ProcessPoolExecutor, *, stratified: bool) -> None:
    """Print the coverage on real features, of scores and of differences of two models.

    The population is what was extracted: samples are drawn from it with replacement, of all, or as
    many of each class.
    """
    with tempfile.TemporaryDirectory() as folder:
        specs = feature_files([POOL], target, N_EXTRACTED, Path(folder))
        files = [Path(folder) / f"{place}.npz" for place in range(len(specs))]
        found = list(
            processes.map(partial(_of_draw, files, stratified), range(N_REAL), chunksize=8)
        )
    values, low, high = np.moveaxis(np.array(found), 0, -1)
    mean = values.mean(axis=1, keepdims=True)
    names = [spec.partition("?name=")[2] for spec in specs]
    names += [f"{first} − {second}" for first, second in combinations(names, 2)]
    how = "as many of each class" if stratified else "by chance"
    print(f"{target}: the default in {N_REAL} draws of {N_REAL_SAMPLES} samples, {how}")
    for name, held in zip(names, ((low <= mean) & (mean <= high)).mean(axis=1), strict=True):
        print(f"{name:62} {held:9.3f}", flush=True)


def _options(problem: Problem) -> list[dict[str, object]]:
    """Return the options that matter: only the published covariance knows of the scale."""
    if problem.task == "regression":
        return [{}]
    first = replace(problem, scale=1.0) in PROBLEMS and problem.scale != 1.0
    return [one for one in OPTIONS if not first or one.keys() <= {"loo"}]


def _held(populations: Sequence[int], row: Row) -> NDArray[np.float64]:
    """Return the coverage with influence values and with the contributions alone."""
    problem, options = row
    panel = Panel.of(["disco"], problem.task, options)
    scorer, full = panel.scorers[0], panel.options["disco"]
    held = []
    for population in populations:
        probes = [problem.draw(population, seed) for seed in range(N_SCORED)]
        scores = [scorer(probe, **full) for probe in probes]
        values = np.array([score.value for score in scores])
        # A score counts in the mean that it is held against, which brings that nearer.
        nearer = np.sqrt(1.0 - 1.0 / N_SCORED)
        truths = values - (values - values.mean()) / nearer
        for seed, truth in enumerate(truths[:N_INTERVALS]):
            # With one seed for all, the chance of the draws would be the same in a whole row.
            luck = {"random_state": population * N_SCORED + seed} if "random_state" in full else {}
            influence = scorer.resampled(probes[seed], scores[seed], **{**full, **luck})
            ways = np.array([influence.per_sample, scores[seed].per_sample])
            low, high = _interval(ways, population)
            held.append((low <= truth) & (truth <= high))
    coverage: NDArray[np.float64] = np.mean(held, axis=0)
    return coverage


def _of_draw(files: Sequence[Path], stratified: bool, draw: int) -> NDArray[np.float64]:
    """Return score, low and high of every model and of every two, shape (3, n_rows)."""
    panel = Panel.of([DEFAULT_SCORER], "classification", {})
    scorer, full = panel.scorers[0], {**panel.options[DEFAULT_SCORER], "random_state": draw}
    rng = np.random.default_rng(draw)
    ways, rows = [], None
    for file in files:
        with np.load(file) as held:
            features, labels = held["features"], held["labels"]
        if rows is None:
            rows = rng.integers(0, len(labels), N_REAL_SAMPLES)
            if stratified:
                classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
                of_each = N_REAL_SAMPLES // len(classes)
                rows = np.concatenate([rng.choice(members, of_each) for members in classes])
        probe = Probe(features[rows], labels[rows])
        ways.append(np.array(scorer.resampled(probe, scorer(probe, **full), **full).per_sample))
    ways += [first - second for first, second in combinations(ways, 2)]
    per_sample = np.array(ways)
    return np.array([per_sample.mean(axis=1), *_interval(per_sample, draw)])


def _interval(
    per_sample: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sure = paired_bootstrap(per_sample, n_resamples=500, random_state=seed)
    return sure.low, sure.high


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
