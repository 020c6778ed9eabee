"""From a target and specs to the table of runs."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import discorank
from discorank.benchmark.files import read_finetuned
from discorank.errors import InvalidInput
from discorank.finetuning import read_runs_file

QUICK: dict[str, Any] = {"trials": 3, "seeds": 2, "epochs": 8, "batch_size": 12, "device": "cpu"}


def without_time(truth: discorank.GroundTruth) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key != "seconds"} for row in truth.rows]


def loads() -> list[str]:
    found: list[str] = sys.modules["models_to_finetune"].N_LOADED
    return found


def test_the_table_holds_every_run_and_the_truth_is_the_mean(models: str, stripes: Path) -> None:
    truth = discorank.finetune(stripes, [f"{models}good", f"{models}blind"], mode="both", **QUICK)
    rows = truth.rows
    assert len(rows) == 2 * 2 * (3 + 2)
    trials = [row for row in rows if row["stage"] == "trial"]
    finals = [row for row in rows if row["stage"] == "final"]
    assert all(row["value"] is None and "accuracy" not in row for row in trials)
    assert {row["seed"] for row in trials} == {0}
    assert sorted(row["seed"] for row in finals) == [1] * 4 + [2] * 4
    for name in ("good", "blind"):
        own = [r for r in finals if r["model"].endswith(name) and r["mode"] == "full"]
        assert truth.finetuned["stripes.npz"][f"{models}{name}"] == np.mean(
            [row["accuracy"] for row in own]
        )
        chosen = {(row["lr"], row["weight_decay"]) for row in own}
        mine = [r for r in trials if r["model"].endswith(name) and r["mode"] == "full"]
        best = max(mine, key=lambda row: (row["validation"], -row["validation_loss"]))
        assert chosen == {(best["lr"], best["weight_decay"])}
    assert truth.finetuned["stripes.npz"][f"{models}good"] > 0.9
    assert truth.n_samples == {"train": 36, "validation": 12, "test": 12}


def test_the_same_call_runs_nothing_again(models: str, stripes: Path) -> None:
    specs = [f"{models}good"]
    first = discorank.finetune(stripes, specs, **QUICK)
    loads().clear()
    again = discorank.finetune(stripes, specs, **QUICK)
    described = len(loads())  # a factory without weights is called to describe it
    assert again.rows == first.rows  # seconds too: they are those of the first time
    discorank.finetune(stripes, specs, **{**QUICK, "seeds": 3})
    assert len(loads()) == 2 * described + 1


def test_it_goes_on_after_an_interrupt(models: str, stripes: Path, tmp_path: Path) -> None:
    class Impatient:
        """Interrupts after so many runs."""

        def __init__(self, patience: int) -> None:
            self.left = patience

        def start(self, name: str, total: int) -> None: ...

        def finish(self) -> None: ...

        def advance(self, n: int) -> None:
            self.left -= n
            if self.left == 0:
                raise KeyboardInterrupt

    specs = [f"{models}good", f"{models}blind"]
    whole = discorank.finetune(stripes, specs, cache=tmp_path / "whole", **QUICK)
    with pytest.raises(KeyboardInterrupt):
        discorank.finetune(stripes, specs, progress=Impatient(2), **QUICK)
    part = discorank.finetune(stripes, specs, progress=Impatient(7), **QUICK)
    assert [one.candidate.name for one in part.models] == specs[:1]
    assert part.unfinished == (specs[1],)
    assert "Interrupted: 1 left" in str(part)
    assert without_time(discorank.finetune(stripes, specs, **QUICK)) == without_time(whole)


def test_models_that_fail_do_not_stop_the_others(models: str, stripes: Path) -> None:
    specs = [f"{models}{name}" for name in ("broken", "endless", "good")]
    truth = discorank.finetune(stripes, specs, **QUICK)
    assert [one.candidate.name for one in truth.models] == [f"{models}good"]
    reasons = {failure.model: failure.reason for failure in truth.failed}
    assert "no such disk" in reasons[f"{models}broken"]
    assert (
        "its loss is not finite after one epoch, with any of the 3 recipes"
        in (reasons[f"{models}endless"])
    )


def test_a_damaged_record_is_run_again(
    models: str, stripes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = discorank.finetune(stripes, [f"{models}good"], **QUICK)
    records = sorted((tmp_path / "cache" / "finetuning").glob("*.json"))
    assert len(records) == 5
    records[0].write_text('{"record": ')
    again = discorank.finetune(stripes, [f"{models}good"], **QUICK)
    assert without_time(again) == without_time(first)
    assert "it will be run again" in caplog.text
    json.loads(records[0].read_text())


def test_ready_made_features_have_a_linear_probe_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    features = rng.standard_normal((60, 4)) + 4 * labels[:, None]
    np.savez(tmp_path / "target.npz", features=features, labels=labels)
    np.savez(tmp_path / "mine.npz", features=features)
    spec = f"features:{tmp_path / 'mine.npz'}?name=mine"
    truth = discorank.finetune(
        tmp_path / "target.npz", spec, mode="both", cache=tmp_path / "cache", **QUICK
    )
    assert truth.of_mode("linear") == {spec.partition("?")[0]: 1.0}
    [failure] = truth.failed
    assert failure.reason.startswith("full: models of features")
    assert truth.finetuned["target.npz"] == truth.of_mode("linear")


def test_regression(models: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    brightness = rng.uniform(40, 200, size=60)
    images = brightness[:, None, None] + rng.uniform(-20, 20, size=(60, 8, 8))
    np.savez(tmp_path / "t.npz", images=images.astype(np.uint8), targets=brightness)
    truth = discorank.finetune(
        tmp_path / "t.npz", f"{models}good", metric="mse", **{**QUICK, "epochs": 15}
    )
    [one] = truth.models
    assert (one.mean("mse") or 0.0) > 0.0
    assert truth.finetuned["t.npz"][f"{models}good"] == -(one.mean("mse") or 0.0)
    assert (one.mean("r2") or 0.0) > 0.5


def test_boxes_are_refused(tmp_path: Path) -> None:
    boxes = np.tile([0.5, 0.5, 0.2, 0.2], (20, 1))
    np.savez(
        tmp_path / "b.npz",
        images=np.zeros((20, 4, 4), np.uint8),
        labels=np.arange(20) % 2,
        boxes=boxes,
    )
    with pytest.raises(InvalidInput, match=r"boxes cannot be fine-tuned on.*task classification"):
        discorank.finetune(tmp_path / "b.npz", "timm:resnet10t")


def test_the_parquet_file_is_the_truth_for_evaluate(
    models: str, stripes: Path, tmp_path: Path
) -> None:
    truth = discorank.finetune(stripes, [f"{models}good", f"{models}blind"], **QUICK)
    path = tmp_path / "truth.parquet"
    truth.to_parquet(path)
    rows, provenance = read_runs_file(path)
    assert [row["seconds"] for row in rows] == [row["seconds"] for row in truth.rows]
    assert provenance["options"]["trials"] == 3
    assert provenance["versions"]["optuna"]
    table = read_finetuned(path)
    assert table.finetuned == truth.finetuned
    assert table.static["parameters"][f"{models}good"] == 64 * 16 + 16 + 16 * 2 + 2
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_folder_of_tables_is_the_truth_of_several_targets(
    models: str, stripes: Path, tmp_path: Path
) -> None:
    other = stripes.with_name("other.npz")
    shutil.copy(stripes, other)
    truths = [discorank.finetune(data, f"{models}good", **QUICK) for data in (stripes, other)]
    folder = tmp_path / "truths"
    folder.mkdir()
    for truth in truths:
        truth.to_parquet(folder / f"{truth.target}.parquet")
    assert read_finetuned(folder).finetuned == truths[0].finetuned | truths[1].finetuned
    with pytest.raises(InvalidInput, match="a folder of Parquet files"):
        read_finetuned(tmp_path / "cache")


def test_inputs_that_are_too_large_for_memory_are_kept_in_a_file(
    models: str, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = discorank.finetune(stripes, f"{models}good", cache=tmp_path / "one", **QUICK)
    monkeypatch.setattr("discorank.finetuning.inputs._MEMORY", 0)
    again = discorank.finetune(stripes, f"{models}good", cache=tmp_path / "two", **QUICK)
    assert without_time(again) == without_time(first)


def test_a_parquet_file_of_something_else_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InvalidInput, match="is no table of 'discorank finetune'"):
        read_finetuned(tmp_path / "other.parquet")
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InvalidInput, match="cannot be read as Parquet"):
        read_finetuned(tmp_path / "text.parquet")


def test_features_before_and_after_are_kept(models: str, stripes: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    discorank.finetune(stripes, f"{models}good", keep_features=kept, **QUICK)
    files = sorted(kept.iterdir())
    assert [path.suffixes[-2:] for path in files] == [[".after", ".npz"], [".before", ".npz"]]
    after, before = (np.load(path) for path in files)
    assert before["features"].shape == after["features"].shape == (36, 16)
    assert not np.allclose(before["features"], after["features"])
    np.testing.assert_array_equal(before["sample_ids"], after["sample_ids"])
    written = files[0].stat().st_mtime_ns
    discorank.finetune(stripes, f"{models}good", keep_features=kept, **QUICK)
    assert files[0].stat().st_mtime_ns == written
    files[0].unlink()
    discorank.finetune(stripes, f"{models}good", keep_features=kept, **QUICK)
    np.testing.assert_array_equal(np.load(files[0])["features"], after["features"])
