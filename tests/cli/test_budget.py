"""``--budget`` and ``--budget-samples``, through the real application."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from discorank.cli.parsing import seconds
from discorank.errors import InvalidInput

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90.0), ("10m", 600.0), ("2h", 7200.0), ("1h30m", 5400.0), (" 1.5M ", 90.0)],
)
def test_times(text: str, expected: float) -> None:
    assert seconds(text, flag="--budget") == expected


@pytest.mark.parametrize("text", ["", "90", "ten", "5d", "-3s", "10m3", "1.s", "30s1m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"--budget must be a time such as 90s"):
        seconds(text, flag="--budget")


def test_a_budget_that_ends_a_ranking_is_no_failure(
    discorank: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "discorank_budget_models.py").write_text(
        "import numpy as np\nfrom torch import nn\n"
        "def as_array(image):\n    return np.asarray(image, dtype='float32')[None]\n"
        "def one():\n    return nn.Flatten(), as_array\n"
        "def other():\n    return nn.Sequential(nn.Flatten(), nn.ReLU()), as_array\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    images = np.random.default_rng(0).integers(255, size=(20, 4, 4)).astype("uint8")
    np.savez(tmp_path / "t.npz", images=images, labels=np.arange(20) % 2)
    specs = [f"python:discorank_budget_models:{name}" for name in ("one", "other")]
    flags = ("--budget", "0.000001s", "--format", "json", "--workers", "0")
    result = discorank("rank", tmp_path / "t.npz", "--models", *specs, *flags)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [model["model"] for model in document["ranking"]] == specs[:1]
    assert document["unfinished"] == specs[1:]
    assert document["race"]
    budget = document["budget"]
    assert budget["is_spent"]
    assert (budget["seconds"], budget["samples"], budget["samples_spent"]) == (1e-06, None, 20)


def test_a_budget_that_is_large_enough_ranks_all(
    discorank: Run, target: Path, specs: list[str]
) -> None:
    flags = ("--budget", "1h", "--budget-samples", "1000", "--format", "json")
    document = json.loads(discorank("rank", target, "--models", *specs, *flags).stdout)
    assert len(document["ranking"]) == len(specs)
    assert not document["budget"]["is_spent"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--budget", "soon"), "--budget must be a time such as 90s, 10m or 1h30m, got 'soon'"),
        (("--budget", "0s"), "budget must be a number above 0, got 0.0"),
        (("--budget-samples", "0"), "budget_samples must be a whole number of at least 1, got 0"),
        (("--budget", "1h", "--dry-run"), "leave out --race and budgets"),
    ],
)
def test_wrong_budgets_are_refused(
    discorank: Run, target: Path, specs: list[str], flags: tuple[str, ...], message: str
) -> None:
    result = discorank("rank", target, "--models", *specs, *flags)
    assert result.exit_code == 2
    assert message in result.stderr
