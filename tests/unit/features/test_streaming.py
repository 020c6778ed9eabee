from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from discorank import InvalidInput, StreamingDisco

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 500)
FEATURES = RNG.standard_normal((500, 30)) * 0.9 ** np.arange(30) + np.eye(30)[LABELS] + 5


def test_reads_files_without_loading_them(tmp_path: Path) -> None:
    features = FEATURES.astype(np.float16)
    np.save(tmp_path / "features.npy", features)
    save_file({"features": features}, tmp_path / "features.safetensors")
    expected = StreamingDisco().fit(features, LABELS).score_
    np.save(tmp_path / "by_column.npy", np.asfortranarray(features))
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    for whole in (mapped, mapped[:]):
        assert StreamingDisco().fit(whole, LABELS).score_ == pytest.approx(expected, rel=1e-9)
    for name in ("features.npy", "by_column.npy", "features.safetensors"):
        assert StreamingDisco(batch_size=100).fit(
            str(tmp_path / name), LABELS
        ).score_ == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_streamed_is_named(tmp_path: Path) -> None:
    (tmp_path / "features.csv").write_text("1,2")
    save_file({"rows": FEATURES}, tmp_path / "rows.safetensors")
    for name, message in {
        "nowhere.npy": "there is no file .*nowhere.npy",
        "features.csv": r"must be a \.npy or \.safetensors file, got 'features\.csv'",
        "rows.safetensors": "must hold a tensor named 'features', got rows",
    }.items():
        with pytest.raises(InvalidInput, match=message):
            StreamingDisco().fit(tmp_path / name, LABELS)


def test_copies_and_merged_states_read_files_as_well(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", FEATURES)
    both = StreamingDisco().partial_fit(FEATURES, LABELS).merge(StreamingDisco())
    expected = StreamingDisco().fit(FEATURES, LABELS).score_
    assert both.copy().fit(tmp_path / "features.npy", LABELS).score_ == expected
