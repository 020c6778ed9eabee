"""How often the 95 % interval beside a score holds the score that new data give on average."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from discorank.ranking.panel import Panel
from discorank.scoring.bootstrap import paired_bootstrap
from discorank.scoring.probe import Probe
from discorank.scoring.registry import COSINE_ROW_NORM
from discorank.types import Task

N_DRAWS = 400
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

    def draw(self, seed: int) -> Probe:
        """Return a new data set of the same population."""
        means = np.random.default_rng(7).standard_normal((self.n_classes, self.n_features))
        axis = np.arange(1, self.n_features + 1, dtype=float)
        spread = 2.0 * self.scale * axis ** (-0.5 * self.fall)
        means *= 2.0 * self.scale * self.separation * axis ** (-0.5 * self.fall_of_means)
        rng = np.random.default_rng(1000 + seed)
        labels = rng.integers(0, self.n_classes, self.n_samples)
        noise = rng.standard_normal((self.n_samples, self.n_features))
        away = np.random.default_rng(9).standard_normal(self.n_features)
        away *= self.offset * np.sqrt(np.square(spread).sum()) / np.linalg.norm(away)
        if self.task == "multilabel":
            has_label = rng.random((self.n_samples, self.n_classes)) < SHARE_WITH_LABEL
            return Probe((spread * noise + has_label @ means + away).astype(np.float32), has_label)
        features = (spread * noise + means[labels] + away).astype(np.float32)
        if self.task == "classification":
            return Probe(features, labels)
        slopes = np.random.default_rng(8).standard_normal((self.n_features, 2))
        targets = features @ slopes + rng.standard_normal((self.n_samples, 2))
        return Probe(features, targets=targets)


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


def main() -> None:
    print(f"share of {N_DRAWS} data sets whose 95 % interval holds the mean score of all of them")
    print(f"{'samples × classes × features':29} {'scale':>5} {'options':26} influence  per sample")
    rows = [(problem, options) for problem in PROBLEMS for options in _options(problem)]
    with threadpool_limits(1), ProcessPoolExecutor(os.cpu_count()) as processes:
        for (problem, options), found in zip(rows, processes.map(_coverage, rows), strict=True):
            shape = f"{problem.n_samples} × {problem.n_classes} × {problem.n_features}"
            said = ", ".join(f"{k}={v}" for k, v in options.items()) or problem.task
            print(
                f"{shape:29} {problem.scale:5} {said:26} {found[0]:9.3f} {found[1]:11.3f}",
                flush=True,
            )


def _options(problem: Problem) -> list[dict[str, object]]:
    """Return the options that matter: only the published covariance knows of the scale."""
    if problem.task == "regression":
        return [{}]
    first = replace(problem, scale=1.0) in PROBLEMS and problem.scale != 1.0
    return [one for one in OPTIONS if not first or one.keys() <= {"loo"}]


def _coverage(row: tuple[Problem, dict[str, object]]) -> NDArray[np.float64]:
    """Return the coverage with influence values and with the contributions alone."""
    problem, options = row
    panel = Panel.of(["disco"], problem.task, options)
    scorer, full = panel.scorers[0], dict(panel.options["disco"])
    values, intervals = [], []
    for seed in range(N_DRAWS):
        probe = problem.draw(seed)
        if "random_state" in full:
            full["random_state"] = seed
        score = scorer(probe, **full)
        ways = scorer.resampled(probe, score, **full), score
        sure = paired_bootstrap(
            np.array([way.per_sample for way in ways]), n_resamples=500, random_state=seed
        )
        values.append(score.value)
        intervals.append((sure.low, sure.high))
    truth = np.mean(values)
    held = [(low <= truth) & (truth <= high) for low, high in intervals]
    coverage: NDArray[np.float64] = np.mean(held, axis=0)
    return coverage


if __name__ == "__main__":
    main()
