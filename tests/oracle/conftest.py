from __future__ import annotations

import numpy as np
import pytest

from discorank.types import Float64Array, IntArray

# Number of features, and of samples in each class.
CASES = {
    "more samples than features": (6, (20, 20, 20)),
    "two classes": (5, (17, 8)),
    "unbalanced, one sample in a class": (4, (30, 9, 2, 1)),
    "fewer samples than features": (22, (7, 9, 4)),
    "one feature": (1, (12, 8, 5)),
}


@pytest.fixture(params=list(CASES))
def problem(request: pytest.FixtureRequest) -> tuple[Float64Array, IntArray]:
    """Return features whose classes overlap, and the class ids in no order."""
    n_features, counts = CASES[request.param]
    rng = np.random.default_rng(n_features)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = rng.standard_normal((len(counts), n_features)) / n_features**0.5
    noise = rng.standard_normal((len(labels), n_features))
    return 0.5 * (noise + centres[labels]) + 1.0, labels
