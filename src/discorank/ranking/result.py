"""The records of a ranking: what was ranked, what failed, and how to make it again."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from discorank._files import check_writable, write_atomically
from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.hub.snippets import Loading, snippet
from discorank.report import formats, html
from discorank.report.summarize import summarize_ranking
from discorank.report.verdict import leaders

if TYPE_CHECKING:
    import pandas as pd

    from discorank.types import JSON, BadItem, ChosenPool, Modality, Task

__all__ = [
    "BudgetUse",
    "DisputedSample",
    "FailedModel",
    "Left",
    "RankedModel",
    "Ranking",
    "Standing",
]


@dataclass(frozen=True)
class Standing:
    """What one scorer says of a model, and the place that gives it.

    Attributes
    ----------
    rank : int
        1 is best.
    score : float
        Higher is better.
    low, high : float, optional
        Interval of the score from resampling the samples; None where that was left out.
    p_best : float, optional
        Probability that this model is the best of the ranking, from the same resamples.
    behind_low, behind_high : float, optional
        Interval of how far the model is behind the best one, from the same resamples.
    group : int, optional
        Models of one group cannot be told apart; 1 is that of the best.
    parts : mapping
        Named numbers that the score is made of, where it is of several: for detection S_cls,
        S_reg and S_obj.
    """

    rank: int
    score: float
    low: float | None
    high: float | None
    p_best: float | None
    behind_low: float | None
    behind_high: float | None
    group: int | None
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Left:
    """When a model left a race, and why.

    Attributes
    ----------
    round : int
        The last round that it was in; 1 is the first.
    seconds : float
        Since the ranking was asked for.
    reason : {"beaten", "budget", "interrupted"}
        It was behind the leader beyond doubt; the budget did not hold another round; or an
        interrupt ended the race.
    """

    round: int
    seconds: float
    reason: Literal["beaten", "budget", "interrupted"]


@dataclass(frozen=True)
class BudgetUse:
    """The budget of a ranking, and what was spent of it.

    Attributes
    ----------
    seconds : float, optional
        Limit of time; None if there is none.
    samples : int, optional
        Limit of samples that models are run on, all models together; None if there is none.
    seconds_spent : float
    samples_spent : int
        Features that the store had cost none.
    rounds, of_rounds : int
        Rounds that were begun, and that a race to the end has.
    is_spent : bool
        Whether the budget ended the ranking: before models that are in `Ranking.unfinished`, or
        before another round.
    """

    seconds: float | None
    samples: int | None
    seconds_spent: float
    samples_spent: int
    rounds: int
    of_rounds: int
    is_spent: bool


@dataclass(frozen=True)
class RankedModel:
    """One candidate model with its place in the ranking.

    Attributes
    ----------
    rank, score, low, high, p_best, behind_low, behind_high, group, parts
        Its `Standing` with the scorer that orders the ranking.
    model : str
        The resolved spec, ``"timm:resnet50.a1_in1k"``.
    parameters : int, optional
        Number of parameters, classifier included.
    n_features : int
        Width of the features.
    n_samples : int
        Samples that the model was scored on; in a race fewer for one that left early.
    seconds : float, optional
        Wall-clock time of the extraction, also when the features then came from the cache; None
        for ready-made features.
    source : str
        The scheme of the spec: ``"timm"``, ``"onnx"``, ...
    weights : str
        Identifies the weights: ``"sha256:…"``, ``"revision:…"`` or ``"random:SEED"``.
    input_size : tuple of int, optional
        (channels, height, width).
    preprocessing : mapping
        The preprocessing of this checkpoint.
    layer : str
        What was taken as features.
    modality : {"image", "text", "audio", "features"}
        What the model reads.
    task, n_outputs
        What it would be fine-tuned for, and how many outputs its new head then has.
    alias : str, optional
        The short name that tables show in place of the spec.
    others : mapping
        From the name of each further scorer to the model's standing with it.
    unscored : mapping
        From the name of each further scorer that could not score the model to the reason.
    components : tuple of mapping
        Of each spectral component, leading first, its singular value ``ratio`` and its ``ncc``,
        ``lr`` or both, of the first scorer that is made of components.
    left : Left, optional
        When it left a race, and why; None if it was in the last round.
    """

    rank: int
    model: str
    score: float
    low: float | None
    high: float | None
    p_best: float | None
    behind_low: float | None
    behind_high: float | None
    group: int | None
    parameters: int | None
    n_features: int
    n_samples: int
    seconds: float | None
    source: str
    weights: str
    input_size: tuple[int, ...] | None
    preprocessing: Mapping[str, JSON]
    layer: str
    modality: Modality
    task: Task
    n_outputs: int
    alias: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, Standing] = field(default_factory=dict)
    unscored: Mapping[str, str] = field(default_factory=dict)
    components: tuple[Mapping[str, float], ...] = ()
    left: Left | None = None

    def snippet(self) -> str:
        """Return Python code that loads the model with its own preprocessing and a new head.

        Raises
        ------
        InvalidInput
            If there is no model to load: the features came from a file.
        """
        return snippet(Loading.of(vars(self)))


@dataclass(frozen=True)
class FailedModel:
    """A candidate model that could not be ranked, and why.

    Attributes
    ----------
    model : str
        The spec.
    reason : str
    alias : str, optional
        The short name that tables show in place of the spec.
    """

    model: str
    reason: str
    alias: str | None = None


@dataclass(frozen=True)
class DisputedSample:
    """A sample on which the first models of a ranking disagree.

    Attributes
    ----------
    sample : str
        Its name.
    truth : str
        Its class, its labels, or its targets.
    contributions : mapping
        From the name of a model to what the sample adds to its score; higher is better.
    preview : mapping, optional
        The item itself, made small: ``{"image": "data:image/…", "width": …, "height": …}``,
        ``{"text": …}`` or ``{"audio": […], "seconds": …}``; None where there are only features.
    """

    sample: str
    truth: str
    contributions: Mapping[str, float]
    preview: Mapping[str, JSON] | None = None


@dataclass(frozen=True)
class Ranking:
    """Candidate models of one target, best first.

    Printing it gives a table of 80 columns; a notebook shows it as HTML.

    Attributes
    ----------
    target : str
        Name of the target.
    scorer : str
        The scorer that orders the models.
    models : tuple of RankedModel
        Best first; models with equal scores by name.
    failed : tuple of FailedModel
        In the order in which they were asked for.
    unfinished : tuple of str
        Specs that were not reached before an interrupt, or with the budget; empty otherwise.
    race : bool
        Whether models that were beaten early left before they had seen all samples; so it is
        under a budget.
    task : {"classification", "multilabel", "regression", "detection"}
    options : mapping
        From the name of each scorer, the one that orders the models first, to its options.
    hard_fraction : float, optional
        Share of the samples that was scored, the hardest of each model; None for all.
    resampling : mapping
        From the name of each scorer to what its intervals come from: ``"paired bootstrap"`` of
        values per sample, ``"half samples"``, or ``"none"``.
    confidence : float
        Probability with which the shortlist holds the best model.
    coverage : float
        Of the intervals.
    random_state : int
        Seed of the sample selection, the scorer and the bootstrap.
    n_samples : int
        Samples that were scored.
    n_total : int
        Samples of the full target.
    n_classes : int
        Classes, or for several labels per sample the labels; 0 for regression.
    n_targets : int
        Columns of regression targets; 4 for the boxes of detection.
    fingerprint : str
        Digest of the content of the full target.
    bad : tuple of BadItem
        Items of the target that could not be read; they are in no score.
    versions : mapping
        Versions of discorank, Python and the libraries that made the numbers.
    pool : ChosenPool, optional
        The pool that was taken, and why; None where models were named.
    classes : mapping
        From the name of each class, or label, to its scored samples; empty for regression.
    budget : BudgetUse, optional
        The budget and what was spent of it; None where there was none.
    samples : tuple of DisputedSample
        Those on which the first models disagree most, at most 24; empty where the score is no mean
        over samples.
    """

    target: str
    scorer: str
    models: tuple[RankedModel, ...]
    failed: tuple[FailedModel, ...]
    unfinished: tuple[str, ...]
    race: bool
    task: Task
    options: Mapping[str, Mapping[str, JSON]]
    hard_fraction: float | None
    resampling: Mapping[str, str]
    confidence: float
    coverage: float
    random_state: int
    n_samples: int
    n_total: int
    n_classes: int
    n_targets: int
    fingerprint: str
    bad: tuple[BadItem, ...]
    versions: Mapping[str, str]
    pool: ChosenPool | None = None
    classes: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[DisputedSample, ...] = ()
    budget: BudgetUse | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether an interrupt ended it, and not its budget, before all models were done."""
        if any(model.left and model.left.reason == "interrupted" for model in self.models):
            return True
        return bool(self.unfinished) and not (self.budget and self.budget.is_spent)

    @property
    def best(self) -> RankedModel:
        """The first of the ranking.

        Raises
        ------
        InvalidInput
            If every model failed; the message holds the reasons.
        """
        if self.models:
            return self.models[0]
        reasons = "; ".join(f"{failure.model}: {failure.reason}" for failure in self.failed)
        raise InvalidInput(f"no model of this ranking could be ranked: {reasons}")

    def to_dict(self) -> dict[str, JSON]:
        """Return the ranking as what JSON can hold; numbers that are not finite become None."""
        document = _as_json(self)
        return {"ranking" if key == "models" else key: value for key, value in document.items()}

    def to_json(self) -> str:
        """Return the ranking as a JSON document; the same ranking gives the same text."""
        return formats.to_json(self.to_dict())

    @property
    def shortlist(self) -> tuple[RankedModel, ...]:
        """The fewest models that hold the best one with probability `confidence`, best first.

        Where the scorer gives no probabilities, the first model alone.
        """
        chosen = {model["rank"] for model in leaders(self.to_dict())}
        return tuple(model for model in self.models if model.rank in chosen)

    @property
    def scorers(self) -> tuple[str, ...]:
        """Names of all scorers, the one that orders the models first."""
        return tuple(self.options)

    def to_csv(self) -> str:
        """Return the ranked models as CSV with a header, one row each."""
        return formats.to_csv(self.to_dict())

    def to_markdown(self) -> str:
        """Return the ranking as a Markdown table with the failures below it."""
        return formats.to_markdown(self.to_dict())

    def to_html(self, *, command: str | None = None) -> str:
        """Return the report of the ranking: one HTML page that needs no network.

        Parameters
        ----------
        command : str, optional
            The command that made the ranking, for the page to show; by default one that makes the
            same from the name of the target.

        Raises
        ------
        MissingExtra
            If jinja2 or plotly is not installed.
        """
        from discorank.report.page.ranking import ranking_page

        return ranking_page(self.to_dict(), command=command)

    def save_report(self, path: str | os.PathLike[str], *, command: str | None = None) -> None:
        """Write `to_html` to a file, whole or not at all.

        Raises
        ------
        MissingExtra
            If jinja2 or plotly is not installed.
        InvalidInput
            If there is no such folder, or the path is that of a folder.
        """
        check_writable(Path(path), "the report")
        write_atomically(Path(path), self.to_html(command=command))

    def to_frame(self) -> pd.DataFrame:
        """Return the ranked models as a pandas frame, one row each, indexed by rank.

        Raises
        ------
        MissingExtra
            If pandas is not installed.
        """
        return formats.to_frame(self.to_dict())

    def __str__(self) -> str:
        text = import_optional(
            "discorank.report.text", extra="cli", purpose="the table of a ranking"
        )
        return str(text.to_text(summarize_ranking(self.to_dict())))

    def _repr_html_(self) -> str:
        return html.to_html(summarize_ranking(self.to_dict()))


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        return {entry.name: _as_json(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
