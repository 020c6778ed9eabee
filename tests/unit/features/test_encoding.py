from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from discorank.errors import ModelFailed
from discorank.features.encoding import BatchEncoder, runs_mixed
from discorank.types import Encoded


class Limited:
    """An encoder that holds so many samples at once; it notes the sizes that it was given."""

    def __init__(self, most: int, *, logits: bool = True, wrapped: bool = False) -> None:
        self.most, self.logits, self.wrapped = most, logits, wrapped
        self.sizes: list[int] = []

    @property
    def preprocess(self) -> Any:
        return np.asarray

    def encode(self, batch: Any) -> Encoded:
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB")
            if self.wrapped:
                raise ModelFailed("the model could not be run") from error
            raise error
        return Encoded(batch * 2, batch + 1 if self.logits else None)


BATCH = np.arange(20, dtype=np.float32).reshape(10, 2)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_batch_that_does_not_fit_is_halved_and_the_size_remembered(wrapped: bool) -> None:
    encoder = Limited(3, wrapped=wrapped)
    runner = BatchEncoder(encoder, mixed=False)

    first = runner.encode(BATCH)

    np.testing.assert_array_equal(first.features, BATCH * 2)
    assert first.source_logits is not None
    np.testing.assert_array_equal(first.source_logits, BATCH + 1)
    assert encoder.sizes == [10, 5, 3, 3, 3, 1]
    encoder.sizes.clear()
    np.testing.assert_array_equal(runner.encode(BATCH[:4]).features, BATCH[:4] * 2)
    assert encoder.sizes == [3, 1]


def test_parts_without_logits() -> None:
    assert BatchEncoder(Limited(4, logits=False), mixed=False).encode(BATCH).source_logits is None


def test_what_fits_is_run_whole() -> None:
    encoder = Limited(10)
    BatchEncoder(encoder, mixed=False).encode(BATCH)
    assert encoder.sizes == [10]


def test_one_sample_that_does_not_fit() -> None:
    with pytest.raises(ModelFailed, match=r"one sample alone does not fit in memory .*20 MiB"):
        BatchEncoder(Limited(0), mixed=False).encode(BATCH)


def test_other_errors_are_not_tried_again() -> None:
    class Broken(Limited):
        def encode(self, batch: Any) -> Encoded:
            self.sizes.append(len(batch))
            raise ValueError("a bug")

    encoder = Broken(1)
    with pytest.raises(ValueError, match="a bug"):
        BatchEncoder(encoder, mixed=False).encode(BATCH)
    assert encoder.sizes == [10]


def test_only_cuda_runs_in_mixed_precision() -> None:
    assert [runs_mixed(device) for device in ("cuda", "cuda:1", "cpu", "mps")] == [
        True,
        True,
        False,
        False,
    ]


class Narrow(Limited):
    """A model that overflows, or fails, in half precision."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__(100)
        self.fails = fails
        self.mixed: list[bool] = []

    def encode(self, batch: Any) -> Encoded:
        self.mixed.append(torch.is_autocast_enabled("cuda"))
        if self.mixed[-1] and self.fails:
            raise RuntimeError("expected Float but found Half")
        return Encoded(batch * (np.inf if self.mixed[-1] else 2.0))


@pytest.fixture
def _autocast_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let autocast be entered where there is no CUDA: it then says so and does nothing."""
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)


@pytest.mark.usefixtures("_autocast_without_cuda")
@pytest.mark.parametrize("fails", [False, True])
def test_what_half_precision_cannot_do_is_done_in_full(fails: bool) -> None:
    encoder = Narrow(fails=fails)
    runner = BatchEncoder(encoder, mixed=True)

    for _ in range(2):
        np.testing.assert_array_equal(runner.encode(BATCH[1:]).features, BATCH[1:] * 2)

    # A batch that overflows says nothing of the next one; a failure does.
    assert encoder.mixed == ([True, False, False] if fails else [True, False, True, False])
