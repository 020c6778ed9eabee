"""What Python looks at when it looks for models that are no longer used."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import discorank
from discorank.ranking.events import Event
from discorank.types import JSON


class Circle:
    """Holds itself, as some models do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def specs(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    for name in "abc":
        features = rng.standard_normal((60, 5))
        np.savez(tmp_path / f"{name}.npz", features=features, labels=np.arange(60) % 3)
    return [f"features:{tmp_path / name}.npz" for name in "abc"]


@pytest.fixture
def _a_policy_of_its_own() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


def test_what_a_model_leaves_is_found_before_the_next(specs: list[str], tmp_path: Path) -> None:
    left: list[weakref.ref[Circle]] = []
    frozen: list[int] = []

    def follow(event: Event, facts: Mapping[str, JSON]) -> None:
        if event == "model_started":
            assert [ref for ref in left if ref() is not None] == []
            left.append(weakref.ref(Circle()))
            frozen.append(gc.get_freeze_count())

    gc.disable()  # else it might be found by chance
    try:
        discorank.rank(tmp_path / "a.npz", specs, events=follow)
    finally:
        gc.enable()
    assert len(left) == len(specs)
    assert min(frozen) > 1000  # the objects of the libraries are not looked at again
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("_a_policy_of_its_own")
def test_a_program_that_freezes_its_objects_keeps_them_so(specs: list[str], tmp_path: Path) -> None:
    before = gc.get_freeze_count()
    discorank.rank(tmp_path / "a.npz", specs)
    assert gc.get_freeze_count() > before / 2  # some are no longer used
