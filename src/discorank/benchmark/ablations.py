"""What each part of the DISCO score is worth: the score with one thing changed, on a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from discorank.benchmark.scores import SuiteScores, timed_scores
from discorank.errors import UnknownName
from discorank.scoring.disco import DiscoResult, disco
from discorank.scoring.hard_examples import score_hard_examples
from discorank.scoring.probe import Probe
from discorank.targets import stratified_sample

if TYPE_CHECKING:
    from discorank.benchmark.suite import Suite, SuiteTarget

__all__ = ["ABLATIONS", "Ablation", "ablate"]

_Value = Callable[[Probe], float]


@dataclass(frozen=True)
class Ablation:
    """Forms of the score that differ in one thing.

    Attributes
    ----------
    summary : str
        What differs, in a line.
    forms : mapping
        From what tables call a form to the function that returns its value for a probe.
    """

    summary: str
    forms: Mapping[str, _Value]


def _disco(probe: Probe, **options: Any) -> float:
    return disco(probe, **options).value


def _mean_of(part: Callable[[DiscoResult], float], probe: Probe) -> float:
    return part(disco(probe))


def _hard(fraction: float, probe: Probe) -> float:
    return score_hard_examples(disco, probe, fraction, random_state=0).value


def _some(share: float, probe: Probe) -> float:
    """Score a stratified share of the samples, two per class at least: the mean of five draws."""
    ids = probe.classes.ids
    least = 2 * len(probe.classes.counts)
    size = min(len(ids), max(least, round(share * len(ids))))
    draws = (stratified_sample(ids, size, random_state=seed) for seed in range(5))
    return float(np.mean([disco(probe.take(np.sort(rows))).value for rows in draws]))


def _each(option: str, values: tuple[Any, ...]) -> dict[str, _Value]:
    return {str(value): partial(_disco, **{option: value}) for value in values}


ABLATIONS: Mapping[str, Ablation] = MappingProxyType(
    {
        "groups": Ablation(
            "number of spectral components", _each("n_groups", (1, 2, 4, 8, 16, 32))
        ),
        "components": Ablation(
            "singular triplets that are kept, in 8 groups",
            _each("n_components", (8, 16, 32, 64, 128)),
        ),
        "parts": Ablation(
            "singular value ratios and task scores, together and alone",
            {
                "both": _disco,
                "ratios alone": partial(_mean_of, lambda result: float(result.components[0].ratio)),
                "task scores alone": partial(
                    _mean_of,
                    lambda result: float(np.mean([one.ncc for one in result.components])),
                ),
            },
        ),
        "covariance": Ablation(
            "covariance of the classes, and means that leave each sample out",
            {
                f"{covariance}{', loo' if loo else ''}": partial(
                    _disco, covariance=covariance, loo=loo
                )
                for covariance in ("identity", "shared", "class")
                for loo in (False, True)
            },
        ),
        "hard": Ablation(
            "share of the samples that is scored, the hardest of each model",
            {f"{share:g}": partial(_hard, share) for share in (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)},
        ),
        "samples": Ablation(
            "share of the samples that is scored, drawn by chance",
            {f"{share:g}": partial(_some, share) for share in (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)},
        ),
    }
)
"""Every ablation by its name."""


def ablate(suite: Suite, name: str) -> SuiteScores:
    """Score a suite with every form of an ablation.

    Parameters
    ----------
    suite : Suite
    name : str
        One of `ABLATIONS`.

    Returns
    -------
    scores : SuiteScores
        The forms in the place of scorers.

    Raises
    ------
    UnknownName
        If there is no such ablation.
    """
    if name not in ABLATIONS:
        raise UnknownName(f"there is no ablation {name!r}; there are {', '.join(ABLATIONS)}")
    forms = ABLATIONS[name].forms
    return timed_scores(suite, {form: partial(_valued, value) for form, value in forms.items()})


def _valued(value: _Value, target: SuiteTarget) -> dict[str, float]:
    return {
        model: value(Probe(features, target.labels)) for model, features in target.features.items()
    }
