"""What every scorer must do, whatever it measures: one suite over the registry.

A scorer that is added to the registry is held to all of it. What it does not claim is declared in
the tables below, with the reason; what is declared there is tested to be true as well, so that the
tables cannot go stale.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from discorank import InvalidInput
from discorank.scoring.probe import Probe
from discorank.scoring.registry import SCORERS, Scorer, get_scorer
from discorank.types import Score, Task

# What a probe is made of. "flags" are labels of which a sample may have several.
Given = dict[str, Any]
ARRAYS = ("features", "labels", "flags", "targets", "source_logits")
TRUTHS = frozenset({"labels", "flags", "targets"})


@dataclass(frozen=True, eq=False)
class Case:
    """A scorer on one kind of truth, perhaps with options."""

    name: str
    scorer: Scorer
    reads: frozenset[str]
    options: Mapping[str, Any] = field(default_factory=dict)

    def probe(self, given: Given) -> Probe:
        """A new probe, without the truth that the scorer does not read."""
        truths = {name: given[name] for name in TRUTHS & self.reads}
        if "flags" in truths:
            truths["labels"] = truths.pop("flags")
        return Probe(**{name: given[name] for name in set(given) - TRUTHS}, **truths)

    def __call__(self, given: Given) -> Score:
        return self.scorer(self.probe(given), **self.options)

    def __repr__(self) -> str:
        return self.name


def _cases() -> Iterator[Case]:
    """Every scorer on every kind of truth: "logme", and "logme on regression"."""
    for name in SCORERS:
        seen: set[tuple[object, frozenset[str]]] = set()
        for task in get_args(Task):
            with suppress(InvalidInput):
                scorer = get_scorer(name, task)
                reads = frozenset({"features"}.union(*(_truth(n, task) for n in scorer.needs)))
                if (scorer.source, reads) not in seen:
                    yield Case(f"{name} on {task}" if seen else name, scorer, reads)
                seen.add((scorer.source, reads))


def _truth(need: str, task: Task) -> set[str]:
    if need == "labels or targets":
        return {"targets" if task == "regression" else "labels"}
    return {"flags" if (need, task) == ("labels", "multilabel") else need}


CASES = {case.name: case for case in _cases()}

# Scores that do not look at the features.
BLIND = {
    "leep": "source logits in the place of features",
    "nce": "source logits in the place of features",
    "energy": "source logits alone",
    "parameters": "one number of the candidate",
    "source-accuracy": "one number of the candidate",
}

# Forms of a scorer that claim more than its default, or less.
FORMS = {
    form.name: form
    for form in (
        Case(f"{name}, {key}={value}", CASES[name].scorer, CASES[name].reads, {key: value})
        for name, key, value in (
            ("disco", "covariance", "shared"),
            ("disco", "covariance", "class"),
            ("lda", "covariance", "shared"),
            ("etran", "covariance", "shared"),
            ("logme", "converged", True),
            ("gbc", "covariance", "diagonal"),
            ("disco on regression", "target_scale", "none"),
        )
    )
}

# What a score does not claim to be unchanged by, and why. It claims all else in `CHANGES`.
UNIT = "distances count in the unit of the features"
PENALTY = "the ridge is a share of the mean variance of a feature, which more features dilute"
FISHER = {
    "rotated": "six steps of power iteration from the all-ones vector",
    "scaled": "the shrinkage is exp(−5 λ) of a variance λ",
    "with constant columns": PENALTY,
}
NOT_CENTRED = "the features are not centred, as published"
EVIDENCE = {"shifted": NOT_CENTRED, "with constant columns": NOT_CENTRED}
PUBLISHED_STOP = "the maximisation stops where the published code stops, which depends on the scale"
FOLDS = "the folds are drawn by position"
DIRECTIONS = "a constant turns the rows, and directions are all it sees"
COSINE = {"shifted": DIRECTIONS, "with constant columns": DIRECTIONS}
NOT_CLAIMED: Mapping[str, Mapping[str, str]] = {
    "disco-cosine": COSINE,
    "disco-cosine on multilabel": COSINE,
    "disco-cosine on detection": COSINE,
    "disco": {"scaled": UNIT},
    "disco on multilabel": {"scaled": UNIT},
    "disco on detection": {"scaled": UNIT},
    "logme": {**EVIDENCE, "scaled": PUBLISHED_STOP},
    "logme on regression": {**EVIDENCE, "scaled": PUBLISHED_STOP},
    "logme, converged=True": EVIDENCE,
    "hscore-shrinkage": {"with constant columns": PENALTY},
    "nleep": {
        "reordered": "k-means draws its first centres by position",
        "scaled": "the mixture adds 1e-6 to all variances, as published",
    },
    "transrate": {"scaled": "the distortion ε is in the unit of the features"},
    "rankme": {"shifted": NOT_CENTRED, "with constant columns": NOT_CENTRED},
    "sfda": FISHER,
    "ncti": {"scaled": "the shrinkage is exp(−v) of a variance v"},
    "parc": {"rotated": "correlating coordinates of a sample takes account of their signs"},
    "lda": {"scaled": UNIT},
    "lda, covariance=shared": FISHER,
    "etran": {"scaled": UNIT},
    "etran, covariance=shared": FISHER,
    "linear-probe": {"reordered": FOLDS, "with constant columns": PENALTY},
    "linear-probe on regression": {"reordered": FOLDS, "with constant columns": PENALTY},
}

# Shapes for which a score is not defined, and what is said then.
UNDEFINED = {
    ("parc", "one feature"): "vary in one direction only",
    ("parc", "one direction"): "vary in one direction only",
    ("parc", "collapsed classes"): "vary in one direction only",
    ("parc", "every class one sample"): "a class must have two samples",
    ("parc", "two samples"): "a class must have two samples",
    ("linear-probe on regression", "two samples"): "at least three samples",
}

# What a value never leaves.
RANGES = {
    "disco-cosine": (0.0, 1.0),
    "disco-cosine on multilabel": (0.0, 1.0),
    "disco-cosine on regression": (-1.0, 0.0),
    "disco-cosine on detection": (-1.0, 1.0),
    "disco": (0.0, 1.0),
    "disco on multilabel": (0.0, 1.0),
    "disco on regression": (-1.0, 0.0),
    "disco on detection": (-1.0, 1.0),
    "hscore": (0.0, np.inf),
    "hscore-shrinkage": (0.0, np.inf),
    "leep": (-np.inf, 0.0),
    "nce": (-np.inf, 0.0),
    "nleep": (-np.inf, 0.0),
    "rankme": (0.99, np.inf),
    "gbc": (-np.inf, 0.0),
    "sfda": (0.0, 1.0),
    "parc": (-100.0, 100.0),
    "lda": (0.0, 1.0),
    "knn": (0.0, 1.0),
    "linear-probe": (0.0, 1.0),
    "linear-probe on regression": (-np.inf, 1.0),
}


def planted(
    n_samples: int = 240,
    n_features: int = 12,
    n_classes: int = 4,
    *,
    separation: float = 0.3,
    noise: float = 0.5,
    within: float = 1.0,
    ids: NDArray[np.intp] | None = None,
) -> Given:
    """Classes whose means lie `separation` apart, targets that are linear up to `noise`."""
    rng = np.random.default_rng(0)
    if ids is None:
        ids = rng.permutation(np.arange(n_samples) % n_classes)
    decay = within * 0.85 ** np.arange(n_features)
    features = rng.standard_normal((n_samples, n_features)) * decay
    features += separation * rng.standard_normal((n_classes, n_features))[ids]
    features += rng.standard_normal(n_features)
    logits = rng.standard_normal((n_samples, 6))
    logits += 4.0 * separation * rng.standard_normal((n_classes, 6))[ids]
    signal = (features - features.mean(axis=0)) @ rng.standard_normal((n_features, 4))
    signal /= signal.std(axis=0)
    signal += noise * rng.standard_normal((n_samples, 4))
    return {
        "features": features,
        "labels": ids,
        "flags": np.stack([ids == 0, ids % 2 == 0, ids < 2], axis=1).astype(int),
        "targets": 0.5 + 0.01 * signal,  # four numbers in [0, 1]: they may be boxes
        "source_logits": logits,
        "parameters": 1_000_000,
        "source_accuracy": 76.5,
    }


GIVEN = planted()
F, LABELS, FLAGS, TARGETS, LOGITS = (GIVEN[name] for name in ARRAYS)
every_case = pytest.mark.parametrize("case", CASES.values(), ids=repr)


@cache
def base_score(name: str) -> Score:
    return (CASES | FORMS)[name](GIVEN)


def assert_same_score(found: Score, expected: Score) -> None:
    assert found.value == expected.value
    np.testing.assert_array_equal(found.per_sample, expected.per_sample)


# --- what a score looks at -------------------------------------------------------------------


def _reordered(given: Given) -> Given:
    order = np.random.default_rng(7).permutation(len(given["features"]))
    return given | {name: given[name][order] for name in ARRAYS}


def _renamed(given: Given) -> Given:
    labels = [f"no. {-label}" for label in given["labels"]]
    return given | {"labels": labels, "flags": given["flags"][:, ::-1]}


def _with_features(change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Given], Given]:
    return lambda given: given | {"features": change(given["features"])}


def _rotation(size: int) -> NDArray[np.float64]:
    return np.linalg.qr(np.random.default_rng(2).standard_normal((size, size)))[0]


CHANGES: Mapping[str, Callable[[Given], Given]] = {
    "reordered": _reordered,
    "renamed": _renamed,
    "rotated": _with_features(lambda F: F @ _rotation(F.shape[1])),
    "scaled": _with_features(lambda F: 0.05 * F),
    "shifted": _with_features(lambda F: F + np.linspace(-2.0, 3.0, F.shape[1])),
    "with constant columns": _with_features(lambda F: np.hstack([F, np.full((len(F), 30), 7.25)])),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", (CASES | FORMS).values(), ids=repr)
def test_sees_no_change_but_those_that_it_names(case: Case, change: str) -> None:
    expected = base_score(case.name).value
    found = case(CHANGES[change](GIVEN)).value
    if change in NOT_CLAIMED.get(case.name, {}):
        assert abs(found - expected) > 1e-6 * abs(expected)
    else:
        assert found == pytest.approx(expected, rel=1e-9)


_other = np.random.default_rng(3)
OTHERS: Given = {
    "features": _other.standard_normal(F.shape),
    "labels": _other.permutation(LABELS),
    "flags": _other.permutation(FLAGS),
    "targets": _other.random(TARGETS.shape),
    "source_logits": _other.standard_normal(LOGITS.shape),
    "parameters": 5_000_000,
    "source_accuracy": 68.2,
}


@pytest.mark.parametrize("argument", OTHERS)
@every_case
def test_looks_at_what_it_says_and_at_nothing_else(case: Case, argument: str) -> None:
    changed = GIVEN | {argument: OTHERS[argument]}
    probe = case.probe(changed)
    if "labels or targets" not in case.scorer.needs:  # give it also the truths it does not ask for
        unasked = [name for name in ("labels", "targets") if getattr(probe, name) is None]
        probe = replace(probe, **{name: changed[name] for name in unasked})
    found = case.scorer(probe).value
    if argument in case.reads and not (argument == "features" and case.scorer.name in BLIND):
        assert found != pytest.approx(base_score(case.name).value, rel=1e-6)
    else:
        assert found == base_score(case.name).value


def test_tables_name_what_exists() -> None:
    assert {case.scorer.name for case in CASES.values()} == set(SCORERS)
    assert set(NOT_CLAIMED) <= set(CASES | FORMS)
    assert set(RANGES) | {name for name, _ in UNDEFINED} <= set(CASES)
    assert set(BLIND) <= set(SCORERS)
    assert {change for changes in NOT_CLAIMED.values() for change in changes} <= set(CHANGES)
    assert {shape for _, shape in UNDEFINED} <= set(SHAPES)


# --- response to a signal --------------------------------------------------------------------

SUPERVISED = [case for case in CASES.values() if case.reads & TRUTHS]


@pytest.mark.parametrize("case", SUPERVISED, ids=repr)
def test_more_signal_gives_no_lower_score(case: Case) -> None:
    series = (
        [planted(noise=noise) for noise in (8.0, 2.0, 0.5, 0.1)]
        if case.reads & TRUTHS == {"targets"}
        else [planted(separation=separation) for separation in (0.0, 0.3, 0.6, 1.2, 2.4)]
    )
    values = [case(given).value for given in series]
    # Where it has reached its bound, rounding is all that moves it.
    assert all(low <= high + 1e-9 * abs(high) + 1e-12 for low, high in pairwise(values)), values
    assert values[0] < values[2]


@pytest.mark.parametrize("case", SUPERVISED, ids=repr)
def test_unrelated_truth_scores_lower(case: Case) -> None:
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(F))
        unrelated = {name: GIVEN[name][order] for name in TRUTHS}
        assert case(GIVEN | unrelated).value < base_score(case.name).value


# --- bad input -------------------------------------------------------------------------------


NUMBERS = {"parameters", "source_accuracy"}


def _spoilt(array: Any, value: Any) -> NDArray[Any]:
    changed = np.array(array)
    changed[(7, 2)[: changed.ndim]] = value
    return changed


MISTAKES: tuple[tuple[str, Any, str], ...] = (
    ("features", _spoilt(F, np.nan), r"features must be finite, got nan in row 7, column 2"),
    ("features", _spoilt(F, -np.inf), r"features must be finite, got -inf in row 7, column 2"),
    ("features", np.ones_like(F), r"features must differ between samples, got 240 rows"),
    ("features", F[:, 0], r"features must have shape \(n_samples, n_features\), got shape \(240,"),
    ("features", F[:, :0], r"features must have at least one .* got shape \(240, 0\)"),
    ("features", F[:1], r"features must have at least 2 samples, got shape \(1, 12\)"),
    ("features", [[1.0, 2.0], [3.0]], r"features must be an array of numbers: .*inhomogeneous"),
    ("features", F.astype(str), r"features must hold real numbers, got dtype <U"),
    ("labels", ["cat"] * 240, r"labels must have at least two classes, got only 'cat' in 240"),
    ("labels", LABELS[:-1], r"labels must have one entry per row .* got 239 labels for 240"),
    ("labels", _spoilt(LABELS * 1.0, np.nan), r"labels holds NaN, first in row 7"),
    ("labels", _spoilt(LABELS.astype(object), None), r"labels holds None in row 7"),
    ("labels", LABELS[:, None], r"labels must have shape \(n_samples,\), got shape \(240, 1\)"),
    ("labels", "cats and dogs", r"labels must be a sequence .* got 'cats and dogs'"),
    ("flags", FLAGS[:, 0], r"labels must have shape \(n_samples, n_labels\) .* got shape \(240,\)"),
    ("flags", FLAGS[:-1], r"labels must have shape .* with 240 rows, got shape \(239, 3\)"),
    ("flags", _spoilt(FLAGS, 2), r"labels must be 0 or 1, got .*2.* in row 7, column 2"),
    ("flags", _spoilt(FLAGS * 1.0, np.nan), r"labels must be 0 or 1, got .*nan.* in row 7, colu"),
    ("flags", [[0, 1], [1]], r"labels must be an array of numbers: .*inhomogeneous"),
    ("flags", np.ones_like(FLAGS), r"labels must have a column with both 0 and 1, got 3 columns"),
    ("targets", _spoilt(TARGETS, np.nan), r"(targets|boxes) must be finite, got nan in row 7, col"),
    ("targets", _spoilt(TARGETS, np.inf), r"(targets|boxes) must be finite, got inf in row 7, col"),
    ("targets", TARGETS[1:], r"(targets|boxes) must have one row .* got 239 rows for 240"),
    ("targets", [[0.5, 0.5], [0.5]], r"(targets|boxes) must be an array of numbers: .*inhomogen"),
    ("targets", np.full((240, 4), 0.1), r"(targets|boxes) must vary.*, got \(?0\.1.* in every row"),
    ("source_logits", _spoilt(LOGITS, np.nan), r"source_logits must be finite, got nan in row 7"),
    ("source_logits", LOGITS[:200], r"source_logits must have one row .* got 200 rows for 240"),
    ("source_logits", LOGITS[:, :, None], r"source_logits must have shape \(n_samples, columns"),
    ("parameters", -1, r"parameters must be a whole number of at least 0, got -1"),
    ("parameters", 2.5, r"parameters must be a whole number of at least 0, got 2\.5"),
    ("source_accuracy", np.nan, r"source_accuracy must be a number above 0.*, got nan"),
    ("source_accuracy", 101, r"source_accuracy must be a number above 0.*, got 101"),
)


@pytest.mark.parametrize(
    ("case", "argument", "wrong", "message"),
    [
        pytest.param(case, argument, wrong, message, id=f"{case}-{argument}-{number}")
        for case in CASES.values()
        for number, (argument, wrong, message) in enumerate(MISTAKES)
        # One number of the candidate asks for no features at all.
        if argument in case.reads and not (argument == "features" and case.reads & NUMBERS)
    ],
)
def test_bad_input_is_named_with_its_value(
    case: Case, argument: str, wrong: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        case(GIVEN | {argument: wrong})


@every_case
def test_what_is_missing_is_named(case: Case) -> None:
    for need in case.scorer.needs:
        less = case.probe(GIVEN | dict.fromkeys(["flags", *need.split(" or ")]))
        with pytest.raises(InvalidInput, match=f"^{case.scorer.name} needs {need}: the "):
            case.scorer(less)
        # Nor does the function rely on the registry for it.
        with pytest.raises(InvalidInput, match="this score needs "):
            case.scorer.function(less)


@every_case
def test_an_option_that_it_does_not_know_is_an_error(case: Case) -> None:
    with pytest.raises(TypeError, match="n_compoments"):
        case.scorer(case.probe(GIVEN), n_compoments=3)


@pytest.mark.parametrize(
    ("case", "option", "wrong"),
    [
        pytest.param(case, option.name, wrong, id=f"{case}-{option.name}-{wrong}")
        for case in CASES.values()
        for option in inspect.signature(case.scorer.function).parameters.values()
        for kind, values in (
            (int, (-1, 1.5, True, "2")),
            (float, (-1.0, 0.0, np.nan, "2")),
            (str, ("no such", "")),
            (bool, ("no", 1)),
        )
        if type(option.default) is kind
        for wrong in values
    ],
)
def test_a_wrong_value_of_an_option_is_named(case: Case, option: str, wrong: Any) -> None:
    with pytest.raises(InvalidInput, match=f"{option} must be .*got {wrong!r}"):
        case.scorer(case.probe(GIVEN), **{option: wrong})


# --- the same numbers, the same score --------------------------------------------------------


@every_case
def test_leaves_its_input_alone_and_needs_no_right_to_write(case: Case) -> None:
    arrays = {name: np.array(GIVEN[name]) for name in ARRAYS}
    before = {name: array.tobytes() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    score = case(GIVEN | arrays)
    assert {name: array.tobytes() for name, array in arrays.items()} == before
    assert_same_score(score, base_score(case.name))


@every_case
def test_says_the_same_when_asked_again(case: Case) -> None:
    first, again = case(GIVEN), case(GIVEN)
    assert_same_score(again, first)


def test_scorers_of_one_probe_do_not_change_each_others_scores() -> None:
    for order in (list(CASES.values()), list(CASES.values())[::-1]):
        shared = {case.reads & TRUTHS: case.probe(GIVEN) for case in SUPERVISED}
        for case in order:
            probe = shared[case.reads & TRUTHS or frozenset({"labels"})]
            assert_same_score(case.scorer(probe), base_score(case.name))


@every_case
def test_takes_lists_and_any_layout(case: Case) -> None:
    expected = base_score(case.name).value
    spread = np.zeros((2 * len(F), F.shape[1], 3))
    spread[::2, :, 1] = F
    for features in (F.tolist(), np.asfortranarray(F), spread[::2, :, 1], F[::-1][::-1]):
        lists = {name: GIVEN[name].tolist() for name in ARRAYS[1:]}
        found = case(GIVEN | lists | {"features": features}).value
        assert found == pytest.approx(expected, rel=1e-9)


@every_case
def test_takes_every_precision(case: Case) -> None:
    half = F.astype(np.float16)
    exact = case(GIVEN | {"features": half.astype(np.float64)}).value
    for features in (half, half.astype(np.float32)):
        score = case(GIVEN | {"features": features})
        assert score.value == pytest.approx(exact, rel=1e-6)
        assert score.per_sample is None or score.per_sample.dtype == np.float64


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.scorer.name not in BLIND], ids=repr
)
def test_double_precision_is_kept(case: Case) -> None:
    # In single precision these features have hardly a digit left. Where directions are compared,
    # such rows are all the same, and a small constant has to show whether digits are lost.
    features = F + (4.0 if case.scorer.name == "disco-cosine" else 4e6)
    double = case(GIVEN | {"features": features}).value
    single = case(GIVEN | {"features": features.astype(np.float32)}).value
    assert abs(double - single) > 1e-9 * abs(double)
    if "shifted" not in NOT_CLAIMED.get(case.name, {}):
        assert double == pytest.approx(base_score(case.name).value, rel=1e-7)


@pytest.mark.parametrize("offset", [0.0, 50.0])
@every_case
def test_single_precision_serves_large_features(
    case: Case, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = GIVEN | {"features": (F + offset).astype(np.float32)}
    double = case(given).value
    monkeypatch.setattr("discorank.scoring.probe.LARGEST_DOUBLE", 0)  # all features are large
    assert case(given).value == pytest.approx(double, rel=2e-5)


@pytest.mark.parametrize("path", ["double", "single"])
@pytest.mark.parametrize("shape", [(240, 12), (60, 80)], ids=["tall", "wide"])
@every_case
def test_torch_tensors_give_the_score_of_numpy_arrays(
    case: Case, shape: tuple[int, int], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    if path == "single":
        monkeypatch.setattr("discorank.scoring.probe.LARGEST_DOUBLE", 0)
    given = planted(*shape)
    given["features"] = given["features"].astype(np.float32)
    expected = case(given)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        tensors = {name: torch.tensor(given[name], device=device) for name in ARRAYS}
        score = case(given | tensors)
        assert type(score.value) is float
        assert score.value == pytest.approx(expected.value, rel=1e-5)
        assert type(score.per_sample) is type(expected.per_sample)
        for name in ARRAYS:
            np.testing.assert_array_equal(tensors[name].cpu().numpy(), given[name])


# --- shapes ----------------------------------------------------------------------------------

SHAPES: Mapping[str, Callable[[], Given]] = {
    "fewer samples than features": lambda: planted(30, 50, 3),
    "as many samples as features": lambda: planted(20, 20, 2),
    "one feature": lambda: planted(60, 1, 3),
    "two classes": lambda: planted(50, 6, 2),
    "a thousand classes": lambda: planted(2000, 16, 1000),
    "a class with one sample": lambda: planted(61, 8, 4, ids=np.append(np.arange(60) % 3, 3)),
    "every class one sample": lambda: planted(20, 8, 20),
    "two samples": lambda: planted(2, 3, 2),
    "three samples": lambda: planted(3, 4, 2),
    "one direction": lambda: GIVEN | {"features": np.outer(F[:, 0], F[0])},
    "collapsed classes": lambda: planted(40, 5, 2, within=0.0),
    "small numbers": lambda: GIVEN | {"features": 1e-9 * F},
    "large numbers": lambda: GIVEN | {"features": 1e9 * F},
}


@pytest.mark.parametrize("shape", SHAPES)
@every_case
def test_gives_a_finite_score_of_any_shape_or_says_why_not(case: Case, shape: str) -> None:
    given = SHAPES[shape]()
    if (case.name, shape) in UNDEFINED:
        with pytest.raises(InvalidInput, match=UNDEFINED[case.name, shape]):
            case(given)
        return
    score = case(given)
    assert type(score.value) is float
    assert np.isfinite(score.value)
    low, high = RANGES.get(case.name, (-np.inf, np.inf))
    assert low <= score.value <= high
    if score.per_sample is not None:
        assert score.per_sample.shape == (len(given["features"]),)
        assert np.isfinite(score.per_sample).all()
        assert score.per_sample.mean() == pytest.approx(score.value, rel=1e-9)
