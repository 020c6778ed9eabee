from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank.features import FeatureStore
from discorank.ranking.budget import Budget, Spending
from discorank.ranking.events import no_events
from discorank.ranking.executors import LocalExecutor
from discorank.ranking.panel import Panel
from discorank.ranking.result import BudgetUse, Left
from discorank.ranking.schedule import Schedule
from discorank.ranking.work import Job, Scored, Work
from discorank.targets import open_target

N_SAMPLES = 800
PER_SAMPLE, LOADING = 0.1, 3.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class TimedExecutor(LocalExecutor):
    """Moves the clock on by what loading and running a model would take."""

    def __init__(self, job: Job, clock: Clock) -> None:
        super().__init__(job)
        self._clock = clock

    def run(
        self, works: Sequence[Any], started: Callable[[Any], None]
    ) -> Iterator[tuple[Any, Any]]:
        def started_at(work: Work) -> None:
            started(work)
            if isinstance(parts := getattr(work, "parts", None), tuple):
                self._clock.now += LOADING + PER_SAMPLE * len(parts[-1])

        for work, outcome in super().run(works, started_at):
            if isinstance(outcome, Scored):
                seconds = PER_SAMPLE * outcome.sheet.n_samples
                yield work, replace(outcome, seconds=seconds)
            else:
                yield work, outcome


@pytest.fixture
def contest(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a target, one model that is beaten at once, and two that stay."""
    labels = np.arange(N_SAMPLES) % 4
    specs = []
    for seed, (name, separation) in enumerate({"none": 0.0, "good": 2.95, "best": 3.0}.items()):
        rng = np.random.default_rng(seed)
        features = rng.standard_normal((N_SAMPLES, 8)) + separation * np.eye(8)[labels]
        np.savez(tmp_path / f"{name}.npz", features=features.astype("float32"), labels=labels)
        specs.append(f"features:{tmp_path / name}.npz?name={name}")
    return tmp_path / "best.npz", specs


def raced(
    contest: tuple[Path, list[str]], budget: Budget, *, stored: bool = False
) -> tuple[Schedule, BudgetUse | None, Clock]:
    """Race on a clock that only models move."""
    target, specs = contest
    data = open_target(target)
    panel = Panel.of(["disco"], "classification", {})
    job = Job(data=data, panel=panel, store=FeatureStore(target.parent / "store"))
    clock = Clock()
    spending = Spending(budget, clock)
    schedule = Schedule.of(specs, TimedExecutor(job, clock), no_events)

    def missing(specs: Sequence[str], positions: Any) -> Mapping[str, int]:
        return dict.fromkeys(specs, 0 if stored else len(positions))

    use = schedule.run(data, panel, race=True, random_state=0, spending=spending, missing=missing)
    return schedule, use, clock


def left_by_alias(schedule: Schedule) -> dict[str, tuple[int, Left | None]]:
    """Return how many samples each saw, and when it left, to the second."""
    found = {}
    for spec, outcome in schedule.outcomes.items():
        assert isinstance(outcome, Scored)
        left = outcome.left and replace(outcome.left, seconds=round(outcome.left.seconds))
        found[spec.rpartition("=")[2]] = outcome.sheet.n_samples, left
    return found


# The first round takes 3 × (3 s + 100 × 0.1 s) = 39 s, the second, of two models, the same 26 s,
# the third, of 200 samples more, 46 s.
@pytest.mark.parametrize(
    ("seconds", "n_seen", "n_rounds", "took"),
    [(64.9, 100, 1, 39.0), (65.1, 200, 2, 65.0), (110.9, 200, 2, 65.0), (111.1, 400, 3, 111.0)],
)
def test_a_round_that_would_not_end_in_time_is_not_begun(
    contest: tuple[Path, list[str]], seconds: float, n_seen: int, n_rounds: int, took: float
) -> None:
    schedule, use, clock = raced(contest, Budget(seconds=seconds))
    assert clock.now == pytest.approx(1_000.0 + took)
    assert use is not None
    assert (use.is_spent, use.rounds, use.of_rounds) == (True, n_rounds, 4)
    assert use.seconds_spent == pytest.approx(took)
    left = left_by_alias(schedule)
    assert left["none"] == (100, Left(1, 39, "beaten"))
    for name in ("good", "best"):  # who is left has seen the same samples
        assert left[name] == (n_seen, Left(n_rounds, took, "budget"))
    assert schedule.unfinished == ()


def test_a_budget_that_is_large_enough_changes_nothing(contest: tuple[Path, list[str]]) -> None:
    schedule, use, _ = raced(contest, Budget(seconds=1e6))
    free, no_use, _ = raced(contest, Budget())
    assert no_use is None
    assert use is not None
    assert not use.is_spent
    assert left_by_alias(schedule) == left_by_alias(free)
    assert left_by_alias(free)["best"] == (N_SAMPLES, None)


def test_the_first_round_ends_when_the_time_is_over(contest: tuple[Path, list[str]]) -> None:
    schedule, use, clock = raced(contest, Budget(seconds=20.0))
    assert clock.now == 1_000.0 + 26.0  # the second model was begun in time, and is finished
    assert use is not None
    assert use.is_spent
    assert list(schedule.unfinished) == [contest[1][2]]
    assert set(left_by_alias(schedule)) == {"none", "good"}


def test_what_is_stored_needs_no_time(contest: tuple[Path, list[str]]) -> None:
    spending = Spending(Budget(seconds=60.0), clock := Clock())
    schedule, _, _ = raced(contest, Budget())
    [spec] = [spec for spec in schedule.outcomes if "best" in spec]
    scored = schedule.outcomes[spec]
    assert isinstance(scored, Scored)
    spending.begin_round({spec: 100})
    spending.begin(spec)
    clock.now += 59.0
    spending.end(spec, scored)
    assert not Spending(Budget(seconds=60.0), clock).is_out_of_time(1)
    assert spending.affords({spec: 0})
    assert not spending.affords({spec: 100})


def test_a_model_may_be_run_on_more_samples_than_the_store_held(
    contest: tuple[Path, list[str]],
) -> None:
    # Its first round came from the store, which says that a sample takes 0.1 s to extract.
    scored = next(iter(raced(contest, Budget())[0].scored.values()))
    spending = Spending(Budget(seconds=15.0), clock := Clock())
    spending.begin_round({"m": 0})
    spending.begin("m")
    clock.now += 1.0
    spending.end("m", scored)
    assert spending.affords({"m": 130})  # 1 s + 1 s + 13 s
    assert not spending.affords({"m": 131})


def test_models_side_by_side_take_less_than_one_after_the_other(
    contest: tuple[Path, list[str]],
) -> None:
    scored = next(iter(raced(contest, Budget())[0].scored.values()))
    spending = Spending(Budget(seconds=20.1), clock := Clock())
    spending.begin_round({"a": 100, "b": 100})
    spending.begin("a")
    spending.begin("b")
    clock.now += 10.0
    spending.end("a", scored)
    spending.end("b", scored)
    assert spending.affords({"a": 100, "b": 100})


def ranked(contest: tuple[Path, list[str]], **options: Any) -> discorank.Ranking:
    return discorank.rank(contest[0], contest[1], **options)


@pytest.fixture
def images(tmp_path: Path, small_models: Callable[..., list[str]]) -> tuple[Path, list[str]]:
    """Return images of noise, which leave no network behind beyond doubt, and networks."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 3
    images = rng.integers(255, size=(400, 8, 8)).astype("uint8")
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    return tmp_path / "images.npz", small_models("m0", "m1", "m2")


def test_samples_in_the_cache_are_free(images: tuple[Path, list[str]], tmp_path: Path) -> None:
    options: dict[str, Any] = {"cache": tmp_path, "workers": 0}
    one = ranked(images, budget_samples=299, **options)
    assert one.race
    assert one.budget is not None
    assert one.budget.samples_spent == 200
    assert one.budget.is_spent
    assert not one.is_interrupted
    assert [model.n_samples for model in one.models] == [100, 100]
    assert list(one.unfinished) == [images[1][2]]
    assert "The budget was spent before" in str(one)
    again = ranked(images, budget_samples=100, **options)  # the third is what is missing
    assert again.budget is not None
    assert again.budget.samples_spent == 100
    assert again.unfinished == ()
    assert {model.left.reason for model in again.models if model.left} == {"budget"}
    assert "The budget of 100 samples holds 1 of 3 rounds" in str(again)
    cached = ranked(images, budget_samples=1, **options)
    assert cached.budget is not None
    assert cached.budget.samples_spent == 0
    scores = {model.model: model.score for model in again.models}
    assert {model.model: model.score for model in cached.models} == scores


def test_a_tiny_time_comes_a_model_further_each_time(
    images: tuple[Path, list[str]], tmp_path: Path
) -> None:
    for n_models in (1, 2, 3):
        ranking = ranked(images, budget=1e-9, cache=tmp_path, workers=0)
        assert {model.model for model in ranking.models} == set(images[1][:n_models])
        assert list(ranking.unfinished) == images[1][n_models:]
        assert not ranking.is_interrupted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget must be a number above 0, got 0"),
        ({"budget_samples": 0}, "budget_samples must be a whole number of at least 1, got 0"),
    ],
)
def test_limits_are_positive(
    contest: tuple[Path, list[str]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(discorank.InvalidInput, match=message):
        ranked(contest, **options)


def test_too_few_samples_for_one_model_are_refused(
    images: tuple[Path, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(discorank.InvalidInput, match=r"must be at least 100, .* got 99"):
        ranked(images, budget_samples=99, cache=tmp_path, workers=0)


def test_the_time_ends_what_runs_in_other_processes(
    images: tuple[Path, list[str]], tmp_path: Path
) -> None:
    ranking = ranked(
        images, budget=1e-9, executor="processes", jobs=2, cache=tmp_path, workers=0, device="cpu"
    )
    assert len(ranking.models) == 1
    assert set(ranking.unfinished) == set(images[1]) - {ranking.best.model}
    assert multiprocessing.active_children() == []
