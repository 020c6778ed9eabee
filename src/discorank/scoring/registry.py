"""The scorers by name: what each does and needs, and how it is called; plug-ins included.

Looking at the list imports no scorer: each is imported when it is first called.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import numpy as np

from discorank.errors import InvalidInput, UnknownName, kind_and_text
from discorank.scoring.probe import Probe
from discorank.types import JSON, Float64Array, Score, Task

__all__ = ["SCORERS", "Scorer", "all_scorers", "get_scorer", "scorer_names"]

ENTRY_POINTS = "discorank.scorers"

# Of rows of this norm, two samples at an angle of 1/30 lie one unit apart: where the NCC posterior
# begins to tell them apart. Chosen on five of MiniHub's nine targets.
COSINE_ROW_NORM = 30.0

# Why a probe may lack what a scorer needs.
_LACKS = {
    "labels": "the target has no class labels",
    "targets": "the target has no regression targets",
    "source_logits": "the candidate has no classifier",
    "parameters": "the candidate's number of parameters is not known",
    "source_accuracy": "the candidate's accuracy on its source task is not known",
}


@dataclass(frozen=True)
class Scorer:
    """A named score: ``scorer(probe, **options) -> Score``, higher is better.

    Attributes
    ----------
    name : str
    source : callable or str
        ``function(probe, **options)`` returns a `Score`; its keyword-only parameters are the
        options. Or where it is, ``"module:function"``, to be imported when it is first called.
    paper : str
        Where the score was published.
    tasks : tuple of str
        What it scores: ``"classification"``, ``"multilabel"``, ``"regression"``, ``"detection"``.
        Scorers of one name may share out the tasks.
    needs : frozenset of str
        What the probe must have beside features: ``"labels"``, ``"targets"`` (for detection the
        boxes), ``"source_logits"``, ``"parameters"``, ``"source_accuracy"``; or one of two,
        ``"labels or targets"``.
    summary : str
        What the score measures, in a line.
    pooling : callable or str, optional
        ``pooling(terms)`` makes values (..., n_models) of the `Score.pooled_terms` of one ranking's
        candidates, (n_terms, ..., n_models), that are comparable where each score alone is not;
        given as `source` is.
    influence : callable or str, optional
        ``influence(probe, score, **options)`` returns the score of a probe with values in the place
        of `per_sample` that have its mean and the spread of the score itself, which a bootstrap
        resamples; given as `source` is. Without it the contributions are resampled, and what a
        sample does to the contributions of others is not seen.
    preset : mapping, optional
        Options of the function that have another default under this name.
    """

    name: str
    source: Callable[..., Score] | str
    paper: str
    tasks: tuple[Task, ...] = ("classification",)
    needs: frozenset[str] = frozenset({"labels"})
    summary: str = ""
    pooling: Callable[[Float64Array], Float64Array] | str | None = None
    influence: Callable[..., Score] | str | None = None
    preset: Mapping[str, JSON] = field(default_factory=dict, hash=False)

    @cached_property
    def function(self) -> Callable[..., Score]:
        """The function itself."""
        function: Callable[..., Score] = _imported(self.source)
        return function

    @property
    def defaults(self) -> dict[str, JSON]:
        """Every option with its default."""
        parameters = inspect.signature(self.function).parameters.values()
        own = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
        return {**own, **self.preset}

    def __call__(self, probe: Probe, **options: Any) -> Score:
        """Score one candidate's probe.

        Raises
        ------
        InvalidInput
            If the probe lacks what the scorer needs.
        TypeError
            If the scorer has no such option.
        """
        for need in sorted(self.needs):
            self._check(probe, need)
        return self.function(probe, **{**self.preset, **options})

    @cached_property
    def combine(self) -> Callable[[Float64Array], Float64Array] | None:
        """`pooling` itself."""
        return None if self.pooling is None else _imported(self.pooling)

    def pool(self, scores: Sequence[Score]) -> list[float]:
        """Return the values of one ranking's candidates, made comparable where they are not.

        Most scorers give values that are. Some add terms of different scale, which are brought to
        [0, 1] over the candidates first; over a single candidate that would say nothing.
        """
        if self.combine is None or len(scores) < 2:
            return [float(score.value) for score in scores]
        terms = np.stack([self.terms(score).mean(axis=1) for score in scores], axis=-1)
        return [float(value) for value in self.combine(terms)]

    def terms(self, score: Score) -> Float64Array:
        """Return the terms of a score that is pooled.

        Raises
        ------
        InvalidInput
            If it has none: a plug-in that pools, with a plain `Score`.
        """
        if score.pooled_terms is None:
            raise InvalidInput(f"{self.name} pools its scores, which must have pooled_terms")
        return score.pooled_terms

    def resampled(self, probe: Probe, score: Score, **options: Any) -> Score:
        """Return a score of `probe` with the per-sample values that a bootstrap resamples."""
        if self.influence is None:
            return score
        options = {**self.preset, **options}
        found: Score = _imported(self.influence)(probe, score, **options)
        return found

    def _check(self, probe: Probe, need: str) -> None:
        names = need.split(" or ")
        if all(getattr(probe, name) is None for name in names):
            reasons = " and ".join(_LACKS[name] for name in names)
            raise InvalidInput(f"{self.name} needs {need}: {reasons}")


def _imported(source: Callable[..., Any] | str) -> Callable[..., Any]:
    if callable(source):
        return source
    module, _, function = source.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


_BASELINES = "discorank.scoring.baselines"
_INFLUENCE = "discorank.scoring.influence"
_BOTH: tuple[Task, ...] = ("classification", "regression")
_ALL: tuple[Task, ...] = ("classification", "multilabel", "regression", "detection")
_DISCO = "Zhang et al., AAAI 2025, arXiv 2412.19085"
_LOGITS = frozenset({"labels", "source_logits"})
_ETRAN = "Gholami et al., ICCV 2023, arXiv 2308.02027"
_PUBLISHED = (
    Scorer(
        "disco",
        "discorank.scoring.disco:disco",
        _DISCO,
        summary="class separation in each spectral component, weighted by singular values",
        influence=f"{_INFLUENCE}:classification_influence",
    ),
    Scorer(
        "disco",
        "discorank.scoring.multilabel:disco_multilabel",
        _DISCO,
        tasks=("multilabel",),
        summary="the same for each label, averaged",
        influence=f"{_INFLUENCE}:multilabel_influence",
    ),
    Scorer(
        "disco",
        "discorank.scoring.regression:disco_regression",
        _DISCO,
        tasks=("regression",),
        needs=frozenset({"targets"}),
        summary="least squares in each spectral component, weighted by singular values",
        influence=f"{_INFLUENCE}:regression_influence",
    ),
    Scorer(
        "disco",
        "discorank.scoring.detection:disco_detection",
        _DISCO,
        tasks=("detection",),
        needs=frozenset({"labels", "targets"}),
        summary="classes and boxes, each scaled over the ranked candidates, and added",
        pooling="discorank.scoring.pooling:scaled_sum",
        influence=f"{_INFLUENCE}:detection_influence",
    ),
)


def _cosine(scorer: Scorer) -> Scorer:
    """Return the form of a DISCO score that looks at the direction of each row alone.

    Least squares do not depend on the scale of features: for numbers it is the published score.
    """
    if scorer.tasks == ("regression",):
        return replace(scorer, name="disco-cosine")
    summary = scorer.summary + ", on rows of one length"
    preset: dict[str, JSON] = {"row_norm": COSINE_ROW_NORM}
    return replace(scorer, name="disco-cosine", summary=summary, preset=preset)


_BUILT_IN = (
    *map(_cosine, _PUBLISHED),
    *_PUBLISHED,
    Scorer(
        "logme",
        f"{_BASELINES}.logme:logme",
        "You et al., ICML 2021, arXiv 2102.11005",
        tasks=_BOTH,
        needs=frozenset({"labels or targets"}),
        summary="log of the greatest evidence of a Bayesian linear model",
    ),
    Scorer(
        "hscore",
        f"{_BASELINES}.hscore:hscore",
        "Bao et al., ICIP 2019, arXiv 2212.10082",
        summary="variance between classes over variance of features",
    ),
    Scorer(
        "hscore-shrinkage",
        f"{_BASELINES}.hscore:hscore_shrinkage",
        "Ibrahim et al., ECML PKDD 2022, arXiv 2110.06893",
        summary="H-score with a covariance that is shrunk towards the identity",
    ),
    Scorer(
        "leep",
        f"{_BASELINES}.leep:leep",
        "Nguyen et al., ICML 2020, arXiv 2002.12462",
        needs=_LOGITS,
        summary="log likelihood of labels predicted through the source classes",
    ),
    Scorer(
        "nce",
        f"{_BASELINES}.nce:nce",
        "Tran et al., ICCV 2019, arXiv 1908.08142",
        needs=_LOGITS,
        summary="negative conditional entropy of labels given the source class",
    ),
    Scorer(
        "nleep",
        f"{_BASELINES}.nleep:nleep",
        "Li et al., CVPR 2021, arXiv 2011.11200",
        summary="LEEP with the clusters of a Gaussian mixture as source classes",
    ),
    Scorer(
        "transrate",
        f"{_BASELINES}.transrate:transrate",
        "Huang et al., ICML 2022, arXiv 2106.09362",
        summary="coding rate of all features less that of each class",
    ),
    Scorer(
        "rankme",
        f"{_BASELINES}.rankme:rankme",
        "Garrido et al., ICML 2023, arXiv 2210.02885",
        tasks=_ALL,
        needs=frozenset(),
        summary="effective rank of the features; looks at no labels",
    ),
    Scorer(
        "gbc",
        f"{_BASELINES}.gbc:gbc",
        "Pándy et al., CVPR 2022, arXiv 2111.12780",
        summary="overlap of Gaussian classes, by the Bhattacharyya coefficient",
    ),
    Scorer(
        "sfda",
        f"{_BASELINES}.sfda:sfda",
        "Shao et al., ECCV 2022, arXiv 2207.03036",
        summary="discriminant analysis made harder by its own confidence",
    ),
    Scorer(
        "ncti",
        f"{_BASELINES}.ncti:ncti",
        "Wang et al., ICCV 2023",
        summary="nearness to the geometry of neural collapse",
        pooling=f"{_BASELINES}.ncti:combined",
    ),
    Scorer(
        "parc",
        f"{_BASELINES}.parc:parc",
        "Bolya et al., NeurIPS 2021, arXiv 2111.06977",
        summary="rank correlation of distances between features and between labels",
    ),
    Scorer(
        "lda",
        f"{_BASELINES}.lda:lda",
        _ETRAN,
        summary="posterior of the true class in a discriminant analysis",
    ),
    Scorer(
        "energy",
        f"{_BASELINES}.lda:energy",
        _ETRAN,
        tasks=_ALL,
        needs=frozenset({"source_logits"}),
        summary="how familiar the samples are to the source classifier; looks at no labels",
    ),
    Scorer(
        "etran",
        f"{_BASELINES}.lda:etran",
        _ETRAN,
        needs=_LOGITS,
        summary="lda and energy, each scaled over the ranked candidates, and added",
        pooling="discorank.scoring.pooling:scaled_sum",
    ),
    Scorer(
        "knn",
        f"{_BASELINES}.knn:knn",
        "Cover and Hart, IEEE Trans. Inf. Theory 1967",
        summary="leave-one-out accuracy of the nearest neighbours",
    ),
    Scorer(
        "linear-probe",
        f"{_BASELINES}.linear_probe:linear_probe",
        "Alain and Bengio, ICLR 2017 workshop, arXiv 1610.01644",
        tasks=_BOTH,
        needs=frozenset({"labels or targets"}),
        summary="cross-validated accuracy, or R², of a linear model",
    ),
    Scorer(
        "parameters",
        f"{_BASELINES}.metadata:parameters",
        "",
        tasks=_ALL,
        needs=frozenset({"parameters"}),
        summary="number of parameters; looks at no features",
    ),
    Scorer(
        "source-accuracy",
        f"{_BASELINES}.metadata:source_accuracy",
        "Kornblith et al., CVPR 2019, arXiv 1805.08974",
        tasks=_ALL,
        needs=frozenset({"source_accuracy"}),
        summary="accuracy on the task it was trained for; looks at no features",
    ),
)

# Where several share a name, the first: what it does where no task is asked for.
SCORERS: Mapping[str, Scorer] = MappingProxyType(
    {name: next(forms) for name, forms in groupby(_BUILT_IN, key=attrgetter("name"))}
)


def scorer_names() -> tuple[str, ...]:
    """Return the names of all scorers, the built-in ones first; loads no plug-in."""
    return (*SCORERS, *sorted(_plug_ins()))


def all_scorers() -> list[Scorer]:
    """Return every scorer, those of one name one after the other, those of plug-ins last.

    Raises
    ------
    InvalidInput
        If a plug-in cannot be loaded.
    """
    plug_ins = _plug_ins()
    return [*_BUILT_IN, *(_load(name, plug_ins[name]) for name in sorted(plug_ins))]


def get_scorer(name: str, task: Task | None = None) -> Scorer:
    """Return the scorer with this name: a built-in one, else that of an installed plug-in.

    A package adds a scorer by an entry point in the group ``discorank.scorers``, whose name is the
    scorer's and whose object is a `Scorer`. A built-in name stays the built-in scorer.

    Parameters
    ----------
    name : str
    task : {"classification", "multilabel", "regression", "detection"}, optional
        What it has to score; by default what it scores first of all.

    Raises
    ------
    UnknownName
        If there is none; the message suggests the nearest names.
    InvalidInput
        If it does not score the task, or comes from a plug-in that cannot be loaded.
    """
    forms = _forms(name)
    if task is None:
        return forms[0]
    for form in forms:
        if task in form.tasks:
            return form
    tasks = " and ".join(one for form in forms for one in form.tasks)
    others = dict.fromkeys(scorer.name for scorer in _BUILT_IN if task in scorer.tasks)
    raise InvalidInput(f"{name} scores {tasks}, not {task}; for that there are {', '.join(others)}")


def _forms(name: str) -> tuple[Scorer, ...]:
    """Scorers with this name, each for other tasks."""
    if name in SCORERS:
        first = SCORERS[name]
        return (first, *(form for form in _BUILT_IN if form.name == name and form is not first))
    plug_ins = _plug_ins()
    if name in plug_ins:
        return (_load(name, plug_ins[name]),)
    names = scorer_names()
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or sorted(names)
    raise UnknownName(f"no scorer is named {name!r}; did you mean {', '.join(near)}?")


def _plug_ins() -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name not in SCORERS:
            found.setdefault(entry.name, []).append(entry)
    return found


def _load(name: str, entries: list[EntryPoint]) -> Scorer:
    packages = sorted(entry.dist.name if entry.dist else entry.value for entry in entries)
    if len(entries) > 1:
        raise InvalidInput(
            f"the scorer {name!r} is in more than one package: {', '.join(packages)}; "
            f"uninstall all but one"
        )
    origin = f"the scorer {name!r} of the package {packages[0]!r} ({entries[0].value})"
    try:
        scorer = entries[0].load()
    except Exception as error:  # a plug-in may fail in any way; the cause is kept
        raise InvalidInput(
            f"{origin} cannot be loaded: {kind_and_text(error)}; update or uninstall it"
        ) from error
    if not isinstance(scorer, Scorer):
        raise InvalidInput(f"{origin} must be a discorank Scorer, got {scorer!r}")
    if scorer.name != name:
        raise InvalidInput(f"{origin} must have the name of its entry point, got {scorer.name!r}")
    return scorer
