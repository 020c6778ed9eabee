"""How far a suite that was made anew is from the one before, within the spread of both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from discorank.benchmark.suite import Suite
    from discorank.types import JSON

__all__ = ["compare_truth"]

_COVERAGE = 0.95


def compare_truth(new: Suite, old: Suite) -> dict[str, JSON]:
    """Compare the fine-tuned accuracies of two makings of a suite.

    Parameters
    ----------
    new, old : Suite
        With the same number of seeds; what only one of them has is left out.

    Returns
    -------
    document : dict
        ``cells``: candidates on targets that both have; ``equal``: those with the same accuracy to
        a thousandth of a point; ``within_spread``: share of cells whose difference is within its
        95 % interval, by the spread over seeds of both (Welch's t with the degrees of freedom of
        both); ``mean_difference`` and ``largest_difference`` in points; ``weighted_kendall``: τ_w
        of the two truths, the mean over targets.

    Raises
    ------
    InvalidInput
        If they share no target with three candidates.
    """
    seeds = new.provenance.get("seeds")
    n_seeds = len(seeds) if isinstance(seeds, list) else 3
    quantile = float(stats.t.ppf(0.5 + _COVERAGE / 2, 2 * (n_seeds - 1)))
    differences, within, agreement = [], [], []
    for name in [name for name in old.targets if name in new.targets]:
        before, after = old.targets[name], new.targets[name]
        models = [model for model in before.finetuned if model in after.finetuned]
        if len(models) < 3:
            continue
        for model in models:
            difference = abs(after.finetuned[model] - before.finetuned[model])
            spread = math.hypot(after.spread[model], before.spread[model]) / math.sqrt(n_seeds)
            differences.append(difference)
            within.append(difference <= quantile * spread + 1e-9)
        made, stored = ([of.finetuned[model] for model in models] for of in (after, before))
        agreement.append(float(stats.weightedtau(made, stored)[0]))
    if not differences:
        raise InvalidInput("the two suites share no target with three candidates")
    return {
        "cells": len(differences),
        "equal": int(np.count_nonzero(np.array(differences) < 1e-3)),
        "within_spread": float(np.mean(within)),
        "mean_difference": float(np.mean(differences)),
        "largest_difference": max(differences),
        "weighted_kendall": float(np.mean(agreement)),
    }
