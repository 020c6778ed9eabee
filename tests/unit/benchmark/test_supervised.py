"""The published experiment, with tiny models on tiny copies of the image sets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.targets.published.copies import COPIES

from discorank import agreement
from discorank.benchmark import load_table
from discorank.benchmark.supervised import MODELS, bench_published
from discorank.errors import InvalidInput, UnknownName
from discorank.hub import resolve
from discorank.report.per_target import per_target_to_csv, summarize_per_target
from discorank.report.published import summarize_published
from discorank.report.text import to_text

TRUTH = load_table("supervised-cnn").finetuned
_FACTORIES = """
import numpy as np
import torch
from torch import nn

def as_array(image):
    return np.asarray(image.convert("L").resize((4, 4)), dtype="float32")[None] / 255


def make(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.Linear(6, 2)), as_array


def bad():
    raise OSError("no such disk")
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Return specs of tiny models by names of the table."""
    names = ("resnet34", "resnet50", "densenet121", "googlenet")
    (tmp_path / "tiny_published.py").write_text(
        _FACTORIES + "".join(f"\n\ndef {n}():\n    return make({s})\n" for s, n in enumerate(names))
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield {name: f"python:tiny_published:{name}?name={name}" for name in names}
    sys.modules.pop("tiny_published", None)


def run(tmp_path: Path, models: dict[str, str], **options: Any) -> dict[str, Any]:
    (tmp_path / "sets").mkdir(exist_ok=True)
    extraction = {"cache": str(tmp_path / "cache"), "workers": 0, "device": "cpu"}
    return bench_published(tmp_path / "sets", models=models, extraction=extraction, **options)


def test_the_models_are_those_of_the_table_with_their_first_weights() -> None:
    for metrics in TRUTH.values():
        assert set(metrics) == set(MODELS)
    for name, spec in MODELS.items():
        candidate = resolve(spec)
        assert candidate.label == name
        assert candidate.name == f"torchvision:{name}?weights=IMAGENET1K_V1"


def test_each_set_is_judged_beside_what_was_published(
    tmp_path: Path, models: dict[str, str]
) -> None:
    for name in ("pets", "cifar10", "voc2007"):
        COPIES[name](tmp_path / "sets")
    document = run(tmp_path, models, scorers=["disco", "sfda"])
    assert document["scored"] == ["cifar10", "pets", "voc2007"]
    assert len(document["absent"]) == 8
    assert document["failed"] == {}
    for target in ("cifar10", "pets"):
        for scorer in ("disco", "sfda"):
            found = document["scores"][scorer][target]
            assert set(found) == set(models)
            expected = agreement(found, TRUTH[target], n_resamples=1).weighted_kendall
            assert document["weighted_kendall"][scorer][target] == expected
    assert "voc2007" in document["weighted_kendall"]["disco"]
    assert "voc2007" not in document["weighted_kendall"]["sfda"]  # for classes alone
    assert document["targets"] == ["cifar10", "pets"]  # of the rows that compare scorers
    assert document["published"]["SFDA"] == {"cifar10": 0.949, "pets": 0.734, "voc2007": 0.763}
    text = to_text(summarize_published(document))
    assert max(map(len, text.splitlines())) <= 80
    assert "0.95" in text
    assert "static" in text.splitlines()[3]
    assert "Not there: aircraft" in text


def test_what_is_done_is_not_done_again(tmp_path: Path, models: dict[str, str]) -> None:
    COPIES["dtd"](tmp_path / "sets")
    first = run(tmp_path, models)
    features = tmp_path / "cache" / "features"
    shutil.rmtree(features)
    assert run(tmp_path, models) == first
    assert not features.exists()  # nothing was extracted anew
    other = run(tmp_path, models, scorer_options={"disco": {"loo": True}})
    assert other["scores"] != first["scores"]
    assert features.exists()


def test_after_an_interrupt_it_goes_on_with_the_next_set(
    tmp_path: Path, models: dict[str, str]
) -> None:
    class Impatient:
        def __init__(self) -> None:
            self.starts = 0

        def start(self, name: str, total: int) -> None:
            self.starts += 1
            if self.starts == 6:  # the second model of the second set
                raise KeyboardInterrupt

        def advance(self, n: int) -> None: ...

        def finish(self) -> None: ...

    for name in ("dtd", "pets"):
        COPIES[name](tmp_path / "sets")
    extraction = {"cache": str(tmp_path / "cache"), "workers": 0, "progress": Impatient()}
    with pytest.raises(KeyboardInterrupt):
        bench_published(tmp_path / "sets", models=models, extraction=extraction)
    kept = list((tmp_path / "cache" / "bench").glob("*.json"))
    assert len(kept) == 1
    whole = run(tmp_path, models)
    assert whole["scored"] == ["dtd", "pets"]
    anew = {**extraction, "cache": str(tmp_path / "anew"), "progress": None}
    assert whole == bench_published(tmp_path / "sets", models=models, extraction=anew)


def test_what_fails_is_named_and_tried_again(tmp_path: Path, models: dict[str, str]) -> None:
    COPIES["dtd"](tmp_path / "sets")
    (tmp_path / "sets" / "food-101").mkdir()
    models["vgg"] = "python:tiny_published:bad?name=vgg"
    document = run(tmp_path, models)
    assert document["scored"] == ["dtd"]
    assert "no such disk" in document["failed"]["dtd, vgg"]
    assert "cannot be read as Food-101" in document["failed"]["food"]
    assert not (tmp_path / "cache" / "bench").exists()
    for summarize in (summarize_published, summarize_per_target):
        assert "failed food" in to_text(summarize(document))
    assert {row.split(",")[0] for row in per_target_to_csv(document).splitlines()[1:]} == {"dtd"}


def test_mistakes(tmp_path: Path, models: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="holds none of the image sets; they are looked for at"):
        run(tmp_path, models)
    COPIES["dtd"](tmp_path / "sets")
    with pytest.raises(UnknownName, match="logmee"):
        run(tmp_path, models, scorers=["logmee"])
    with pytest.raises(InvalidInput, match="nothing could be scored: dtd, vgg"):
        run(tmp_path, {"vgg": "python:tiny_published:bad?name=vgg"})
