"""The search on the field's grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from discorank.finetuning import Recipe, grid, sweep
from discorank.finetuning.search import RATIOS


def quality(recipe: Recipe) -> float:
    """A bowl around lr 0.0316 and a ratio of 1e-5."""
    ratio = recipe.lr * recipe.weight_decay
    return -((math.log10(recipe.lr) + 1.5) ** 2) - abs(math.log10(ratio + 1e-7) + 5) / 4


def test_the_grid_is_the_field_s() -> None:
    np.testing.assert_allclose(np.log10(grid("sgd")), np.arange(-4.0, -0.9, 0.5))
    np.testing.assert_allclose(np.log10(grid("adamw")), np.arange(-5.0, -1.9, 0.5))
    assert RATIOS[0] == 0.0
    np.testing.assert_allclose(np.log10(RATIOS[1:]), np.arange(-6.0, -2.9, 0.5))


def test_a_point_of_the_grid_is_a_rate_and_the_decay_times_it() -> None:
    recipe = Recipe(epochs=7, linear_probe=True).at(0.1, 1e-3)
    assert recipe == Recipe(epochs=7, linear_probe=True, lr=0.1, weight_decay=1e-3 / 0.1)


def test_as_many_trials_as_points_try_each_once() -> None:
    tried = sweep(Recipe(), 56, lambda _, recipe: quality(recipe))
    assert len({(recipe.lr, recipe.weight_decay) for recipe, _ in tried}) == 56
    ratios = {round(math.log10(r.lr * r.weight_decay), 6) for r, _ in tried if r.weight_decay}
    assert ratios == {round(value, 6) for value in np.arange(-6.0, -2.9, 0.5).tolist()}


@pytest.mark.parametrize("minimize", [False, True])
def test_fewer_are_chosen_well_and_never_twice(minimize: bool) -> None:
    sign = -1.0 if minimize else 1.0
    tried = sweep(Recipe(epochs=7), 20, lambda _, recipe: sign * quality(recipe), minimize=minimize)
    assert len({(recipe.lr, recipe.weight_decay) for recipe, _ in tried}) == 20
    assert all(recipe.epochs == 7 for recipe, _ in tried)
    assert tried[0][0] == Recipe(epochs=7, lr=grid("sgd")[4], weight_decay=0.0)
    best = max(tried, key=lambda one: sign * one[1])[0]
    assert best.lr == pytest.approx(10**-1.5)


def test_the_same_values_lead_to_the_same_choices() -> None:
    one, again = (sweep(Recipe(), 12, lambda _, recipe: quality(recipe)) for _ in range(2))
    assert one == again
    other = sweep(Recipe(), 12, lambda _, recipe: quality(recipe), random_state=1)
    assert other != one


def test_recipes_that_diverge_do_not_stop_it() -> None:
    tried = sweep(Recipe(), 8, lambda _, recipe: math.nan if recipe.lr > 1e-3 else 1.0)
    assert len(tried) == 8
    assert any(math.isnan(value) for _, value in tried)
    assert all(math.isnan(value) for _, value in sweep(Recipe(), 5, lambda *_: math.nan))
