"""The fine-tuned accuracy of one network on one target: a small sweep, then several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import nn

from discorank.finetuning import Data, Recipe, evaluate, fit, new_head
from discorank.finetuning.inference import features_of
from discorank.finetuning.training import Fitted

if TYPE_CHECKING:
    from discorank.types import JSON, Float32Array, Task

__all__ = ["Measured", "TargetData", "finetuned", "probed"]

_TASK: Task = "classification"
_PERCENT = 100.0


@dataclass(frozen=True, eq=False)
class TargetData:
    """The samples of a target, as a network reads them."""

    train: Data
    validation: Data
    test: Data
    n_classes: int


@dataclass(frozen=True)
class Measured:
    """What a sweep found.

    Attributes
    ----------
    recipe : Recipe
        That of the best accuracy on the validation split; of equal ones the first.
    validation : tuple of float
        That accuracy of every recipe, in percent; NaN where training diverged.
    test : tuple of float
        Accuracy on the test split with the chosen recipe, one for each seed, in percent.
    """

    recipe: Recipe
    validation: tuple[float, ...]
    test: tuple[float, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return it as what JSON can hold."""
        return {
            "lr": self.recipe.lr,
            "weight_decay": self.recipe.weight_decay,
            "validation": [None if math.isnan(value) else value for value in self.validation],
            "test": list(self.test),
        }


def finetuned(
    backbone: nn.Module,
    data: TargetData,
    *,
    n_features: int,
    recipes: Sequence[Recipe],
    seeds: Sequence[int],
) -> Measured:
    """Fine-tune a network with every recipe, and with the best one under every seed.

    Parameters
    ----------
    backbone : Module
        From inputs to features (batch, n_features). Left as it is.
    data : TargetData
    n_features : int
    recipes : sequence of Recipe
    seeds : sequence of int
        Of new heads and the order of samples; the first one is that of the sweep too.

    Returns
    -------
    measured : Measured
    """

    def fitted(recipe: Recipe, seed: int) -> Fitted:
        head = new_head(n_features, data.n_classes, seed=seed)
        return fit(backbone, head, data.train, task=_TASK, recipe=recipe, seed=seed)

    validation: list[float] = []
    best: tuple[float, Recipe, Fitted] | None = None
    for recipe in recipes:
        network = fitted(recipe, seeds[0])
        accuracy = _accuracy(network, data.validation)
        validation.append(accuracy)
        if best is None or math.isnan(best[0]) or accuracy > best[0]:
            best = (accuracy, recipe, network)
    assert best is not None  # noqa: S101 -- there is at least one recipe
    _, recipe, first = best
    networks = [first, *(fitted(recipe, seed) for seed in seeds[1:])]
    test = tuple(_accuracy(network, data.test) for network in networks)
    return Measured(recipe, tuple(validation), test)


def probed(
    backbone: nn.Module, data: TargetData, *, recipes: Sequence[Recipe], seeds: Sequence[int]
) -> tuple[Measured, Float32Array]:
    """Train a head alone, on features that the backbone gives once.

    Parameters
    ----------
    backbone, data, recipes, seeds
        As in `finetuned`.

    Returns
    -------
    measured : Measured
    features : ndarray of shape (n_train, n_features)
        Those of the training samples.
    """
    splits = (data.train, data.validation, data.test)
    found = [features_of(backbone, split.inputs) for split in splits]
    train, validation, test = (
        replace(split, inputs=features) for split, features in zip(splits, found, strict=True)
    )
    measured = finetuned(
        nn.Identity(),
        TargetData(train, validation, test, data.n_classes),
        n_features=found[0].shape[1],
        recipes=[replace(recipe, linear_probe=True) for recipe in recipes],
        seeds=seeds,
    )
    return measured, found[0]


def _accuracy(fitted: Fitted, data: Data) -> float:
    return _PERCENT * evaluate(fitted, data, task=_TASK)["accuracy"]
