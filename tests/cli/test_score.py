from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from discorank import disco_detection_score, disco_regression_score, disco_score
from discorank.scoring.bootstrap import paired_bootstrap
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer

Run = Callable[..., Result]


def test_json_holds_the_result(discorank: Run, target: Path) -> None:
    result = discorank("score", target, "--json", "--groups", "3")
    assert result.exit_code == 0
    assert result.stderr == ""
    document = json.loads(result.stdout)
    with np.load(target) as arrays:
        expected = disco_score(arrays["features"], arrays["labels"], n_groups=3, row_norm=30.0)
        probe = Probe(arrays["features"], arrays["labels"])
    assert document["score"] == expected.value
    influence = get_scorer("disco-cosine").resampled(probe, expected, n_groups=3).per_sample
    interval = paired_bootstrap(np.array([influence]))
    assert [document["low"], document["high"]] == [interval.low[0], interval.high[0]]
    assert [component["ratio"] for component in document["components"]] == [
        component.ratio for component in expected.components
    ]
    assert [component["ncc"] for component in document["components"]] == [
        component.ncc for component in expected.components
    ]
    singular_values = [c["singular_values"] for c in document["components"]]
    assert np.concatenate(singular_values).tolist() == [
        value for component in expected.components for value in component.singular_values
    ]
    assert (document["n_samples"], document["n_features"], document["n_classes"]) == (60, 6, 3)
    assert document["svd_solver"] == expected.svd_solver
    assert document["options"]["disco-cosine"]["n_groups"] == 3


def test_table_has_a_row_per_component(discorank: Run, target: Path) -> None:
    result = discorank("score", target, "--groups", "3")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    assert [row[:2] for row in rows] == [["1", "2"], ["2", "2"], ["3", "2"]]
    shares = [float(row[-1]) for row in rows]
    document = json.loads(discorank("score", target, "--groups", "3", "--json").stdout)
    assert sum(shares) == pytest.approx(document["score"], abs=2e-3)
    total = f"disco-cosine {document['score']:.3f}, the sum of ratio × ncc; 95 %"
    assert lines[-1].startswith(total)


def test_float64_features_are_not_rounded(discorank: Run, tmp_path: Path) -> None:
    features = np.random.default_rng(0).standard_normal((40, 5)) + 1e6
    labels = np.arange(40) % 2
    np.savez(tmp_path / "f.npz", features=features, labels=labels)
    command = ("score", tmp_path / "f.npz", "--json", "--scorer", "disco")
    document = json.loads(discorank(*command).stdout)
    assert document["score"] == disco_score(features, labels).value


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": np.arange(4)}, "has no array 'features', only labels"),
        ({"features": np.ones((4, 2))}, "has no array 'labels', only features"),
        ({"features": np.eye(4), "labels": np.zeros(4)}, "at least two classes"),
        ({"features": np.eye(4), "labels": np.arange(3)}, "3 labels for 4 rows"),
        ({"features": np.full((4, 2), np.nan), "labels": np.arange(4) % 2}, "nan in row 0"),
        (
            {"features": np.eye(4), "labels": np.array([{}, 1, 2, 3], dtype=object)},
            "cannot be read",
        ),
    ],
)
def test_bad_arrays_are_refused(
    discorank: Run, tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    result = discorank("score", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_bad_files_are_refused(discorank: Run, tmp_path: Path) -> None:
    assert "there is no file" in discorank("score", tmp_path / "none.npz").stderr
    np.save(tmp_path / "one.npy", np.eye(3))
    assert "no .npz file" in discorank("score", tmp_path / "one.npy").stderr
    np.savez(tmp_path / "f.npz", features=np.eye(300), labels=np.arange(300) % 2)
    content = (tmp_path / "f.npz").read_bytes()
    (tmp_path / "f.npz").write_bytes(content.replace(b"\x00" * 64, b"\x01" * 64, 1))
    assert "cannot be read" in discorank("score", tmp_path / "f.npz").stderr


def test_several_scorers_of_one_file(discorank: Run, target: Path) -> None:
    flags = ("--scorer", "disco", "knn", "leep", "--option", "knn.n_neighbors=3")
    document = json.loads(discorank("score", target, "--json", *flags).stdout)
    with np.load(target) as arrays:
        probe = Probe(arrays["features"], arrays["labels"])
    assert document["scorer"] == "disco"
    assert document["options"]["knn"]["n_neighbors"] == 3
    knn = get_scorer("knn")(probe, n_neighbors=3)
    assert document["others"]["knn"]["score"] == knn.value
    assert "no classifier" in document["unscored"]["leep"]
    table = discorank("score", target, *flags)
    assert table.exit_code == 0
    assert table.stdout.splitlines()[-2].startswith("knn ")


def test_the_truth_in_the_file_says_the_task(discorank: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features, targets = rng.standard_normal((40, 5)), rng.standard_normal((40, 2))
    np.savez(tmp_path / "f.npz", features=features, targets=targets)
    document = json.loads(discorank("score", tmp_path / "f.npz", "--json").stdout)
    assert document["task"] == "regression"
    assert document["score"] == disco_regression_score(features, targets).value
    assert [row["lr"] for row in document["components"]]
    assert "sum of ratio × lr" in discorank("score", tmp_path / "f.npz").stdout
    boxes = rng.uniform(0.1, 0.9, (40, 4))
    np.savez(tmp_path / "f.npz", features=features, labels=np.arange(40) % 2, boxes=boxes)
    document = json.loads(discorank("score", tmp_path / "f.npz", "--json").stdout)
    assert document["task"] == "detection"
    assert set(document["parts"]) == {"S_cls", "S_reg", "S_obj"}
    assert "S_cls" in discorank("score", tmp_path / "f.npz").stdout


def test_a_share_of_hard_examples(discorank: Run, target: Path) -> None:
    document = json.loads(discorank("score", target, "--json", "--hard-fraction", "0.5").stdout)
    with np.load(target) as arrays:
        features, labels = arrays["features"], arrays["labels"]
    expected = disco_score(features, labels, hard_fraction=0.5, row_norm=30.0)
    assert document["score"] == expected.value
    assert document["hard_fraction"] == 0.5


def test_torch_on_a_device_gives_the_same(discorank: Run, target: Path) -> None:
    flags = ("score", target, "--json", "--scorer", "disco", "logme", "hscore", "knn")
    here = json.loads(discorank(*flags).stdout)
    torch = json.loads(discorank(*flags, "--device", "cpu").stdout)
    assert torch["score"] == pytest.approx(here["score"], rel=1e-5)
    for name, standing in here["others"].items():
        assert torch["others"][name]["score"] == pytest.approx(standing["score"], rel=1e-5)
    refused = discorank("score", target, "--device", "nowhere")
    assert refused.exit_code == 2
    assert "device='nowhere' cannot be used here" in refused.stderr


@pytest.mark.parametrize("option", ["knn", "=3", "knn.=3"])
def test_an_option_must_be_an_assignment(discorank: Run, target: Path, option: str) -> None:
    result = discorank("score", target, "--option", option)
    assert result.exit_code == 2
    assert f"--option must be [SCORER.]KEY=VALUE, got '{option}'" in result.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--option", "disco=3", "--option", "disco.n_groups=4"), "'disco' is an option here"),
        (("--option", "svd_solver=[1]"), "svd_solver must be one of"),
        (("--option", "random_state=[1]"), "random_state must be a whole number"),
        (("--task", "multilabel", "--scorer", "rankme"), "labels must have shape"),
        (("--coverage", "2"), "coverage must lie between 0 and 1, got 2.0"),
        (("--coverage", "nan", "--scorer", "rankme", "--halves", "0"), "coverage must lie"),
        (("--task", "guess"), "task must be one of"),
    ],
)
def test_odd_flags_are_refused_in_a_line(
    discorank: Run, target: Path, flags: tuple[str, ...], message: str
) -> None:
    result = discorank("score", target, *flags)
    assert result.exit_code == 2, result.exception
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_score_that_is_scaled_in_a_pool_is_its_plain_sum_alone(
    discorank: Run, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    features, boxes = rng.standard_normal((40, 5)), rng.uniform(0.1, 0.9, (40, 4))
    np.savez(tmp_path / "f.npz", features=features, labels=np.arange(40) % 2, boxes=boxes)
    document = json.loads(discorank("score", tmp_path / "f.npz", "--json").stdout)
    alone = disco_detection_score(features, np.arange(40) % 2, boxes, row_norm=30.0)
    assert document["score"] == alone.value
    assert document["low"] < document["score"] < document["high"]
