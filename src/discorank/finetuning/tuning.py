"""One candidate, one mode: the sweep that chooses the recipe, then the seeds that measure it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from discorank.errors import ModelFailed
from discorank.features import runs_mixed
from discorank.finetuning.inference import count_outputs, features_of
from discorank.finetuning.inputs import Subject, opened
from discorank.finetuning.kept import keep_features, keeps
from discorank.finetuning.metrics import LOWER_IS_BETTER
from discorank.finetuning.networks import new_head
from discorank.finetuning.recipe import Recipe
from discorank.finetuning.search import sweep
from discorank.finetuning.splits import Splits
from discorank.finetuning.training import Fitted, evaluate, fit

if TYPE_CHECKING:
    from discorank.features import FeatureStore, Progress
    from discorank.finetuning.journal import Journal
    from discorank.types import Candidate

__all__ = ["Mode", "Run", "Tuning", "Workbench"]

Mode: TypeAlias = Literal["full", "linear"]
_Stage: TypeAlias = Literal["trial", "final"]


@dataclass(frozen=True)
class Run:
    """One training and what came of it; a row of the table.

    Attributes
    ----------
    mode : {"full", "linear"}
    stage : {"trial", "final"}
        Trials choose the recipe; final runs measure the chosen one, each with a seed of its own.
    number : int
        Of the trial or the final run, from 0.
    seed : int
    recipe : Recipe
    epochs, best_epoch : int
        As in `Fitted`.
    diverged : bool
    validation, validation_loss : float, optional
        On the validation split; None if the first epoch has diverged.
    test : mapping
        All metrics on the test split; empty for trials, which must not see it.
    seconds : float
    """

    mode: Mode
    stage: _Stage
    number: int
    seed: int
    recipe: Recipe
    epochs: int
    best_epoch: int
    diverged: bool
    validation: float | None
    validation_loss: float | None
    test: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, eq=False)
class Workbench:
    """What all candidates share.

    Attributes
    ----------
    splits : Splits
    metric : str
        Decides between epochs and recipes.
    trials : int
        Recipes that are tried.
    seeds : int
        Final runs.
    recipes : mapping
        From a mode to its recipe, all but learning rate and weight decay.
    random_state : int
        Seed of the search and of the trials; the final runs have those that follow.
    device : str
    workers : int, optional
    journal : Journal
        Where runs are kept as they are done.
    store : FeatureStore, optional
        Where features for linear probes are kept.
    keep : Path, optional
        Folder for features before and after fine-tuning.
    progress : Progress, optional
    """

    splits: Splits
    metric: str
    trials: int
    seeds: int
    recipes: Mapping[Mode, Recipe]
    random_state: int
    device: str
    workers: int | None
    journal: Journal
    store: FeatureStore | None
    keep: Path | None = None
    progress: Progress | None = None


@dataclass(eq=False)
class Tuning:
    """The runs of one candidate in one mode.

    Attributes
    ----------
    candidate : Candidate
    mode : {"full", "linear"}
    bench : Workbench
    """

    candidate: Candidate
    mode: Mode
    bench: Workbench
    _subject: Subject | None = None
    _first: Fitted | None = None
    _opened: ExitStack = field(default_factory=ExitStack)

    def run(self) -> list[Run]:
        """Return all runs, the trials first; those that the journal has are not run again.

        Raises
        ------
        ModelFailed
            If the candidate cannot be fine-tuned, or diverges with every recipe that is tried.
        """
        bench, progress = self.bench, self.bench.progress
        if progress is not None:
            progress.start(f"{self.candidate.label} {self.mode}", bench.trials + bench.seeds)
        try:
            with self._opened:
                trials: list[Run] = []

                def attempt(number: int, recipe: Recipe) -> float:
                    trials.append(self._run("trial", number, recipe))
                    value = trials[-1].validation
                    return float("nan") if value is None else value

                sweep(
                    bench.recipes[self.mode],
                    bench.trials,
                    attempt,
                    minimize=bench.metric in LOWER_IS_BETTER,
                    random_state=bench.random_state,
                )
                chosen = self._choose(trials).recipe
                finals = [self._run("final", number, chosen) for number in range(bench.seeds)]
                self._keep(finals[0])
                return trials + finals
        finally:
            if progress is not None:
                progress.finish()

    def _choose(self, trials: list[Run]) -> Run:
        """Return the best on the validation split; of equals, that of the lower loss."""
        finished = [run for run in trials if run.validation is not None]
        if not finished:
            rates = sorted({run.recipe.lr for run in trials})
            raise ModelFailed(
                f"its loss is not finite after one epoch, with any of the {len(trials)} recipes "
                f"tried (learning rates from {rates[0]:.2g} to {rates[-1]:.2g})"
            )
        sign = -1.0 if self.bench.metric in LOWER_IS_BETTER else 1.0
        return max(
            finished,
            key=lambda run: (sign * (run.validation or 0.0), -(run.validation_loss or 0.0)),
        )

    def _run(self, stage: _Stage, number: int, recipe: Recipe) -> Run:
        """Look a run up in the journal, or do it."""
        seed = self.bench.random_state + (0 if stage == "trial" else 1 + number)
        key = self._key(stage, recipe, seed)
        record = self.bench.journal.get(key)
        if record is None:
            began = time.perf_counter()
            fitted = self._fit(recipe, seed)
            if self.bench.keep is not None and stage == "final" and number == 0:
                self._first = fitted
            test = {}
            if stage == "final":
                test = evaluate(fitted, self._open().test, task=self.bench.splits.train.task)
            record = {
                "epochs": fitted.epochs,
                "best_epoch": fitted.best_epoch,
                "diverged": fitted.diverged,
                "validation": fitted.validation,
                "validation_loss": fitted.validation_loss,
                "test": {name: value for name, value in test.items() if np.isfinite(value)},
                "seconds": time.perf_counter() - began,
            }
            self.bench.journal.put(key, record)
        if self.bench.progress is not None:
            self.bench.progress.advance(1)
        return Run(self.mode, stage, number, seed, recipe, **record)

    def _key(self, stage: _Stage, recipe: Recipe, seed: int) -> dict[str, Any]:
        """Everything that the numbers of a run depend on."""
        candidate, splits = self.candidate, self.bench.splits
        parts = ("train", "validation", *(("test",) if stage == "final" else ()))
        return {
            "model": candidate.name,
            "weights": candidate.weights,
            "layer": candidate.layer,
            "preprocessing": dict(candidate.preprocessing),
            "task": splits.train.task,
            "splits": splits.digest(*parts),
            "stage": stage,
            "recipe": asdict(recipe),
            "metric": self.bench.metric,
            "seed": seed,
            "mixed": runs_mixed(self.bench.device),
        }

    def _fit(self, recipe: Recipe, seed: int) -> Fitted:
        subject, splits = self._open(), self.bench.splits
        width = count_outputs(subject.backbone, subject.train.inputs, self.bench.device)
        return fit(
            subject.backbone,
            new_head(width, splits.n_outputs, seed=seed),
            subject.train,
            subject.validation,
            task=splits.train.task,
            recipe=recipe,
            seed=seed,
            metric=self.bench.metric,
            device=self.bench.device,
        )

    def _open(self) -> Subject:
        """Load the candidate when the first run needs it: a sweep that is done needs none."""
        if self._subject is None:
            bench = self.bench
            self._subject = self._opened.enter_context(
                opened(
                    self.candidate,
                    bench.splits,
                    linear=self.mode == "linear",
                    device=bench.device,
                    batch_size=bench.recipes[self.mode].batch_size,
                    workers=bench.workers,
                    store=bench.store,
                )
            )
        return self._subject

    def _keep(self, final: Run) -> None:
        """Write the features of the training samples before and after fine-tuning."""
        folder = self.bench.keep
        if folder is None or self.mode == "linear":
            return
        digest = self.bench.journal.digest(self._key("final", final.recipe, final.seed))
        if keeps(folder, self.candidate, digest):
            return
        subject = self._open()
        after = (self._first or self._fit(final.recipe, final.seed)).backbone
        before, tuned = (
            features_of(
                backbone,
                subject.train.inputs,
                batch_size=final.recipe.batch_size,
                device=self.bench.device,
            )
            for backbone in (subject.backbone, after)
        )
        keep_features(folder, self.candidate, digest, before, tuned, target=self.bench.splits.train)
