from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import discorank
from discorank import (
    InvalidInput,
    UnknownName,
    disco_detection_score,
    disco_multilabel_score,
    disco_regression_score,
    disco_score,
)
from discorank.ranking.panel import Panel
from discorank.scoring import probe as probe_module
from discorank.scoring import registry, spectral
from discorank.scoring.bootstrap import half_sample_sureness, half_samples, paired_bootstrap
from discorank.scoring.disco import disco
from discorank.scoring.probe import Probe
from discorank.scoring.registry import Scorer
from discorank.targets import open_target
from discorank.types import Score

N_SAMPLES = 60
LABELS = np.arange(N_SAMPLES) % 3

SaveFeatures = Callable[..., str]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return an .npz of small images whose class is their brightness."""
    rng = np.random.default_rng(0)
    images = (70 * LABELS[:, None, None] + rng.integers(60, size=(N_SAMPLES, 8, 8))).astype("uint8")
    path = tmp_path / "target.npz"
    np.savez(path, images=images, labels=np.array(["cat", "dog", "owl"])[LABELS])
    return path


@pytest.fixture
def save_features(tmp_path: Path) -> SaveFeatures:
    """Save features whose classes lie `separation` apart, and return the spec of the file."""

    def save(name: str, separation: float, n_samples: int = N_SAMPLES) -> str:
        rng = np.random.default_rng(len(name))
        features = rng.standard_normal((n_samples, 6)).astype("float32")
        features[:, :3] += separation * np.eye(3)[np.arange(n_samples) % 3]
        np.savez(tmp_path / f"{name}.npz", features=features)
        return f"features:{tmp_path / name}.npz"

    return save


@pytest.fixture
def models_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module of model factories, and return its name."""
    (tmp_path / "discorank_test_models.py").write_text(
        dedent(
            """
            import numpy as np
            import torch
            from torch import nn

            def as_array(image):
                return np.asarray(image.convert("L"), dtype="float32")[None] / 255

            def linear():
                torch.manual_seed(0)
                return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Linear(5, 2)), as_array

            class Broken(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(64, 5)

                def forward(self, batch):
                    raise RuntimeError("this one breaks")

            def broken():
                return Broken(), as_array

            def leaves():
                raise SystemExit("a model that exits")

            def interrupted():
                raise KeyboardInterrupt

            class Interrupted(Broken):
                def forward(self, batch):
                    raise KeyboardInterrupt

            def interrupted_later():
                return Interrupted(), as_array
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "discorank_test_models", raising=False)
    return "discorank_test_models"


def test_models_are_ordered_by_score(target: Path, save_features: SaveFeatures) -> None:
    specs = [save_features("weak", 0.5), save_features("strong", 8.0), save_features("fair", 2.0)]
    ranking = discorank.rank(target, specs)
    assert [model.model for model in ranking.models] == [specs[1], specs[2], specs[0]]
    assert [model.rank for model in ranking.models] == [1, 2, 3]
    assert ranking.best is ranking.models[0]
    assert ranking.best.source == "features"
    assert ranking.best.n_features == 6
    assert ranking.best.seconds is None
    assert ranking.best.p_best is not None
    assert ranking.best.p_best > 0.9
    assert ranking.failed == ()
    assert (ranking.n_samples, ranking.n_total, ranking.n_classes) == (60, 60, 3)
    assert ranking.fingerprint == open_target(target).fingerprint


def test_numbers_are_those_of_the_score_and_the_bootstrap(
    target: Path, save_features: SaveFeatures
) -> None:
    specs = [save_features("a", 1.0), save_features("bb", 1.2)]
    options: dict[str, Any] = {"n_groups": 2, "covariance": "shared"}
    ranking = discorank.rank(
        target, specs, scorer_options=options, coverage=0.8, random_state=3, max_samples=30
    )
    assert ranking.options == {
        "disco-cosine": {
            "n_components": 128,
            "n_groups": 2,
            "covariance": "shared",
            "loo": False,
            "row_norm": 30.0,
            "svd_solver": "auto",
            "random_state": 3,
        }
    }
    rows = open_target(target, max_samples=30, random_state=3).rows
    scorer = registry.get_scorer("disco-cosine")
    results = {}
    for spec in specs:
        features = np.load(spec.removeprefix("features:"))["features"][rows]
        probe = Probe(features, LABELS[rows])
        results[spec] = scorer.resampled(probe, scorer(probe, **options), **options, random_state=3)
        alone = disco_score(features, LABELS[rows], row_norm=30.0, **options)
        assert results[spec].value == alone.value
    per_sample = np.array([results[model.model].per_sample for model in ranking.models])
    sure = paired_bootstrap(per_sample, confidence=0.8, random_state=3)
    for place, model in enumerate(ranking.models):
        assert model.score == results[model.model].value
        assert (model.low, model.high) == (sure.low[place], sure.high[place])
        assert model.p_best == sure.p_best[place]


def test_equal_scores_are_ordered_by_name_and_share_p_best(
    target: Path, save_features: SaveFeatures, tmp_path: Path
) -> None:
    save_features("b", 2.0)
    for copy in "ca":
        (tmp_path / f"{copy}.npz").write_bytes((tmp_path / "b.npz").read_bytes())
    ranking = discorank.rank(target, [f"features:{tmp_path / name}.npz" for name in "bca"])
    assert [Path(model.model).stem for model in ranking.models] == ["a", "b", "c"]
    assert [model.p_best for model in ranking.models] == pytest.approx([1 / 3] * 3)


def test_a_score_that_is_no_mean_has_no_interval(
    target: Path, save_features: SaveFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spread(probe: Probe) -> Score:
        return Score(value=float(np.std(probe.Z)))

    monkeypatch.setattr(
        registry, "SCORERS", {**registry.SCORERS, "spread": Scorer("spread", spread, "none")}
    )
    specs = [save_features("weak", 0.5), save_features("strong", 8.0)]
    ranking = discorank.rank(target, specs, scorer="spread", n_halves=0)
    assert [model.model for model in ranking.models] == specs[::-1]
    for model in ranking.models:
        assert (model.low, model.high, model.p_best, model.group) == (None, None, None, None)
    assert "does not say how sure" in str(ranking)
    assert ranking.resampling == {"spread": "none"}
    assert ranking.shortlist == ranking.models[:1]


def test_a_score_that_is_no_mean_is_scored_on_halves(
    target: Path, save_features: SaveFeatures
) -> None:
    specs = [save_features("weak", 0.5), save_features("strong", 8.0)]
    names = ["logme", "disco", "ncti", "parameters"]
    options = {"disco": {"n_groups": 2}}
    ranking = discorank.rank(target, specs, scorer=names, scorer_options=options)
    assert ranking.resampling == {
        "logme": "half samples",
        "disco": "paired bootstrap",
        "ncti": "half samples",
        "parameters": "none",
    }
    best = ranking.best
    assert best.low is not None
    assert best.high is not None
    assert best.low < best.score < best.high
    assert (best.behind_low, best.behind_high) == (0.0, 0.0)
    assert [model.group for model in ranking.models] == [1, 2]
    behind = ranking.models[1]
    assert behind.behind_low is not None
    assert behind.behind_low > 0.0
    assert "95 % intervals from half samples" in " ".join(str(ranking).split())
    labels = open_target(target).strata
    halves = half_samples(labels, 20, random_state=0)
    with np.load(best.model.partition(":")[2]) as arrays:
        probe = Probe(arrays["features"], labels)
    scores = [registry.get_scorer("logme")(probe.take(rows)).value for rows in halves]
    alone = half_sample_sureness([best.score], [[score] for score in scores])
    assert best.low == pytest.approx(float(alone.low[0]))
    again = discorank.rank(target, specs, scorer=names, scorer_options=options)
    assert again.to_json() == ranking.to_json()


def test_nested_lists_of_labels_are_halved_as_a_matrix_is() -> None:
    rng = np.random.default_rng(0)
    features, has_label = rng.standard_normal((40, 6)), rng.integers(0, 2, (40, 3))
    panel = Panel.of(["rankme"], "multilabel", {}, n_halves=2)
    of_matrix, of_lists = (
        [half.value for half in panel.score(Probe(features, labels)).halves["rankme"]]
        for labels in (has_label, has_label.tolist())
    )
    assert of_lists == of_matrix


def test_the_shortlist_holds_the_best_with_the_confidence(
    target: Path, save_features: SaveFeatures
) -> None:
    specs = [save_features(name, by) for name, by in (("a", 1.0), ("bb", 1.05), ("ccc", 0.0))]
    sure = discorank.rank(target, specs, confidence=0.999)
    bold = discorank.rank(target, specs, confidence=0.05)
    assert len(bold.shortlist) == 1
    assert bold.shortlist[0].p_best == max(model.p_best or 0.0 for model in bold.models)
    assert sum(model.p_best or 0.0 for model in sure.shortlist) >= 0.999
    assert [model.rank for model in sure.shortlist] == sorted(m.rank for m in sure.shortlist)
    for name, value in (("confidence", 1.5), ("coverage", 0.0)):
        with pytest.raises(InvalidInput, match=f"{name} must lie between 0 and 1, got {value}"):
            discorank.rank(target, specs, **{name: value})  # type: ignore[arg-type]


def test_a_score_that_is_no_number_is_a_failure(
    target: Path, save_features: SaveFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        registry, "SCORERS", {"none": Scorer("none", lambda _: Score(float("nan")), "none")}
    )
    ranking = discorank.rank(target, save_features("weak", 0.5), scorer="none")
    assert ranking.models == ()
    assert ranking.failed[0].reason == "its none score is nan"


def test_a_failing_model_is_listed_and_the_others_are_ranked(
    target: Path, save_features: SaveFeatures, models_module: str, tmp_path: Path
) -> None:
    constant = tmp_path / "constant.npz"
    np.savez(constant, features=np.ones((N_SAMPLES, 4)))
    bad = {
        "features:nowhere.npz?name=gone": "does not exist",
        save_features("short", 1.0, n_samples=10): "10 rows",
        f"features:{constant}": "must differ between samples",
        f"python:{models_module}:broken": "this one breaks",
        f"python:{models_module}:leaves": "SystemExit: a model that exits",
    }
    good = [f"python:{models_module}:linear", save_features("fair", 2.0)]
    ranking = discorank.rank(target, [*bad, *good], cache=tmp_path / "cache", workers=0)
    assert {model.model for model in ranking.models} == set(good)
    assert [failure.model for failure in ranking.failed] == list(bad)
    for failure in ranking.failed:
        assert bad[failure.model] in failure.reason
    assert ranking.failed[0].alias == "gone"
    assert ranking.failed[1].alias is None
    assert sum(model.p_best or 0 for model in ranking.models) == pytest.approx(1.0)


def test_if_every_model_fails_the_ranking_is_empty_and_says_why(target: Path) -> None:
    ranking = discorank.rank(target, ["features:nowhere.npz"])
    assert ranking.models == ()
    assert len(ranking.failed) == 1
    with pytest.raises(InvalidInput, match="does not exist"):
        _ = ranking.best


def test_an_interrupt_is_no_failure_of_the_model(target: Path, models_module: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        discorank.rank(target, f"python:{models_module}:interrupted")


def test_an_interrupt_leaves_the_ranking_of_what_was_done(
    target: Path, models_module: str, save_features: SaveFeatures, caplog: pytest.LogCaptureFixture
) -> None:
    fair, later = save_features("fair", 2.0), save_features("later", 3.0)
    interrupted = f"python:{models_module}:interrupted_later"
    ranking = discorank.rank(target, [fair, "features:nowhere.npz", interrupted, later])
    assert [model.model for model in ranking.models] == [fair]
    assert len(ranking.failed) == 1
    assert ranking.unfinished == (interrupted, later)
    assert "Interrupted before python:" in str(ranking)
    assert "interrupted; the ranking is of the models that were done" in caplog.text


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"target": "digit"}, UnknownName, "digits"),
        ({"models": ["fetures:a.npz"]}, UnknownName, "features"),
        ({"models": ["features:a.npz?layer=1"]}, InvalidInput, "no option 'layer'"),
        ({"models": []}, InvalidInput, "at least one spec"),
        ({"models": ["pool:ofline"]}, UnknownName, "offline"),
        ({"scorer": "disko"}, UnknownName, "disco"),
        ({"scorer_options": {"covariance": "full"}}, InvalidInput, "covariance must be one of"),
        (
            {"scorer_options": {"groups": 2}},
            InvalidInput,
            "no option of disco-cosine is named 'groups'; the options of disco-cosine are n_comp",
        ),
        ({"confidence": 95}, InvalidInput, "confidence must lie between 0 and 1, got 95"),
        ({"max_samples": 1}, InvalidInput, "sample of 1 is too small"),
        ({"batch_size": 0}, InvalidInput, "batch_size must be .* got 0"),
        ({"workers": -1}, InvalidInput, "workers must be .* got -1"),
        ({"random_state": -1}, InvalidInput, "random_state must be .* got -1"),
        ({"device": "cpux"}, InvalidInput, "cpux"),
    ],
)
def test_mistakes_stop_at_once_though_another_model_is_fine(
    target: Path,
    save_features: SaveFeatures,
    changes: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    arguments: dict[str, object] = {"target": target, "models": [], **changes}
    if arguments["models"] or "models" not in changes:
        arguments["models"] = [save_features("fine", 2.0), *changes.get("models", [])]  # type: ignore[misc]
    with pytest.raises(error, match=message):
        discorank.rank(**arguments)  # type: ignore[arg-type]


def test_same_command_twice_gives_the_same_bytes(
    target: Path, save_features: SaveFeatures, models_module: str, tmp_path: Path
) -> None:
    def run() -> str:
        return discorank.rank(
            target,
            [f"python:{models_module}:linear?name=mine", save_features("fair", 2.0)],
            cache=tmp_path / "cache",
            workers=0,
            max_samples=45,
        ).to_json()

    first, second = run(), run()
    assert first == second
    document = json.loads(first)
    mine = next(model for model in document["ranking"] if model["alias"] == "mine")
    assert mine["model"] == f"python:{models_module}:linear"
    assert mine["seconds"] > 0
    assert mine["parameters"] == 64 * 5 + 5 + 5 * 2 + 2
    assert mine["weights"].startswith("sha256:")
    assert document["versions"]["numpy"] == np.__version__


def test_cache_argument_is_what_the_variable_names(
    target: Path, models_module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"python:{models_module}:linear"
    monkeypatch.setenv("DISCORANK_CACHE", str(tmp_path / "cache"))
    by_variable = discorank.rank(target, spec, workers=0)
    monkeypatch.delenv("DISCORANK_CACHE")
    by_argument = discorank.rank(target, spec, workers=0, cache=tmp_path / "cache")
    assert by_argument.best.seconds == by_variable.best.seconds
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1


def test_progress_is_told_of_every_sample(target: Path, models_module: str, tmp_path: Path) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.events: list[object] = []

        def start(self, name: str, total: int) -> None:
            self.events.append((name, total))

        def advance(self, n: int) -> None:
            self.events.append(n)

        def finish(self) -> None:
            self.events.append("finish")

    recorder = Recorder()
    spec = f"python:{models_module}:linear"
    discorank.rank(
        target, spec, cache=tmp_path, workers=0, batch_size=40, max_samples=50, progress=recorder
    )
    assert recorder.events == [(spec, 50), 40, 10, "finish"]


def test_several_scorers_rank_the_same_features(target: Path, save_features: SaveFeatures) -> None:
    specs = [save_features("weak", 0.5), save_features("strong", 8.0)]
    names = ("disco", "knn", "logme", "ncti", "leep", "parameters")
    ranking = discorank.rank(
        target,
        specs,
        scorer=names,
        scorer_options={"n_groups": 2, "knn": {"n_neighbors": 3}},
    )
    assert ranking.scorer == "disco"
    assert ranking.scorers == names
    assert ranking.options["disco"]["n_groups"] == 2
    assert ranking.options["knn"]["n_neighbors"] == 3
    labels = open_target(target).labels
    for model in ranking.models:
        with np.load(model.model.partition(":")[2]) as arrays:
            probe = Probe(arrays["features"], labels)
        assert model.score == registry.get_scorer("disco")(probe, n_groups=2).value
        assert model.others["knn"].score == registry.get_scorer("knn")(probe, n_neighbors=3).value
        assert model.others["logme"].score == registry.get_scorer("logme")(probe).value
        assert model.others["knn"].p_best is not None
        assert model.others["logme"].p_best is not None
        # NCTI is brought to one scale over the models of the ranking.
        assert abs(model.others["ncti"].score) <= 2.0
        assert set(model.others["ncti"].parts) == {
            "all_nuclear", "class_probability", "class_nuclear",
        }  # fmt: skip
        assert set(model.unscored) == {"leep", "parameters"}
        assert "no classifier" in model.unscored["leep"]
    assert [model.others["knn"].rank for model in ranking.models] == [1, 2]


def test_the_decomposition_is_computed_once_for_all_scorers(
    target: Path, save_features: SaveFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    decompose = spectral.decompose

    def counted(Z: np.ndarray, **options: object) -> object:
        calls.append(options)
        return decompose(Z, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(probe_module, "decompose", counted)
    other = Scorer("four", lambda probe: disco(probe, n_groups=4), "none")
    monkeypatch.setattr(registry, "SCORERS", {**registry.SCORERS, "four": other})
    spec = save_features("weak", 0.5)
    ranking = discorank.rank(target, spec, scorer=["disco", "four"])
    # Once for the toy that tries each scorer's options, and once for the model.
    assert len([options for options in calls if options["n_components"] == 128]) == 2 + 1
    assert set(ranking.best.others) == {"four"}


def test_detection_keeps_its_terms_as_columns(tmp_path: Path, save_features: SaveFeatures) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0.2, 0.8, (N_SAMPLES, 4))
    features = {"blind": rng.standard_normal((N_SAMPLES, 8))}
    features["sees"] = features["blind"] + 6.0 * np.eye(8)[LABELS]
    features["sees"][:, 4:] = 20.0 * boxes
    specs = []
    for name, array in features.items():
        np.savez(tmp_path / f"{name}.npz", features=array)
        specs.append(f"features:{tmp_path / name}.npz")
    np.savez(tmp_path / "boxes.npz", features=features["sees"], labels=LABELS, boxes=boxes)
    ranking = discorank.rank(tmp_path / "boxes.npz", specs)
    assert ranking.task == "detection"
    assert [model.model for model in ranking.models] == specs[::-1]
    assert [model.score for model in ranking.models] == pytest.approx([2.0, 0.0])
    alone = disco_detection_score(features["sees"], LABELS, boxes, row_norm=30.0)
    assert ranking.best.parts["S_cls"] == alone.classification.value
    assert ranking.best.parts["S_reg"] == alone.regression.value
    assert ranking.best.parts["S_obj"] == ranking.best.score
    assert {"S_cls", "S_reg", "S_obj"} <= set(ranking.to_frame().columns)
    assert "3 classes, boxes" in str(ranking)


@pytest.mark.parametrize("hard_fraction", [None, 0.5])
def test_intervals_of_pooled_terms_stay_where_scores_can_be(
    tmp_path: Path, hard_fraction: float | None
) -> None:
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0.2, 0.8, (N_SAMPLES, 4))
    specs = []
    for name in "abc":  # no better than each other
        features = rng.standard_normal((N_SAMPLES, 8)) + np.eye(8)[LABELS]
        logits = rng.standard_normal((N_SAMPLES, 4))
        np.savez(tmp_path / f"{name}.npz", features=features, source_logits=logits)
        specs.append(f"features:{tmp_path / name}.npz")
    np.savez(tmp_path / "boxes.npz", features=features, labels=LABELS, boxes=boxes)
    np.savez(tmp_path / "classes.npz", features=features, labels=LABELS)
    for target, scorer in (("boxes", "disco"), ("classes", "etran")):
        ranking = discorank.rank(
            tmp_path / f"{target}.npz", specs, scorer=scorer, hard_fraction=hard_fraction
        )
        for model in ranking.models:
            assert model.low is not None
            assert model.high is not None
            assert 0.0 <= model.low <= model.score <= model.high <= 2.0
        assert sum(model.p_best or 0.0 for model in ranking.models) == pytest.approx(1.0)


def test_regression_and_several_labels_are_ranked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((N_SAMPLES, 8)).astype("float32")
    np.savez(tmp_path / "f.npz", features=features)
    spec = f"features:{tmp_path / 'f.npz'}"
    truth = features[:, :2] + 0.1 * rng.standard_normal((N_SAMPLES, 2))
    np.savez(tmp_path / "numbers.npz", features=features, targets=truth)
    ranking = discorank.rank(tmp_path / "numbers.npz", spec, scorer=["disco", "linear-probe"])
    assert ranking.task == "regression"
    assert ranking.best.score == disco_regression_score(features, truth).value
    assert ranking.best.others["linear-probe"].score > 0.9
    assert "2 targets" in str(ranking)
    np.savez(tmp_path / "labels.npz", features=features, labels=(truth > 0).astype(int))
    ranking = discorank.rank(tmp_path / "labels.npz", spec)
    alone = disco_multilabel_score(features, truth > 0, row_norm=30.0)
    assert ranking.best.score == alone.value
    assert "2 labels" in str(ranking)
    with pytest.raises(InvalidInput, match="leep scores classification, not multilabel"):
        discorank.rank(tmp_path / "labels.npz", spec, scorer=["disco", "leep"])
    with pytest.raises(InvalidInput, match="hard_fraction needs one class per sample"):
        discorank.rank(tmp_path / "labels.npz", spec, hard_fraction=0.5)


def test_a_share_of_hard_examples_is_scored(target: Path, save_features: SaveFeatures) -> None:
    specs = [save_features("weak", 0.5), save_features("fair", 2.0)]
    ranking = discorank.rank(target, specs, scorer=["disco", "knn"], hard_fraction=0.5)
    labels = open_target(target).strata
    expected = []
    for model in ranking.models:
        with np.load(model.model.partition(":")[2]) as arrays:
            expected.append(disco_score(arrays["features"], labels, hard_fraction=0.5))
    assert [model.score for model in ranking.models] == [result.value for result in expected]
    for model in ranking.models:
        assert model.low is not None
        assert model.high is not None
        assert model.low < model.score < model.high
    assert ranking.hard_fraction == 0.5
    assert "hardest 50 %" in str(ranking)
    assert ranking.best.others["knn"].low is not None


def test_a_model_that_is_named_twice_is_ranked_once(
    target: Path, save_features: SaveFeatures
) -> None:
    spec = save_features("fair", 2.0)
    ranking = discorank.rank(target, [spec, f"{spec}?name=again"])
    assert len(ranking.models) == 1


@pytest.mark.parametrize(
    ("scorers", "message"),
    [
        ([], "at least one scorer"),
        (["disco", "disco"], "each scorer once, got disco, disco"),
    ],
)
def test_scorers_are_named_once(
    target: Path, save_features: SaveFeatures, scorers: list[str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        discorank.rank(target, save_features("fair", 2.0), scorer=scorers)


def test_several_labels_are_halved_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((N_SAMPLES, 8)).astype("float32")
    np.savez(tmp_path / "f.npz", features=features)
    np.savez(tmp_path / "t.npz", features=features, labels=(features[:, :2] > 0).astype(int))
    spec = f"features:{tmp_path / 'f.npz'}"
    ranking = discorank.rank(tmp_path / "t.npz", spec, scorer=["disco", "rankme"])
    assert ranking.best.others["rankme"].low is not None
    with pytest.raises(InvalidInput, match="n_halves must be 0 or at least 2, got 1"):
        discorank.rank(tmp_path / "t.npz", spec, n_halves=1)


def test_logits_in_a_file_of_features_go_by_the_name_they_have_elsewhere(
    target: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    features, logits = rng.standard_normal((N_SAMPLES, 4)), rng.standard_normal((N_SAMPLES, 3))
    scores = []
    for name in ("logits", "source_logits"):
        arrays: dict[str, Any] = {"features": features, name: logits}
        np.savez(tmp_path / "f.npz", **arrays)
        ranking = discorank.rank(target, f"features:{tmp_path / 'f.npz'}", scorer="leep")
        scores.append(ranking.best.score)
    assert scores[0] == scores[1]
