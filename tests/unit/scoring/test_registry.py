from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from discorank import InvalidInput, UnknownName
from discorank.scoring.probe import Probe
from discorank.scoring.registry import SCORERS, Scorer, get_scorer, scorer_names
from discorank.types import Score, Task

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
FEATURES = RNG.standard_normal((60, 8)) + np.eye(8)[LABELS]
EVERYTHING: dict[str, Any] = {
    "labels": LABELS,
    "source_logits": RNG.standard_normal((60, 5)),
    "targets": RNG.standard_normal((60, 2)),
    "parameters": 1_000_000,
    "source_accuracy": 76.5,
}


@pytest.mark.parametrize("scale", [1e69, 1e-69])
@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_takes_features_up_to_what_is_refused(name: str, scale: float) -> None:
    scorer, largest = SCORERS[name], np.abs(FEATURES).max()
    probe = Probe(FEATURES / largest * scale, **EVERYTHING)
    score = scorer(probe)
    assert np.isfinite(score.value)
    values = scorer.resampled(probe, score).per_sample
    assert values is None or np.isfinite(values).all()


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_runs_and_says_what_it_is(name: str) -> None:
    scorer = SCORERS[name]
    score = scorer(Probe(FEATURES, **EVERYTHING))
    assert scorer.name == name
    assert scorer.summary
    assert not scorer.summary.endswith(".")
    assert set(scorer.tasks) <= set(get_args(Task))
    assert isinstance(score.value, float)
    assert np.isfinite(score.value)
    if score.per_sample is not None:
        assert score.per_sample.shape == (60,)
        assert score.per_sample.mean() == pytest.approx(score.value, rel=1e-9)
    probe, *options = inspect.signature(scorer.function).parameters.values()
    assert probe.name == "probe"
    assert all(option.kind is option.KEYWORD_ONLY for option in options)


@pytest.mark.parametrize("name", SCORERS)
def test_what_a_scorer_needs_is_all_it_needs_and_nothing_less(name: str) -> None:
    scorer = SCORERS[name]
    needed = {need for needs in scorer.needs for need in needs.split(" or ")}
    given = {key: value for key, value in EVERYTHING.items() if key in needed}
    assert np.isfinite(scorer(Probe(FEATURES, **given)).value)
    for need in scorer.needs:
        less = {key: value for key, value in EVERYTHING.items() if key not in need.split(" or ")}
        with pytest.raises(InvalidInput, match=f"^{name} needs {need}: the "):
            scorer(Probe(FEATURES, **less))


@pytest.mark.parametrize("name", SCORERS)
def test_pooling_orders_candidates_as_scores_of_one_scale(name: str) -> None:
    scorer = SCORERS[name]
    noise = FEATURES - np.eye(8)[LABELS]
    given = {**EVERYTHING, "source_logits": np.eye(5)[LABELS]}
    scores = [scorer(Probe(noise + by * np.eye(8)[LABELS], **given)) for by in (0.5, 2.0, 6.0)]
    pooled = scorer.pool(scores)
    if scorer.pooling is None:
        assert pooled == [score.value for score in scores]
    else:
        assert pooled == sorted(pooled)
        assert -1.0 <= min(pooled) < max(pooled) <= 2.0
    assert scorer.pool([]) == []


def test_what_is_missing_is_said() -> None:
    with pytest.raises(
        InvalidInput, match=r"^leep needs source_logits: the candidate has no classifier$"
    ):
        get_scorer("leep")(Probe(FEATURES, LABELS))
    with pytest.raises(InvalidInput, match="no class labels and the target has no regression"):
        get_scorer("logme")(Probe(FEATURES))


def test_one_name_scores_each_task_its_way() -> None:
    boxes = np.clip(0.5 + 0.1 * RNG.standard_normal((60, 4)), 0.0, 1.0)
    probes: dict[Task, Probe] = {
        "classification": Probe(FEATURES, LABELS),
        "multilabel": Probe(FEATURES, np.eye(3)[LABELS]),
        "regression": Probe(FEATURES, targets=boxes),
        "detection": Probe(FEATURES, LABELS, targets=boxes),
    }
    values = {task: get_scorer("disco", task)(probe).value for task, probe in probes.items()}
    assert len(set(values.values())) == len(probes)
    assert values["regression"] < 0.0 < values["classification"]
    assert get_scorer("disco") is get_scorer("disco", "classification")
    with pytest.raises(InvalidInput, match=r"leep scores classification, not regression; .*logme"):
        get_scorer("leep", "regression")


def test_near_names_are_suggested() -> None:
    with pytest.raises(UnknownName, match=r"no scorer is named 'logm'; did you mean logme"):
        get_scorer("logm")


def test_an_option_that_a_scorer_does_not_know_is_an_error() -> None:
    with pytest.raises(TypeError, match="epsilon"):
        get_scorer("gbc")(Probe(FEATURES, LABELS), epsilon=1.0)


def test_a_function_is_a_scorer_too() -> None:
    scorer = Scorer("mean", lambda probe: Score(float(probe.Z.mean())), "none")
    assert scorer(Probe(FEATURES, LABELS)).value == pytest.approx(FEATURES.mean())


def test_looking_at_the_list_imports_no_scorer() -> None:
    code = (
        "import sys; from discorank.scoring.registry import scorer_names, get_scorer;"
        "scorer_names(); get_scorer('logme').summary;"
        "print([m for m in sys.modules if 'baselines.' in m or m.endswith('.disco')"
        " or m.startswith('sklearn')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert printed.stdout.decode().strip() == "[]"


PLUG_IN = """
from discorank.scoring.registry import Scorer
from discorank.types import Score


def trace(probe, *, power=1.0):
    return Score(float(probe.gram.trace()) ** power)


scorer = Scorer("trace", trace, "none", needs=frozenset(), summary="total variance")
"""


def test_an_installed_package_adds_a_scorer(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "installed"
    (source / "tiny_scorer").mkdir(parents=True)
    (source / "tiny_scorer" / "__init__.py").write_text(PLUG_IN)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "tiny-scorer"\nversion = "1.0"\n'
        '[project.entry-points."discorank.scorers"]\ntrace = "tiny_scorer:scorer"\n'
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(installed)]
    subprocess.run([*pip, str(source)], check=True, capture_output=True)

    code = (
        "import json, sys, numpy as np;"
        f"sys.path.append({str(installed)!r});"
        "from discorank.scoring.probe import Probe;"
        "from discorank.scoring.registry import get_scorer, scorer_names;"
        "names = scorer_names();"
        "unloaded = 'tiny_scorer' not in sys.modules;"
        "value = get_scorer('trace')(Probe(np.eye(3)), power=2.0).value;"
        "print(json.dumps([list(names), unloaded, value]))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    names, unloaded, value = json.loads(printed.stdout)
    assert names == [*SCORERS, "trace"]
    assert unloaded
    assert value == pytest.approx(4.0)


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put the metadata of an installed package with one scorer on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(package: str, entry: str) -> None:
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[discorank.scorers]\n{entry}\n")

    return install


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "trace = no_such_module:scorer",
            r"^the scorer 'trace' of the package 'broken' \(no_such_module:scorer\) cannot be",
        ),
        ("trace = no_such_module:scorer", "ModuleNotFoundError: .*'no_such_module'; update or"),
        ("trace = math:no_such_object", "cannot be loaded: AttributeError"),
        ("trace = math:sqrt", "must be a discorank Scorer, got <built-in function sqrt>"),
        ("trace = other_name:scorer", "must have the name of its entry point, got 'other'"),
    ],
)
def test_a_broken_plug_in_is_named(
    entry: str, message: str, plug_in: Callable[[str, str], None], tmp_path: Path
) -> None:
    (tmp_path / "other_name.py").write_text(PLUG_IN.replace('"trace"', '"other"'))
    plug_in("broken", entry)
    assert scorer_names() == (*SCORERS, "trace")
    with pytest.raises(InvalidInput, match=message):
        get_scorer("trace")
    assert get_scorer("disco") is SCORERS["disco"]


def test_two_plug_ins_of_one_name_are_named(plug_in: Callable[[str, str], None]) -> None:
    plug_in("first", "trace = one:scorer")
    plug_in("second", "trace = two:scorer")
    with pytest.raises(InvalidInput, match="'trace' is in more than one package: first, second; "):
        get_scorer("trace")


def test_a_plug_in_never_takes_a_built_in_name(plug_in: Callable[[str, str], None]) -> None:
    plug_in("impostor", "logme = math:sqrt")
    assert get_scorer("logme") is SCORERS["logme"]
    assert scorer_names() == tuple(SCORERS)


def test_names_of_plug_ins_are_suggested(plug_in: Callable[[str, str], None]) -> None:
    plug_in("tiny", "my-special-score = one:scorer")
    with pytest.raises(UnknownName, match="did you mean my-special-score"):
        get_scorer("my-special-scor")
