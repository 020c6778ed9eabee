from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import discorank
from discorank import InvalidInput, inspect
from discorank.report.inspect import summarize_inspection
from discorank.targets import open_target
from discorank.targets.inspection import TargetRange


def test_arrays_are_compared_by_their_values(tmp_path: Path) -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((3, 3), np.uint8)
    images[4] = images[8] = images[1]
    np.savez(tmp_path / "t.npz", images=images, labels=[0, 1, 0, 1, 1, 0, 1, 0, 0, 1])
    found = inspect(tmp_path / "t.npz")
    assert (found.duplicates, found.conflicts) == (2, 1)
    assert found.classes == {"0": 5, "1": 5}
    assert found.imbalance == 1.0


def test_texts_are_compared_exactly_and_pairs_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,label\nx,y,0\ny,x,1\nx,y,0\nX,y,1\n")
    found = inspect(tmp_path / "t.csv", input_column=["a", "b"])
    assert (found.duplicates, found.conflicts) == (1, 0)
    assert inspect(tmp_path / "t.csv", input_column="b", label_column="label").duplicates == 2
    assert [column.role for column in found.columns] == ["input", "input", "label"]


def test_regression_has_ranges_of_its_usable_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,y,z\na,1,0.5\nb,2,\nc,4,1.5\nd,3,9.5\n")
    found = inspect(tmp_path / "t.csv", label_column=["y", "z"], task="regression")
    assert found.ranges == (TargetRange("y", 1, 3, 4), TargetRange("z", 0.5, 1.5, 9.5))
    assert (found.n_total, found.n_samples, found.classes, found.imbalance) == (4, 3, {}, None)
    assert [item.name for item in found.bad] == ["row 1"]


def test_several_labels_are_counted_each(tmp_path: Path) -> None:
    rows = ['{"text": "a", "labels": ["x", "y"]}', '{"text": "b", "labels": ["x"]}']
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    found = inspect(tmp_path / "t.jsonl")
    assert (found.task, found.classes, found.imbalance) == ("multilabel", {"x": 2, "y": 1}, 2)


def test_features_are_not_compared(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", features=np.ones((4, 2)), labels=[0, 0, 1, 1])
    found = inspect(tmp_path / "t.npz")
    assert (found.modality, found.duplicates, found.conflicts) == ("features", None, None)


def test_a_large_target_gets_a_sample_that_would_do(tmp_path: Path) -> None:
    labels = np.arange(6000) % 2
    np.savez(tmp_path / "few.npz", features=np.ones((6000, 1)), labels=labels)
    assert inspect(tmp_path / "few.npz").max_samples == 5000
    np.savez(tmp_path / "many.npz", features=np.ones((6000, 1)), labels=np.arange(6000) % 110)
    assert inspect(tmp_path / "many.npz").max_samples == 5500
    np.savez(tmp_path / "more.npz", features=np.ones((6000, 1)), labels=np.arange(6000) % 120)
    assert inspect(tmp_path / "more.npz").max_samples is None


def test_an_open_target_is_inspected_as_it_was_opened(tmp_path: Path) -> None:
    rows = "".join(f"t {i},{i % 2}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("text,label\n" + rows + ",1\n")
    target = open_target(tmp_path / "t.csv", max_samples=10)
    found = inspect(target)
    assert (found.n_total, found.n_samples, found.refusal) == (21, 10, None)
    assert found.bad == target.bad
    assert found.classes == {"0": 5, "1": 5}
    with pytest.raises(InvalidInput, match="means nothing for a Target that is already open"):
        inspect(target, split="test")


def test_one_class_is_what_rank_would_refuse(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,x\n")
    refusal = inspect(tmp_path / "t.csv").refusal
    assert refusal is not None
    assert "one class, 'x'; a ranking needs at least two" in refusal
    with pytest.raises(InvalidInput, match="one class, 'x'"):
        open_target(tmp_path / "t.csv")


def test_max_bad_is_that_of_rank(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n,y\n,y\n")
    assert inspect(tmp_path / "t.csv", max_bad=2).refusal is None
    assert "more than max_bad=1" in str(inspect(tmp_path / "t.csv", max_bad=1).refusal)


def test_the_record_is_plain_json(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n")
    found = inspect(tmp_path / "t.csv")
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["columns"][1] == {
        "name": "label",
        "role": "label",
        "kind": "text",
        "reason": "its name",
    }
    assert document["fingerprint"] == open_target(tmp_path / "t.csv").fingerprint
    assert isinstance(found, discorank.Inspection)


def test_classes_that_look_alike_are_pointed_out(tmp_path: Path) -> None:
    labels = ["Yes", "yes ", "no", "No", "maybe"]
    np.savez(tmp_path / "t.npz", features=np.eye(5), labels=labels)
    found = inspect(tmp_path / "t.npz")
    assert found.alike == (("No", "no"), ("Yes", "yes "))
    assert "'Yes', 'yes ' differ in case or space only" in (
        summarize_inspection(found.to_dict()).sentence
    )
    np.savez(tmp_path / "t.npz", features=np.eye(2), labels=["a", "b"])
    said = summarize_inspection(inspect(tmp_path / "t.npz").to_dict()).sentence
    assert "alike" not in said
    assert "gaps?" not in said


def test_classes_that_may_be_gaps_are_pointed_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", features=np.eye(3), labels=["NA", "none", "b"])
    said = summarize_inspection(inspect(tmp_path / "t.npz").to_dict()).sentence
    assert "'NA', 'none' are taken for classes; what is empty has no label" in said
