"""RoI align against torchvision's operator, and against the means that it approximates."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from discorank.features.regions import roi_align
from discorank.hub._operators import with_operators


@pytest.fixture(scope="module")
def operator() -> Any:
    return with_operators(lambda: __import__("torchvision.ops")).ops.roi_align


@pytest.mark.parametrize("shape", [(3, 7, 7), (2, 5, 9), (1, 2, 2)])
def test_it_is_that_of_torchvision(operator: Any, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    feature_map = rng.standard_normal(shape, dtype=np.float32)
    corners = np.sort(rng.random((20, 2, 2)), axis=1)
    boxes = corners.reshape(20, 4)
    boxes[0] = (0, 0, 1, 1)
    boxes[1] = (0.5, 0.5, 0.5001, 0.5001)
    scale = [shape[2], shape[1], shape[2], shape[1]]
    regions = torch.tensor(np.hstack([np.zeros((20, 1)), boxes * scale]), dtype=torch.float32)

    # Where the operator is not compiled, this keeps torchvision from compiling another one; what
    # it imports for that uses what torch deprecates.
    with warnings.catch_warnings(), torch.compiler.set_stance("force_eager"):
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = operator(
            torch.from_numpy(feature_map)[None], regions, 1, sampling_ratio=14, aligned=True
        )

    np.testing.assert_allclose(roi_align(feature_map, boxes), expected[:, :, 0, 0], atol=1e-5)


def test_the_whole_map_is_its_mean() -> None:
    feature_map = np.random.default_rng(0).random((4, 7, 7), dtype=np.float32)
    whole = roi_align(feature_map, np.array([[0.0, 0.0, 1.0, 1.0]]))
    np.testing.assert_allclose(whole[0], feature_map.mean(axis=(1, 2)), rtol=1e-5)


def test_a_box_within_one_cell_has_its_value() -> None:
    feature_map = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    # The middle of the cell in row 2, column 1.
    found = roi_align(feature_map, np.array([[0.37, 0.62, 0.38, 0.63]]))
    assert found[0, 0] == pytest.approx(9, abs=0.05)
