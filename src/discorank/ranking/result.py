"""The records of a ranking: what was ranked, what failed, and how to make it again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional
from discorank.errors import InvalidInput
from discorank.report import formats, html
from discorank.report.summarize import summarize_ranking

if TYPE_CHECKING:
    import pandas as pd

    from discorank.types import JSON, BadItem

__all__ = ["FailedModel", "RankedModel", "Ranking"]


@dataclass(frozen=True)
class RankedModel:
    """One candidate model with its place in the ranking.

    Attributes
    ----------
    rank : int
        1 is best.
    model : str
        The resolved spec, ``"timm:resnet50.a1_in1k"``.
    score : float
        Higher is better.
    low, high : float, optional
        Interval of the score from a paired bootstrap over the samples; None where the score is no
        mean over samples.
    p_best : float, optional
        Probability that this model is the best of the ranking, from the same bootstrap.
    parameters : int, optional
        Number of parameters, classifier included.
    n_features : int
        Width of the features.
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
    alias : str, optional
        The short name that tables show in place of the spec.
    """

    rank: int
    model: str
    score: float
    low: float | None
    high: float | None
    p_best: float | None
    parameters: int | None
    n_features: int
    seconds: float | None
    source: str
    weights: str
    input_size: tuple[int, ...] | None
    preprocessing: Mapping[str, JSON]
    layer: str
    alias: str | None = None


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
class Ranking:
    """Candidate models of one target, best first.

    Printing it gives a table of 80 columns; a notebook shows it as HTML.

    Attributes
    ----------
    target : str
        Name of the target.
    scorer : str
    models : tuple of RankedModel
        Best first; models with equal scores by name.
    failed : tuple of FailedModel
        In the order in which they were asked for.
    options : mapping
        Options of the scorer.
    confidence : float
        Coverage of the intervals.
    random_state : int
        Seed of the sample selection, the scorer and the bootstrap.
    n_samples : int
        Samples that were scored.
    n_total : int
        Samples of the full target.
    n_classes : int
    fingerprint : str
        Digest of the content of the full target.
    bad : tuple of BadItem
        Items of the target that could not be read; they are in no score.
    versions : mapping
        Versions of discorank, Python and the libraries that made the numbers.
    """

    target: str
    scorer: str
    models: tuple[RankedModel, ...]
    failed: tuple[FailedModel, ...]
    options: Mapping[str, JSON]
    confidence: float
    random_state: int
    n_samples: int
    n_total: int
    n_classes: int
    fingerprint: str
    bad: tuple[BadItem, ...]
    versions: Mapping[str, str]

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

    def to_csv(self) -> str:
        """Return the ranked models as CSV with a header, one row each."""
        return formats.to_csv(self.to_dict())

    def to_markdown(self) -> str:
        """Return the ranking as a Markdown table with the failures below it."""
        return formats.to_markdown(self.to_dict())

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
        return {field.name: _as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
