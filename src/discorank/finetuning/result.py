"""What fine-tuning gave: every run, and the mean and spread of each model."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional
from discorank.finetuning.metrics import LOWER_IS_BETTER
from discorank.finetuning.table import Row, write_runs_file
from discorank.finetuning.tuning import Mode, Run
from discorank.report import formats
from discorank.report.groundtruth import ground_truth_to_csv, summarize_ground_truth

if TYPE_CHECKING:
    import pandas as pd

    from discorank.ranking.result import FailedModel
    from discorank.types import JSON, BadItem, Candidate

__all__ = ["FinetunedModel", "GroundTruth"]


@dataclass(frozen=True)
class FinetunedModel:
    """One candidate in one mode.

    Attributes
    ----------
    candidate : Candidate
    mode : {"full", "linear"}
    runs : tuple of Run
        The trials, then the final runs.
    """

    candidate: Candidate
    mode: Mode
    runs: tuple[Run, ...] = field(repr=False)

    @property
    def finals(self) -> list[Run]:
        """The final runs."""
        return [run for run in self.runs if run.stage == "final"]

    def values(self, metric: str) -> list[float]:
        """Return a metric on the test split, one per seed that has not diverged."""
        return [run.test[metric] for run in self.finals if metric in run.test]

    def mean(self, metric: str) -> float | None:
        """Return the mean over seeds; None if all have diverged."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """Return the standard deviation over seeds; None if there are fewer than two."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else None


@dataclass(frozen=True)
class GroundTruth:
    """Fine-tuned metrics of candidate models on one target.

    Printing it gives a table of 80 columns.

    Attributes
    ----------
    target : str
    task : {"classification", "multilabel", "regression"}
    metric : str
        That decides between recipes, and orders the models.
    models : tuple of FinetunedModel
        Those that are done, in the order in which they were asked for.
    failed : tuple of FailedModel
    unfinished : tuple of str
        Specs that an interrupt left.
    n_samples : mapping
        Samples for ``"train"``, ``"validation"`` and ``"test"``.
    fingerprint : str
        Digest of the content of the three parts.
    options : mapping
        All that the runs were made with.
    versions : mapping
        Of discorank, Python and the libraries behind it.
    bad : tuple of BadItem
        Items of the target that could not be read; they are in no part.
    """

    target: str
    task: str
    metric: str
    models: tuple[FinetunedModel, ...]
    failed: tuple[FailedModel, ...]
    unfinished: tuple[str, ...]
    n_samples: Mapping[str, int]
    fingerprint: str
    options: Mapping[str, JSON]
    versions: Mapping[str, str]
    bad: tuple[BadItem, ...] = ()

    @property
    def finetuned(self) -> dict[str, dict[str, float]]:
        """From the target to each model to its mean metric, as `discorank.agreement` takes it.

        That of the full fine-tuning, or of the linear probe if that was all. Where a lower metric
        is better, its negative.
        """
        return {self.target: self.of_mode("full") or self.of_mode("linear")}

    def of_mode(self, mode: Mode) -> dict[str, float]:
        """Return the mean metric of each model in one mode, higher being better."""
        sign = -1.0 if self.metric in LOWER_IS_BETTER else 1.0
        means = {
            one.candidate.name: one.mean(self.metric) for one in self.models if one.mode == mode
        }
        return {model: sign * mean for model, mean in means.items() if mean is not None}

    @property
    def rows(self) -> list[Row]:
        """Every run of every model, with its provenance: the rows of the Parquet file."""
        return [self._row(one, run) for one in self.models for run in one.runs]

    def _row(self, one: FinetunedModel, run: Run) -> Row:
        recipe = asdict(run.recipe)
        return {
            "target": self.target,
            "task": self.task,
            "model": one.candidate.name,
            "alias": one.candidate.alias,
            "mode": run.mode,
            "stage": run.stage,
            "number": run.number,
            "seed": run.seed,
            **{
                name: recipe[name]
                for name in (
                    "lr",
                    "weight_decay",
                    "optimizer",
                    "momentum",
                    "batch_size",
                    "patience",
                )
            },
            "max_epochs": run.recipe.epochs,
            "epochs": run.epochs,
            "best_epoch": run.best_epoch,
            "diverged": run.diverged,
            "metric": self.metric,
            "validation": run.validation,
            "validation_loss": run.validation_loss,
            "value": run.test.get(self.metric),
            **dict(run.test),
            "seconds": run.seconds,
            **{f"n_{name}": count for name, count in self.n_samples.items()},
            "fingerprint": self.fingerprint,
            "weights": one.candidate.weights,
            "parameters": one.candidate.parameters,
            "source_accuracy": one.candidate.source_accuracy,
            "device": self.options["device"],
            "discorank": self.versions["discorank"],
            "torch": self.versions.get("torch"),
        }

    def to_dict(self) -> dict[str, JSON]:
        """Return the result as what JSON can hold; ``"finetuned"`` is the truth for `evaluate`."""
        return {
            "target": self.target,
            "task": self.task,
            "metric": self.metric,
            "finetuned": self.finetuned,
            "models": [self._model(one) for one in self._best_first()],
            "failed": [asdict(failure) for failure in self.failed],
            "unfinished": list(self.unfinished),
            "n_samples": dict(self.n_samples),
            "fingerprint": self.fingerprint,
            "options": dict(self.options),
            "versions": dict(self.versions),
            "bad": [asdict(item) for item in self.bad],
        }

    def _best_first(self) -> list[FinetunedModel]:
        def place(one: FinetunedModel) -> tuple[bool, float, str]:
            value = self.of_mode(one.mode).get(one.candidate.name, -float("inf"))
            return one.mode != "full", -value, one.candidate.name

        return sorted(self.models, key=place)

    def _model(self, one: FinetunedModel) -> dict[str, JSON]:
        final = one.finals[0]
        names = list(dict.fromkeys(name for run in one.finals for name in run.test))
        return {
            "model": one.candidate.name,
            "alias": one.candidate.alias,
            "mode": one.mode,
            "mean": one.mean(self.metric),
            "spread": one.spread(self.metric),
            "metrics": {
                name: {"mean": one.mean(name), "spread": one.spread(name)} for name in names
            },
            "lr": final.recipe.lr,
            "weight_decay": final.recipe.weight_decay,
            "epochs": [run.best_epoch for run in one.finals],
            "seconds": sum(run.seconds for run in one.runs),
            "parameters": one.candidate.parameters,
            "source_accuracy": one.candidate.source_accuracy,
        }

    def to_parquet(self, path: str | Path) -> None:
        """Write every run, with versions, options and failures in the metadata of the file."""
        write_runs_file(Path(path), self.rows, self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """Return every run as a pandas frame; needs the extra ``frames``."""
        pandas = import_optional("pandas", extra="frames", purpose="GroundTruth.to_frame")
        return pandas.DataFrame(self.rows)

    def to_json(self) -> str:
        """Return the result as JSON."""
        return formats.to_json(self.to_dict())

    def to_csv(self) -> str:
        """Return one line per model and mode."""
        return ground_truth_to_csv(self.to_dict())

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        return formats.summary_to_markdown(summarize_ground_truth(self.to_dict()))

    def __str__(self) -> str:
        text: Any = import_optional("discorank.report.text", extra="cli", purpose="a table")
        return str(text.to_text(summarize_ground_truth(self.to_dict())))
