from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import discorank
from discorank.features import FeatureStore
from discorank.ranking.racing import rounds

N_SAMPLES = 800


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(120, 900))
def test_rounds_are_nested_and_stratified(seed: int, n_classes: int, n_samples: int) -> None:
    rng = np.random.default_rng(seed)
    strata = rng.permutation(np.r_[np.arange(n_classes), rng.integers(0, n_classes, n_samples)])
    counts = np.bincount(strata)
    laps = rounds(strata, random_state=seed)
    assert laps[-1].tolist() == list(range(len(strata)))
    for small, large in itertools.pairwise(laps):
        assert set(small.tolist()) < set(large.tolist())
        assert len(large) == min(2 * len(small), len(strata))
    for lap in laps:
        assert (np.diff(lap) > 0).all()
        taken = np.bincount(strata[lap], minlength=n_classes)
        assert (taken >= np.minimum(counts, 2)).all()
        share = counts * len(lap) / len(strata)
        # Two of each class come first, which takes from the shares of the others.
        assert (np.abs(taken - share) <= 2 * n_classes + 2).all()
    again = rounds(strata, random_state=seed)
    assert all((one == other).all() for one, other in zip(laps, again, strict=True))


@pytest.fixture
def contest(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a target, and features whose classes lie further and further apart."""
    labels = np.arange(N_SAMPLES) % 4
    specs = []
    separations = {"none": 0.0, "weak": 0.5, "good": 2.95, "best": 3.0}
    for seed, (name, separation) in enumerate(separations.items()):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((N_SAMPLES, 8)) + separation * np.eye(8)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
        specs.append(f"features:{tmp_path / name}.npz?name={name}")
    return tmp_path / "best.npz", specs


def test_the_beaten_leave_early_and_the_winner_is_the_same(
    contest: tuple[Path, list[str]], timeless: Callable[[discorank.Ranking], Any]
) -> None:
    target, specs = contest
    whole = discorank.rank(target, specs)
    race = discorank.rank(target, specs, race=True)
    assert race.best.model == whole.best.model
    assert race.best.alias == "best"
    seen = {model.alias: model.n_samples for model in race.models}
    assert seen["none"] == seen["weak"] == 100
    assert seen["best"] > 100
    assert [model.rank for model in race.models] == [1, 2, 3, 4]
    assert [model.n_samples for model in race.models] == sorted(seen.values(), reverse=True)
    assert {model.n_samples for model in whole.models} == {N_SAMPLES}
    assert race.models[-1].p_best == 0.0
    assert race.models[-1].behind_low is None
    assert sum(model.p_best or 0.0 for model in race.models) == pytest.approx(1.0)
    text = str(race)
    assert "The race left out" in text
    assert "samples" in text.splitlines()[2]
    assert timeless(race) == timeless(discorank.rank(target, specs, race=True))
    assert race.models[-1].left is not None
    assert (race.models[-1].left.round, race.models[-1].left.reason) == (1, "beaten")
    assert race.models[-1].left.seconds > 0.0
    assert race.best.left is None
    assert "beaten" in text.splitlines()[2]
    rows = race.to_csv().splitlines()
    assert rows[0].endswith(",left_round,left_seconds,left_reason")
    assert rows[1].endswith(",,,")
    assert rows[-1].endswith(",beaten")
    assert race.to_frame()["left_round"].tolist()[-1] == 1.0


def test_who_saw_all_has_the_score_of_a_plain_ranking(contest: tuple[Path, list[str]]) -> None:
    target, specs = contest
    alike = [spec for spec in specs if "good" in spec or "best" in spec]
    race = discorank.rank(target, [*alike, specs[0]], race=True)
    whole = {model.model: model.score for model in discorank.rank(target, alike).models}
    for model in race.models:
        if model.n_samples == N_SAMPLES:
            assert model.score == whole[model.model]


def test_no_sample_is_extracted_twice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    timeless: Callable[[discorank.Ranking], Any],
) -> None:
    (tmp_path / "discorank_raced_models.py").write_text(
        dedent(
            """
            import numpy as np
            import torch
            from torch import nn

            seen = []

            def as_array(image):
                array = np.asarray(image.convert("L"), dtype="float32")[None] / 255
                seen.append(array.tobytes())
                return array

            def make(seed):
                torch.manual_seed(seed)
                return nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Linear(5, 2)), as_array

            def one():
                return make(0)

            def other():
                return make(1)
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    images = (60 * labels[:, None, None] + rng.integers(60, size=(300, 4, 4))).astype("uint8")
    np.savez(tmp_path / "t.npz", images=images, labels=labels)
    specs = [f"python:discorank_raced_models:{name}" for name in ("one", "other")]
    ranking = discorank.rank(tmp_path / "t.npz", specs, race=True, cache=tmp_path, workers=0)
    import discorank_raced_models  # type: ignore[import-not-found]

    seen: list[bytes] = discorank_raced_models.seen
    # One blank image per model, by which its input size is found.
    n_seen = sum(model.n_samples for model in ranking.models) + len(specs)
    assert len(seen) == n_seen
    entries = FeatureStore(tmp_path / "features").entries()
    assert len({entry.key["selection"] for entry in entries}) >= len(entries) / 2
    again = discorank.rank(tmp_path / "t.npz", specs, race=True, cache=tmp_path, workers=0)
    assert len(seen) == n_seen + len(specs)
    assert timeless(again) == timeless(ranking)
    assert [model.seconds for model in again.models] == [model.seconds for model in ranking.models]


def test_how_far_models_came_is_said_beside_several_scorers(
    contest: tuple[Path, list[str]],
) -> None:
    target, specs = contest
    race = discorank.rank(target, specs, race=True, scorer=["disco-cosine", "knn"])
    # By another scorer too, who saw fewer samples comes behind.
    assert sorted(model.others["knn"].rank for model in race.models[:2]) == [1, 2]
    assert [model.others["knn"].rank for model in race.models[2:]] == [3, 4]
    assert race.models[2].others["knn"].p_best is None
    text = str(race)
    assert text.splitlines()[2].split() == [
        *("#", "model", "score", "interval", "P(best)", "samples", "beaten", "time"),
    ]
    assert "By knn: good, best, weak … of 4" in text


def test_an_interrupted_round_is_in_no_ranking(contest: tuple[Path, list[str]]) -> None:
    target, specs = contest

    def interrupting(event: str, facts: Mapping[str, Any]) -> None:
        if event == "model_scored" and facts["n_samples"] > 200:
            raise KeyboardInterrupt

    # The first to be scored in the third round alone has seen more.
    race = discorank.rank(target, specs, race=True, events=interrupting)
    assert race.is_interrupted
    assert race.unfinished == ()
    assert [model.n_samples for model in race.models] == [200, 200, 100, 100]
    assert [model.left and (model.left.round, model.left.reason) for model in race.models] == [
        (2, "interrupted"),
        (2, "interrupted"),
        (1, "beaten"),
        (1, "beaten"),
    ]
    assert all(0.0 < (model.p_best or 0.0) < 1.0 for model in race.models[:2])
    assert "Interrupted in round 3 of the race" in str(race)


def test_those_come_back_whom_only_failures_have_beaten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "discorank_failing_leaders.py").write_text(
        dedent(
            """
            from collections import Counter

            import numpy as np
            from torch import nn

            def as_array(image):
                return np.asarray(image.convert("L"), dtype="float32")[None] / 255

            seen = Counter()

            class Pixels(nn.Module):
                def __init__(self, n_pixels):
                    super().__init__()
                    self.n_pixels = n_pixels

                def forward(self, x):
                    seen[self.n_pixels] += len(x)
                    if self.n_pixels > 8 and seen[self.n_pixels] > 150:
                        raise RuntimeError("worn out")
                    return x.flatten(1)[:, : self.n_pixels]

            def leader():
                return Pixels(16), as_array

            def twin():
                return Pixels(15), as_array

            def weak():
                return Pixels(7), as_array

            def weaker():
                return Pixels(6), as_array
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    images = rng.integers(80, size=(400, 4, 4))
    images.reshape(400, 16)[:, 4:] += 120 * (np.arange(12) % 4 == labels[:, None])
    np.savez(tmp_path / "t.npz", images=images.astype("uint8"), labels=labels)
    names = ("leader", "twin", "weak", "weaker")
    specs = [f"python:discorank_failing_leaders:{name}" for name in names]
    left: list[str] = []

    def follow(event: str, facts: Mapping[str, Any]) -> None:
        if event == "model_left":
            left.append(facts["model"])

    race = discorank.rank(
        tmp_path / "t.npz", specs, race=True, cache=tmp_path, workers=0, events=follow
    )
    assert [failure.model for failure in race.failed] == specs[:2]
    assert left == specs[2:]
    # The weaker is behind the weak one too.
    first, second = race.models
    assert (first.model, first.n_samples, first.left) == (specs[2], 200, None)
    assert (second.model, second.n_samples) == (specs[3], 100)
    assert second.left is not None
    assert second.left.reason == "beaten"
