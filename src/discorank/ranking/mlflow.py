"""The events of a ranking as runs of MLflow."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.report.formats import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discorank.ranking.events import Event
    from discorank.types import JSON

__all__ = ["MLflowEvents"]

_PARAMETERS = (
    "target",
    "task",
    "fingerprint",
    "n_samples",
    "n_total",
    "scorers",
    "hard_fraction",
    "race",
    "budget",
    "budget_samples",
    "random_state",
    "device",
    "batch_size",
)
_METRICS = ("rank", "score", "low", "high", "p_best")
_LONGEST = 500  # characters that every store takes for a parameter


class MLflowEvents:
    """Records a ranking in MLflow: ``discorank.rank(..., events=MLflowEvents("photos"))``.

    One run for the ranking, with its options as parameters, its versions as tags and
    ``ranking.json`` as artifact; below it one run per model, with its score after each round of a
    race (the step is the number of samples), then rank, interval and P(best). A model that fails is
    a failed run with the reason as a tag.

    Parameters
    ----------
    experiment : str
        Made if there is none of this name.
    tracking_uri : str, optional
        ``"http://…"``, ``"sqlite:///mlflow.db"``; None is what MLflow is set to
        (``MLFLOW_TRACKING_URI``).

    Raises
    ------
    MissingExtra
        If MLflow is not installed.
    InvalidInput
        When the ranking starts, if MLflow cannot be reached.
    """

    def __init__(self, experiment: str = "discorank", *, tracking_uri: str | None = None) -> None:
        self._mlflow = import_optional("mlflow", extra="mlflow", purpose="recording in MLflow")
        self._experiment = experiment
        self._tracking_uri = tracking_uri
        self._parent: str = ""
        self._of_model: dict[str, str] = {}
        self._running: set[str] = set()
        self._do = {
            "run_started": self._start,
            "model_started": self._start_model,
            "model_scored": self._score_model,
            "model_failed": self._fail_model,
            "model_left": self._leave,
            "run_finished": self._finish,
            "run_stopped": self._stop,
        }

    def __call__(self, event: Event, facts: Mapping[str, JSON]) -> None:
        """Record one event."""
        self._do[event](facts)

    @cached_property
    def _client(self) -> Any:
        return self._mlflow.MlflowClient(tracking_uri=self._tracking_uri)

    def _start(self, facts: Mapping[str, Any]) -> None:
        self._of_model, self._running = {}, set()
        try:
            tags = {f"discorank.version.{name}": text for name, text in facts["versions"].items()}
            self._parent = self._run(f"rank {facts['target']}", tags)
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            said = str(error).partition("\n")[0]
            raise InvalidInput(f"the ranking cannot be recorded in MLflow: {said}") from error
        self._log(
            self._parent,
            params={
                **{name: facts[name] for name in _PARAMETERS},
                "n_models": len(facts["models"]),
                **{
                    f"{scorer}.{name}": value
                    for scorer, options in facts["options"].items()
                    for name, value in options.items()
                },
            },
        )

    def _start_model(self, facts: Mapping[str, Any]) -> None:
        self._run_of(facts["model"])

    def _score_model(self, facts: Mapping[str, Any]) -> None:
        values = {name: facts[name] for name in ("score", "seconds")}
        self._log(self._run_of(facts["model"]), metrics=values, step=facts["n_samples"])

    def _fail_model(self, facts: Mapping[str, Any]) -> None:
        run = self._run_of(facts["model"])
        self._client.set_tag(run, "discorank.reason", facts["reason"])
        self._end(run, "FAILED")

    def _leave(self, facts: Mapping[str, Any]) -> None:
        run = self._run_of(facts["model"])
        self._client.set_tag(run, "discorank.left", f"round {facts['round']}, {facts['reason']}")

    def _finish(self, ranking: Mapping[str, Any]) -> None:
        for model in ranking["ranking"]:
            run = self._run_of(model["model"])
            values = {name: model[name] for name in _METRICS}
            self._log(run, metrics=values, step=model["n_samples"])
            about = ("source", "weights", "layer", "parameters", "n_features", "input_size")
            self._log(run, params={name: model[name] for name in about})
            self._end(run, "FINISHED")
        counts = {"n_ranked": len(ranking["ranking"]), "n_failed": len(ranking["failed"])}
        self._log(self._parent, metrics=counts)
        for best in ranking["ranking"][:1]:
            self._log(self._parent, metrics={"best_score": best["score"]})
            self._client.set_tag(self._parent, "discorank.best", best["model"])
        self._client.log_text(self._parent, to_json(ranking), "ranking.json")
        self._end(self._parent, "FINISHED")
        self._end_all("KILLED")  # what an interrupt or the budget has cut off

    def _stop(self, facts: Mapping[str, Any]) -> None:
        self._client.set_tag(self._parent, "discorank.reason", facts["reason"])
        self._end_all("KILLED" if facts["reason"] == "interrupted" else "FAILED")

    def _end(self, run: str, status: str) -> None:
        self._client.set_terminated(run, status)
        self._running.discard(run)

    def _end_all(self, status: str) -> None:
        for run in sorted(self._running):
            self._end(run, status)

    def _run_of(self, model: str) -> str:
        if model not in self._of_model:
            tags = {"mlflow.parentRunId": self._parent, "discorank.model": model}
            self._of_model[model] = self._run(model, tags)
        return self._of_model[model]

    def _run(self, name: str, tags: Mapping[str, str]) -> str:
        made = self._client.create_run(self._experiment_id, run_name=name, tags=dict(tags))
        run = str(made.info.run_id)
        self._running.add(run)
        return run

    @cached_property
    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is None:
            try:
                return str(self._client.create_experiment(self._experiment))
            except self._mlflow.exceptions.MlflowException:
                found = self._client.get_experiment_by_name(self._experiment)
                if found is None:  # else another process was faster
                    raise
        return str(found.experiment_id)

    def _log(
        self,
        run: str,
        *,
        metrics: Mapping[str, float | None] | None = None,
        params: Mapping[str, Any] | None = None,
        step: int = 0,
    ) -> None:
        """Log what is known; MLflow has nothing for what is not."""
        entities = self._mlflow.entities
        now = int(1000 * time.time())
        self._client.log_batch(
            run,
            metrics=[
                entities.Metric(name, float(value), now, step)
                for name, value in (metrics or {}).items()
                if value is not None
            ],
            params=[
                entities.Param(name, str(value)[:_LONGEST])
                for name, value in (params or {}).items()
                if value is not None
            ],
        )
