"""Which learning rate and weight decay: the field's grid, searched by optuna."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np

from discorank._optional import import_optional
from discorank.finetuning.recipe import Optimizer, Recipe

__all__ = ["RATIOS", "grid", "sweep"]

RATIOS = (0.0, *np.logspace(-6, -3, 7).tolist())
"""Weight decay times learning rate, as `Recipe.at` takes it: none, and seven from 1e-6 to 1e-3."""

# AdamW's steps do not shrink with the gradient, so its rates are a tenth of SGD's.
_HIGHEST = MappingProxyType({"sgd": 1e-1, "adamw": 1e-2})
_N_RATES = 7
# What is tried first: near the middle of the rates, without weight decay.
_FIRST = {"rate": 4, "ratio": 0}


def grid(optimizer: Optimizer) -> tuple[float, ...]:
    """Return the learning rates that are searched: seven over three decades, to 1e-1 for SGD."""
    highest = math.log10(_HIGHEST[optimizer])
    return tuple(np.logspace(highest - 3, highest, _N_RATES).tolist())


def sweep(
    base: Recipe,
    n_trials: int,
    run: Callable[[int, Recipe], float],
    *,
    minimize: bool = False,
    random_state: int = 0,
) -> list[tuple[Recipe, float]]:
    """Try points of the grid, no point twice.

    Each weight decay is one of `RATIOS` divided by the learning rate. As many trials as the grid
    has points try all of them; fewer are chosen by a tree-structured Parzen estimator, and the same
    values lead to the same choices: a sweep that was cut off goes on where it was.

    Parameters
    ----------
    base : Recipe
        All but learning rate and weight decay.
    n_trials : int
    run : callable
        ``run(number, recipe)`` returns the metric on the validation split; NaN if it diverged.
    minimize : bool
        Whether a lower metric is better.
    random_state : int
        Seed of the choice.

    Returns
    -------
    tried : list of (Recipe, float)

    Raises
    ------
    MissingExtra
        If optuna is not installed.
    """
    rates = grid(base.optimizer)
    points = [(rate, ratio) for rate in range(len(rates)) for ratio in range(len(RATIOS))]
    tried: dict[tuple[int, int], tuple[Recipe, float]] = {}

    def attempt(point: tuple[int, int]) -> float:
        if point not in tried:
            recipe = base.at(rates[point[0]], RATIOS[point[1]])
            tried[point] = (recipe, run(len(tried), recipe))
        return tried[point][1]

    if n_trials >= len(points):
        for point in points:
            attempt(point)
        return list(tried.values())
    with _quiet_optuna() as optuna:
        sampler = optuna.samplers.TPESampler(
            seed=random_state, n_startup_trials=max(4, n_trials // 3)
        )
        study = optuna.create_study(
            direction="minimize" if minimize else "maximize", sampler=sampler
        )
        study.enqueue_trial(dict(_FIRST))
        rng = np.random.default_rng(random_state)
        while len(tried) < n_trials:
            trial = study.ask()
            point = (
                trial.suggest_int("rate", 0, len(rates) - 1),
                trial.suggest_int("ratio", 0, len(RATIOS) - 1),
            )
            repeated = point in tried
            value = attempt(point)
            if math.isfinite(value):
                study.tell(trial, value)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if repeated:  # the estimator is sure; look elsewhere instead
                left = [other for other in points if other not in tried]
                rate, ratio = left[rng.integers(len(left))]
                study.enqueue_trial({"rate": rate, "ratio": ratio})
    return list(tried.values())


@contextmanager
def _quiet_optuna() -> Iterator[Any]:
    optuna = import_optional("optuna", extra="finetune", purpose="a sweep")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)
