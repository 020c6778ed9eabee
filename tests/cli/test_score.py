from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from discorank import disco_score
from discorank.scoring.bootstrap import paired_bootstrap

Run = Callable[..., Result]


def test_json_holds_the_result(discorank: Run, target: Path) -> None:
    result = discorank("score", target, "--json", "--groups", "3")
    assert result.exit_code == 0
    assert result.stderr == ""
    document = json.loads(result.stdout)
    with np.load(target) as arrays:
        expected = disco_score(arrays["features"], arrays["labels"], n_groups=3)
    assert document["score"] == expected.value
    interval = paired_bootstrap([expected.per_sample])
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
    assert document["options"]["n_groups"] == 3


def test_table_has_a_row_per_component(discorank: Run, target: Path) -> None:
    result = discorank("score", target, "--groups", "3")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    assert [row[:2] for row in rows] == [["1", "2"], ["2", "2"], ["3", "2"]]
    shares = [float(row[-1]) for row in rows]
    document = json.loads(discorank("score", target, "--groups", "3", "--json").stdout)
    assert sum(shares) == pytest.approx(document["score"], abs=2e-3)
    assert lines[-1].startswith(f"disco {document['score']:.3f}, the sum of ratio × ncc; 95 %")


def test_float64_features_are_not_rounded(discorank: Run, tmp_path: Path) -> None:
    features = np.random.default_rng(0).standard_normal((40, 5)) + 1e6
    labels = np.arange(40) % 2
    np.savez(tmp_path / "f.npz", features=features, labels=labels)
    document = json.loads(discorank("score", tmp_path / "f.npz", "--json").stdout)
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
    assert "is no .npz file" in discorank("score", tmp_path / "one.npy").stderr
    np.savez(tmp_path / "f.npz", features=np.eye(300), labels=np.arange(300) % 2)
    content = (tmp_path / "f.npz").read_bytes()
    (tmp_path / "f.npz").write_bytes(content.replace(b"\x00" * 64, b"\x01" * 64, 1))
    assert "cannot be read" in discorank("score", tmp_path / "f.npz").stderr
