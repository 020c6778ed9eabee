from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import os
import pickle
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fsspec
import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from discorank.errors import InvalidInput
from discorank.features import FeatureKey, FeatureStore, feature_key, open_store
from discorank.targets import open_target
from discorank.types import Candidate, Features, Target

KEY = FeatureKey(
    model="timm:resnet50",
    weights="sha256:00ff",
    layer="pre_logits",
    input_size=(3, 224, 224),
    preprocessing='{"mean":[0.5,0.25],"size":224}',
    target="abc",
    split="train",
    selection="def",
)
OTHER: dict[str, Any] = {
    "model": "timm:resnet18",
    "weights": "random:0",
    "layer": "patch mean",
    "input_size": (3, 240, 240),
    "preprocessing": '{"mean":[0.5,0.25],"size":240}',
    "target": "abd",
    "split": None,
    "selection": "deg",
    "dtype": "float16",
    "format": 2,
}


def features_of(seed: int = 0, *, logits: bool = True) -> Features:
    rng = np.random.default_rng(seed)
    return Features(
        features=rng.normal(size=(11, 7)).astype(np.float32),
        source_logits=rng.normal(size=(11, 3)).astype(np.float32) if logits else None,
        seconds=float(rng.uniform(1, 9)),
    )


def assert_same(a: Features | None, b: Features) -> None:
    assert a is not None
    assert a.features.tobytes() == b.features.tobytes()
    assert a.features.shape == b.features.shape
    assert (a.source_logits is None) == (b.source_logits is None)
    if a.source_logits is not None and b.source_logits is not None:
        np.testing.assert_array_equal(a.source_logits, b.source_logits)
    np.testing.assert_equal(a.seconds, b.seconds)


def path_of(store: FeatureStore, key: FeatureKey, rows: range | None = None) -> Path:
    return Path(store.where(key, rows))


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "deep" / "store")


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(FeatureKey)])
def test_every_field_changes_the_digest(field: str) -> None:
    changed = dataclasses.replace(KEY, **{field: OTHER[field]})
    assert changed.digest() != KEY.digest()


def test_the_digest_is_that_of_canonical_json() -> None:
    text = (
        '{"dtype":"float32","format":1,"input_size":[3,224,224],"layer":"pre_logits",'
        '"model":"timm:resnet50","preprocessing":{"mean":[0.5,0.25],"size":224},'
        '"selection":"def","split":"train","target":"abc","weights":"sha256:00ff"}'
    )
    assert KEY.to_json() == text
    assert KEY.digest() == hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def some_digits() -> Target:
    return open_target("digits", max_samples=30)


def candidate_with(preprocessing: Mapping[str, Any]) -> Candidate:
    return Candidate(
        name="timm:resnet50",
        source="timm",
        parameters=1,
        input_size=(3, 224, 224),
        preprocessing=preprocessing,
        weights="sha256:00",
        layer="pre_logits",
        modality="image",
        load=lambda _: features_of(),
    )


def test_preprocessing_counts_by_its_values_not_its_types() -> None:
    same: list[Mapping[str, Any]] = [
        {"size": [8, 8], "mean": (0.5, 0.1), "crop": None},
        {"crop": None, "mean": [0.5, 0.1], "size": (8, 8)},
        MappingProxyType({"size": (8, 8), "mean": (0.5, 0.1), "crop": None}),
    ]
    assert len({feature_key(candidate_with(words), some_digits()) for words in same}) == 1
    other = {"size": [8, 8], "mean": (0.5, 0.2), "crop": None}
    assert feature_key(candidate_with(other), some_digits()) != feature_key(
        candidate_with(same[0]), some_digits()
    )


def test_the_key_says_which_rows_of_which_data() -> None:
    candidate = candidate_with({})
    keys = {
        feature_key(candidate, target)
        for target in (
            open_target("digits"),
            open_target("digits", max_samples=100),
            open_target("digits", max_samples=100, random_state=1),
            open_target("digits", max_samples=101),
        )
    }
    assert len(keys) == 4
    assert len({key.target for key in keys}) == 1
    assert len({key.selection for key in keys}) == 4


def test_mixed_precision_has_a_key_of_its_own() -> None:
    plain, mixed = (feature_key(candidate_with({}), some_digits(), mixed=m) for m in (False, True))
    assert plain != mixed
    assert plain == dataclasses.replace(mixed, dtype="float32")


words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), words))
def test_any_json_can_be_in_a_key(preprocessing: dict[str, Any]) -> None:
    key = feature_key(candidate_with(preprocessing), some_digits())
    assert json.loads(key.to_json())["preprocessing"] == preprocessing


# --- the files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("logits", [True, False])
def test_what_is_put_is_got(store: FeatureStore, logits: bool) -> None:
    assert store.get(KEY) is None
    features = features_of(logits=logits)
    store.put(KEY, features)
    assert_same(store.get(KEY), features)
    assert store.get(dataclasses.replace(KEY, model="other")) is None


def test_unknown_seconds_stay_unknown(store: FeatureStore) -> None:
    store.put(KEY, Features(np.ones((2, 2), np.float32)))
    got = store.get(KEY)
    assert got is not None
    assert np.isnan(got.seconds)


def test_strided_features_are_kept_by_value(store: FeatureStore) -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (array.T, array[::2, 1::2], array[::-1]):
        store.put(KEY, Features(view))
        got = store.get(KEY)
        assert got is not None
        np.testing.assert_array_equal(got.features, view)


def files_in(store: FeatureStore) -> list[Path]:
    return [path for path in Path(store.root).rglob("*") if path.is_file()]


def test_the_file_says_what_it_holds(store: FeatureStore) -> None:
    store.put(KEY, features_of())
    path = path_of(store, KEY)
    assert path.name == f"{KEY.digest()}.safetensors"
    assert files_in(store) == [path]
    with safetensors.safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == {"features", "source_logits"}
        metadata = file.metadata()
    assert json.loads(metadata["key"]) == json.loads(KEY.to_json())
    assert float(metadata["seconds"]) == features_of().seconds


def test_the_file_is_readable_by_those_whom_the_umask_lets(store: FeatureStore) -> None:
    store.put(KEY, features_of())
    plain = Path(store.root) / "plain"
    plain.touch()
    assert stat.S_IMODE(path_of(store, KEY).stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_second_put_replaces_the_first(store: FeatureStore) -> None:
    store.put(KEY, features_of(0))
    store.put(KEY, features_of(1))
    assert_same(store.get(KEY), features_of(1))


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_missing(
    store: FeatureStore, keep: float, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(KEY, features_of())
    content = path_of(store, KEY).read_bytes()
    path_of(store, KEY).write_bytes(content[: int(len(content) * keep)])
    assert store.get(KEY) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path_of(store, KEY)) in caplog.text
    store.put(KEY, features_of())
    assert_same(store.get(KEY), features_of())


def test_every_changed_byte_is_noticed(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(KEY, features_of())
    path = path_of(store, KEY)
    content = path.read_bytes()
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 0x11
        path.write_bytes(damaged)
        got = store.get(KEY)
        if got is not None:  # only what says nothing, such as padding of the header
            assert_same(got, features_of())
            assert content[position : position + 1] == b" "
    assert "checksum does not fit" in caplog.text


def test_a_file_of_another_key_is_not_taken(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    other = dataclasses.replace(KEY, weights="other")
    store.put(KEY, features_of())
    path_of(store, KEY).rename(path_of(store, other))
    assert store.get(other) is None
    assert "another key" in caplog.text


def test_a_folder_in_the_place_of_a_file_is_missing(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    path_of(store, KEY).mkdir(parents=True)
    assert store.get(KEY) is None
    assert "will be extracted again" in caplog.text


def test_a_put_that_fails_leaves_nothing(store: FeatureStore) -> None:
    path_of(store, KEY).mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        store.put(KEY, features_of())
    assert files_in(store) == []


WRITER = """
import sys
import numpy as np
from discorank.features import FeatureKey, FeatureStore
from discorank.types import Features

root, seed = sys.argv[1], int(sys.argv[2])
key = FeatureKey("m", "w", "l", None, "{}", "t", None, "s")
for _ in range(50):
    FeatureStore(root).put(key, Features(np.full((300, 40), seed, np.float32), seconds=seed))
"""


def test_processes_may_put_and_get_the_same_key_at_once(
    store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    key = FeatureKey("m", "w", "l", None, "{}", "t", None, "s")
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.root), str(seed)])
        for seed in (1, 2)
    ]
    n_read = 0
    while any(writer.poll() is None for writer in writers):
        if (got := store.get(key)) is not None:
            n_read += 1
            assert (got.features == got.seconds).all()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert n_read > 0
    assert files_in(store) == [path_of(store, key)]
    assert caplog.text == ""


# --- where ----------------------------------------------------------------------------------------


def test_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISCORANK_CACHE", str(tmp_path / "cache"))
    assert Path(open_store().root) == tmp_path / "cache" / "features"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DISCORANK_CACHE", "~/mine")
    assert Path(open_store().root) == tmp_path / "mine" / "features"


@pytest.mark.skipif(os.name != "posix", reason="XDG is for Unix")
def test_root_is_in_the_cache_folder_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORANK_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Path(open_store().root) == tmp_path / "discorank" / "features"


# --- looking after it -----------------------------------------------------------------------------


def test_entries_say_what_is_kept_the_last_used_first(store: FeatureStore) -> None:
    assert store.entries() == []
    keys = [dataclasses.replace(KEY, model=f"timm:{name}") for name in "abc"]
    for age, key in enumerate(keys):
        store.put(key, features_of(age))
        os.utime(path_of(store, key), (1e9 - age, 1e9 - age))
    assert [entry.key["model"] for entry in store.entries()] == ["timm:a", "timm:b", "timm:c"]
    assert store.get(keys[2]) is not None
    first = store.entries(verify=True)[0]
    assert first.key["model"] == "timm:c"
    assert (Path(first.path), first.size) == (
        path_of(store, keys[2]),
        path_of(store, keys[2]).stat().st_size,
    )
    assert first.damage is None


def test_a_flipped_byte_is_found(store: FeatureStore) -> None:
    store.put(KEY, features_of())
    other = dataclasses.replace(KEY, model="timm:b")
    store.put(other, features_of())
    content = bytearray(path_of(store, KEY).read_bytes())
    content[-3] ^= 1
    path_of(store, KEY).write_bytes(content)
    damage = {Path(entry.path): entry.damage for entry in store.entries(verify=True)}
    assert damage == {
        path_of(store, KEY): "is damaged: its checksum does not fit",
        path_of(store, other): None,
    }
    assert all(entry.damage is None for entry in store.entries())
    path_of(store, other).rename(Path(store.root) / "0.safetensors")
    [moved] = [entry for entry in store.entries() if Path(entry.path).stem == "0"]
    assert moved.damage == "holds the features of another key"


def test_pruning_removes_what_was_not_used_for_longest(store: FeatureStore) -> None:
    keys = [dataclasses.replace(KEY, model=f"timm:{name}") for name in "abc"]
    for age, key in enumerate(keys):
        store.put(key, features_of())
        os.utime(path_of(store, key), (1e9 - age, 1e9 - age))
    size = path_of(store, keys[0]).stat().st_size
    assert store.prune(3 * size) == []
    assert [entry.key["model"] for entry in store.prune(2 * size)] == ["timm:c"]
    assert [entry.key["model"] for entry in store.prune(0)] == ["timm:a", "timm:b"]
    assert store.entries() == []


def shard_of(features: Features, rows: range) -> Features:
    part = slice(rows.start, rows.stop)
    logits = None if features.source_logits is None else features.source_logits[part]
    return Features(features.features[part], logits, 1.0)


def test_shards_are_entries_that_can_be_verified_and_pruned(store: FeatureStore) -> None:
    features, parts = features_of(), [range(4), range(4, 11)]
    for rows in parts:
        store.put(KEY, shard_of(features, rows), rows)
    assert store.get(KEY) is None
    assert [len(shard.features) for shard in store.shards(KEY)] == [4, 7]
    assert_same(store.get(KEY, parts[1]), shard_of(features, parts[1]))
    assert {entry.rows for entry in store.entries(verify=True)} == {(0, 4), (4, 11)}
    assert all(entry.damage is None for entry in store.entries(verify=True))
    path = path_of(store, KEY, parts[0])
    path.rename(path_of(store, KEY, range(1, 5)))
    [moved] = [entry for entry in store.entries() if entry.damage is not None]
    assert (moved.rows, moved.damage) == ((1, 5), "holds the features of another key")
    store.remove(moved)
    [left] = store.prune(0)
    assert left.rows == (4, 11)
    assert not path.parent.exists()


def test_the_file_of_all_rows_takes_the_place_of_the_shards(store: FeatureStore) -> None:
    features = features_of()
    store.put(KEY, shard_of(features, range(4)), range(4))
    store.put(KEY, features)
    assert [entry.rows for entry in store.entries()] == [None]
    # A process that is killed between the two leaves both; the next that reads removes the shards.
    store.put(KEY, shard_of(features, range(4)), range(4))
    assert_same(store.get(KEY), features)
    assert [entry.rows for entry in store.entries()] == [None]


def test_what_a_killed_process_left_is_removed_by_the_next(store: FeatureStore) -> None:
    store.put(KEY, features_of())
    left = Path(store.root) / "locks" / "unfinished" / f"{KEY.digest()}.safetensors.abc.tmp"
    left.write_bytes(b"half")
    store.put(KEY, features_of(), range(11))
    left_shard = left.with_name(f"shards-{KEY.digest()}-0-11.safetensors.abc.tmp")
    left_shard.write_bytes(b"half")
    with store.claim(KEY):
        assert not left.exists()
        assert not left_shard.exists()
    assert store.get(KEY) is not None
    kept = {path.name for path in Path(store.root).rglob("*") if path.is_file()}
    assert {name for name in kept if not name.endswith(".lock")} == {path_of(store, KEY).name}


def test_a_store_that_cannot_be_written_to_is_not_locked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with FeatureStore(tmp_path / "file").claim(KEY):
        pass
    assert "cannot be locked" in caplog.text


WORKER = """
import sys, time
from pathlib import Path
import numpy as np
from discorank.features import FeatureKey, FeatureStore
from discorank.types import Features
key = FeatureKey("m", "w", "l", None, "{}", "t", None, "s")
store = FeatureStore(sys.argv[1])
with store.claim(key):
    if store.get(key) is None:
        time.sleep(0.3)
        with open(Path(sys.argv[1]) / "made.txt", "a") as file:
            file.write("made\\n")
        store.put(key, Features(np.ones((3, 2), np.float32)))
"""


def test_of_many_processes_one_makes_the_features(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    workers = [subprocess.Popen(command) for _ in range(8)]
    assert [worker.wait(60) for worker in workers] == [0] * 8
    assert (tmp_path / "made.txt").read_text() == "made\n"


# --- at a URL -------------------------------------------------------------------------------------


@pytest.fixture
def remote() -> Iterator[FeatureStore]:
    memory = fsspec.filesystem("memory")
    yield open_store("memory://shared/cache/")
    memory.rm("/shared", recursive=True)


def test_a_url_holds_what_a_folder_does(
    remote: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    features = features_of()
    assert remote.root == "memory://shared/cache/features"
    assert remote.entries() == []
    assert remote.get(KEY) is None
    assert not remote.has(KEY)
    for rows in (range(4), range(4, 11)):
        with remote.claim(KEY, rows):
            remote.put(KEY, shard_of(features, rows), rows)
    assert [len(shard.features) for shard in remote.shards(KEY)] == [4, 7]
    assert {entry.rows for entry in remote.entries(verify=True)} == {(0, 4), (4, 11)}
    with remote.claim(KEY):
        remote.put(KEY, features)
    assert remote.has(KEY)
    assert_same(remote.get(KEY), features)
    [entry] = remote.entries(verify=True)
    assert (entry.path, entry.damage) == (remote.where(KEY), None)
    assert entry.path == f"memory://shared/cache/features/{KEY.digest()}.safetensors"
    assert abs(entry.used - time.time()) < 60
    assert caplog.text == ""
    content = bytearray(fsspec.filesystem("memory").cat_file(entry.path))
    content[-1] ^= 1
    fsspec.filesystem("memory").pipe_file(entry.path, bytes(content))
    assert remote.get(KEY) is None
    assert "checksum does not fit" in caplog.text
    assert [entry.damage for entry in remote.entries(verify=True)] != [None]
    assert len(remote.prune(0)) == 1
    assert remote.entries() == []


def test_a_url_can_be_sent_to_another_process(remote: FeatureStore) -> None:
    remote.put(KEY, features_of())
    assert_same(pickle.loads(pickle.dumps(remote)).get(KEY), features_of())


def test_a_url_of_a_file_is_a_folder(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/cache")
    store.put(KEY, features_of())
    assert_same(open_store(tmp_path / "cache").get(KEY), features_of())


def test_a_url_that_nothing_opens_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"'nowhere://x/features' cannot be used: .*nowhere"):
        open_store("nowhere://x")
