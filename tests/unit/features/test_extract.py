from __future__ import annotations

import logging
import multiprocessing
import operator
import shutil
import subprocess
import sys
import textwrap
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from discorank.errors import DiscorankError, InvalidInput, MissingExtra, ModelFailed
from discorank.features import FeatureStore, extract, feature_key, pick_device, rows
from discorank.features.loading import Batches, default_workers, n_cores, usable_workers
from discorank.targets import open_target
from discorank.types import Candidate, Encoded, Encoder, Features, ReadyMade, Target

N = 23
to_array = partial(np.asarray, dtype=np.float32)


def mean_and_max(batch: Any) -> Encoded:
    return Encoded(
        features=np.stack([batch.mean((1, 2)), batch.max((1, 2)), batch.min((1, 2))], axis=1),
        source_logits=batch.mean(1),
    )


@dataclass
class TinyEncoder:
    encode: Callable[[Any], Encoded] = mean_and_max
    preprocess: Callable[[Any], Any] = to_array


class TorchEncoder:
    """A real torch module behind the protocol."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        self.device = device
        self.module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5)).to(device)
        self.preprocess = to_array

    def encode(self, batch: Any) -> Encoded:
        assert torch.is_inference_mode_enabled()
        return Encoded(self.module(torch.from_numpy(batch).to(self.device)).cpu().numpy())


def candidate_of(load: Callable[[str], Any], **changes: Any) -> Candidate:
    candidate = Candidate(
        name="tiny",
        source="test",
        parameters=None,
        input_size=None,
        preprocessing={},
        weights="random:0",
        layer="mean",
        modality="image",
        load=load,
    )
    return replace(candidate, **changes)


def tiny(**changes: Any) -> Candidate:
    return candidate_of(lambda _: TinyEncoder(**changes))


@pytest.fixture
def images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (N, 6, 8), dtype=np.uint8)


@pytest.fixture
def target(images: np.ndarray[Any, Any], tmp_path: Path) -> Target:
    np.savez(tmp_path / "t.npz", images=images, labels=np.arange(N) % 3)
    return open_target(tmp_path / "t.npz")


@pytest.fixture
def folder(images: np.ndarray[Any, Any], tmp_path: Path) -> Target:
    for row, pixels in enumerate(images):
        path = tmp_path / "folder" / f"class{row % 3}" / f"{row:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return open_target(tmp_path / "folder")


def assert_equal(a: Features, b: Features) -> None:
    np.testing.assert_array_equal(a.features, b.features)
    assert (a.source_logits is None) == (b.source_logits is None)
    if a.source_logits is not None:
        np.testing.assert_array_equal(a.source_logits, b.source_logits)


# --- what comes out -------------------------------------------------------------------------------


def test_rows_are_the_encoded_samples_in_order(
    images: np.ndarray[Any, Any], target: Target
) -> None:
    features = extract(tiny(), target, batch_size=5)
    pixels = images.astype(np.float32)
    expected = np.stack([pixels.mean((1, 2)), pixels.max((1, 2)), pixels.min((1, 2))], axis=1)
    np.testing.assert_allclose(features.features, expected, rtol=1e-6)
    assert features.source_logits is not None
    np.testing.assert_allclose(features.source_logits, pixels.mean(1), rtol=1e-6)
    assert features.features.dtype == features.source_logits.dtype == np.float32
    assert features.seconds > 0


def test_selected_rows_are_those_of_the_whole(target: Target, tmp_path: Path) -> None:
    part = open_target(tmp_path / "t.npz", max_samples=9)
    whole = extract(tiny(), target)
    np.testing.assert_array_equal(extract(tiny(), part).features, whole.features[part.rows])


@pytest.mark.parametrize("batch_size", [1, 7, N, 1000])
def test_batch_size_changes_nothing(target: Target, batch_size: int) -> None:
    assert_equal(extract(tiny(), target, batch_size=batch_size), extract(tiny(), target))


@pytest.mark.parametrize("source", ["target", "folder"])
def test_worker_processes_change_nothing(source: str, request: pytest.FixtureRequest) -> None:
    target = request.getfixturevalue(source)
    candidate = candidate_of(TorchEncoder)
    here = extract(candidate, target, batch_size=4, workers=0, device="cpu")
    there = extract(candidate, target, batch_size=4, workers=2, device="cpu")
    assert_equal(here, there)
    assert multiprocessing.active_children() == []


def test_torch_models_run_on_the_device_in_inference_mode(target: Target) -> None:
    devices = []

    def load(device: str) -> Encoder:
        devices.append(device)
        return TorchEncoder(device)

    assert extract(candidate_of(load), target).features.shape == (N, 5)
    assert extract(candidate_of(load), target, device="cpu").source_logits is None
    assert devices == [pick_device(), "cpu"]


def test_integer_and_wide_floats_become_float32(target: Target) -> None:
    for dtype in (np.float16, np.float64, np.int64):
        features = extract(
            tiny(encode=lambda batch, dtype=dtype: Encoded(batch[:, 0].astype(dtype))), target
        )
        assert features.features.dtype == np.float32


def test_seconds_leave_out_the_loading_of_weights(target: Target) -> None:
    def load(_: str) -> Encoder:
        time.sleep(0.5)
        return TinyEncoder()

    assert extract(candidate_of(load), target).seconds < 0.5


def test_global_random_states_are_left_alone(target: Target) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    extract(tiny(), target, workers=1, batch_size=4)
    assert torch.equal(torch.get_rng_state(), before)


# --- the store ------------------------------------------------------------------------------------


def test_stored_features_are_read_not_made_again(target: Target, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    made = extract(tiny(), target, store=store)

    def load(_: str) -> Encoder:
        raise AssertionError("the store was not read")

    read = extract(candidate_of(load), target, store=store)
    assert_equal(read, made)
    assert read.seconds == made.seconds


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"weights": "random:1"},
        {"layer": "max"},
        {"input_size": (3, 8, 8)},
        {"preprocessing": {"size": 8}},
    ],
)
def test_another_candidate_is_extracted_itself(
    target: Target, tmp_path: Path, change: dict[str, Any]
) -> None:
    store = FeatureStore(tmp_path)
    first = extract(tiny(), target, store=store)
    changed = replace(tiny(encode=lambda batch: Encoded(batch[:, 0])), **change)
    second = extract(changed, target, store=store)
    assert second.features.shape != first.features.shape


def test_another_selection_is_extracted_itself(target: Target, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    for seed in (0, 1):
        part = open_target(tmp_path / "t.npz", max_samples=9, random_state=seed)
        assert_equal(extract(tiny(), part, store=store), extract(tiny(), part))


def test_the_alias_of_a_candidate_does_not_matter(target: Target, tmp_path: Path) -> None:
    assert feature_key(replace(tiny(), alias="mine"), target) == feature_key(tiny(), target)


def test_a_damaged_file_is_replaced(
    target: Target, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FeatureStore(tmp_path)
    made = extract(tiny(), target, store=store)
    path = Path(store.where(feature_key(tiny(), target)))
    path.write_bytes(path.read_bytes()[:-7])
    assert_equal(extract(tiny(), target, store=store), made)
    assert "will be extracted again" in caplog.text
    assert store.get(feature_key(tiny(), target)) is not None


def cut_off(encode: Callable[[Any], Encoded], after: int) -> Callable[[Any], Encoded]:
    """Encode that many batches, then be interrupted."""
    batches = iter(range(after))

    def encode_or_stop(batch: Any) -> Encoded:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return encode(batch)

    return encode_or_stop


@pytest.fixture
def unfinished(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureStore:
    """Return a store with three shards of 4 samples each."""
    monkeypatch.setattr(rows, "SHARD_SECONDS", 0.0)
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        extract(tiny(encode=cut_off(mean_and_max, 3)), target, batch_size=4, store=store)
    return store


def test_an_extraction_that_was_cut_off_goes_on_from_its_last_shard(
    target: Target, unfinished: FeatureStore
) -> None:
    assert sorted(entry.rows or () for entry in unfinished.entries()) == [(0, 4), (4, 8), (8, 12)]
    n_encoded = []

    def encode(batch: Any) -> Encoded:
        n_encoded.append(len(batch))
        return mean_and_max(batch)

    recorder = Recorder()
    features = extract(
        tiny(encode=encode), target, batch_size=4, store=unfinished, progress=recorder
    )
    assert_equal(features, extract(tiny(), target))
    assert n_encoded == [4, 4, 3]
    assert recorder.calls[:2] == [("start", "tiny", N), ("advance", 12)]
    [whole] = unfinished.entries(verify=True)
    assert (whole.rows, whole.damage) == (None, None)
    left = [path for path in Path(unfinished.root).rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix != ".lock"] == [Path(whole.path)]
    kept = unfinished.get(feature_key(tiny(), target))
    assert kept is not None
    assert kept.seconds == features.seconds


def test_what_follows_a_damaged_shard_is_made_again(
    target: Target, unfinished: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    path = Path(unfinished.where(feature_key(tiny(), target), range(4, 8)))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    n_encoded = []

    def encode(batch: Any) -> Encoded:
        n_encoded.append(len(batch))
        return mean_and_max(batch)

    features = extract(tiny(encode=encode), target, batch_size=4, store=unfinished)
    assert_equal(features, extract(tiny(), target))
    assert sum(n_encoded) == N - 4
    assert "checksum does not fit" in caplog.text


def test_a_model_whose_shards_hold_all_is_not_loaded(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHARD_SECONDS", 0.0)
    store, key = FeatureStore(tmp_path / "store"), feature_key(tiny(), target)
    made = extract(tiny(), target)
    for start, stop in ((0, 9), (9, N)):
        logits = None if made.source_logits is None else made.source_logits[start:stop]
        shard = Features(made.features[start:stop], logits, 1.5)
        store.put(key, shard, range(start, stop))
    features = extract(candidate_of(raising(AssertionError())), target, store=store)
    assert_equal(features, made)
    assert features.seconds == 3.0
    assert_equal(extract(candidate_of(raising(AssertionError())), target, store=store), made)


def test_features_survive_a_store_that_cannot_be_written(
    target: Target, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    features = extract(tiny(), target, store=FeatureStore(tmp_path / "file"))
    assert_equal(features, extract(tiny(), target))
    assert "features of tiny could not be stored" in caplog.text


def test_reading_the_store_loads_no_torch(target: Target, tmp_path: Path) -> None:
    extract(tiny(), target, store=FeatureStore(tmp_path / "store"))
    code = f"""
        import sys
        from discorank.features import FeatureStore, extract
        from discorank.targets import open_target
        from discorank.types import Candidate
        candidate = Candidate("tiny", "test", None, None, {{}}, "random:0", "mean", "image", None)
        target = open_target({str(tmp_path / "t.npz")!r})
        features = extract(candidate, target, store=FeatureStore({str(tmp_path / "store")!r}))
        print(features.features.shape, "torch" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == f"({N}, 3) False"


# --- ready-made features --------------------------------------------------------------------------


def ready_made(n: int = N) -> Candidate:
    features = Features(np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.eye(n, 4, dtype="f4"))
    return candidate_of(lambda _: features, modality="features", name="features:f.npz")


@pytest.mark.parametrize("content", ["images", "features"])
def test_ready_made_features_are_selected(
    content: str, images: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    arrays: dict[str, Any] = {content: images if content == "images" else np.zeros((N, 2))}
    np.savez(tmp_path / "t.npz", labels=np.arange(N) % 3, **arrays)
    target = open_target(tmp_path / "t.npz", max_samples=10)
    features = extract(ready_made(), target, store=FeatureStore(tmp_path / "store"))
    np.testing.assert_array_equal(features.features[:, 0], 2 * target.rows)
    assert features.source_logits is not None
    np.testing.assert_array_equal(features.source_logits, np.eye(N, 4)[target.rows])
    assert np.isnan(features.seconds)
    assert not (tmp_path / "store").exists()


def test_ready_made_features_must_have_a_row_per_sample(target: Target) -> None:
    with pytest.raises(InvalidInput, match=r"f\.npz has 20 rows of features, but t\.npz has 23"):
        extract(ready_made(20), target)


def test_ready_made_features_must_be_finite(target: Target) -> None:
    features = np.zeros((N, 2), np.float32)
    features[4, 1] = np.nan
    candidate = candidate_of(lambda _: Features(features), modality="features")
    with pytest.raises(ModelFailed, match="features of sample '4' hold nan"):
        extract(candidate, target)


def test_ready_made_features_keep_double_precision(target: Target) -> None:
    features = 1e9 + np.random.default_rng(0).normal(size=(N, 2))
    candidate = candidate_of(lambda _: Features(features), modality="features")
    np.testing.assert_array_equal(extract(candidate, target).features, features)


def with_truth(**truths: Any) -> Candidate:
    made = ReadyMade(np.eye(N, dtype=np.float32), truths=truths)
    return candidate_of(lambda _: made, modality="features", name="features:f.npz")


@pytest.mark.parametrize(
    ("truth", "fits"),
    [
        (np.arange(N) % 3, True),
        (np.array(["a", "b", "c"])[np.arange(N) % 3], True),  # by other names
        (np.arange(N) % 6, True),  # finer
        (np.arange(N) % 3 > 0, True),  # coarser
        (np.roll(np.arange(N) // 8, 3), False),
        ((np.arange(N) % 3)[np.random.default_rng(0).permutation(N)], False),
    ],
)
def test_ready_made_features_must_not_contradict_the_labels(
    tmp_path: Path, truth: np.ndarray[Any, Any], fits: bool
) -> None:
    np.savez(tmp_path / "t.npz", labels=np.arange(N) % 3, features=np.zeros((N, 2)))
    target = open_target(tmp_path / "t.npz", max_samples=20)
    if fits:
        assert len(extract(with_truth(labels=truth), target).features) == 20
    else:
        with pytest.raises(ModelFailed, match=r"'labels' in its file are not those of t\.npz"):
            extract(with_truth(labels=truth), target)


def test_ready_made_features_must_not_contradict_the_targets(tmp_path: Path) -> None:
    targets = np.random.default_rng(0).normal(size=N)
    np.savez(tmp_path / "t.npz", targets=targets, features=np.zeros((N, 2)))
    target = open_target(tmp_path / "t.npz")
    extract(with_truth(targets=targets.astype("f4"), labels=np.arange(N) % 2), target)
    with pytest.raises(ModelFailed, match="'targets' in its file are not those"):
        extract(with_truth(targets=targets[::-1]), target)


def test_models_cannot_read_a_target_of_features(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", features=np.eye(4), labels=[0, 0, 1, 1])
    with pytest.raises(InvalidInput, match=r"tiny reads images, but f\.npz holds only features"):
        extract(tiny(), open_target(tmp_path / "f.npz"))


# --- failures -------------------------------------------------------------------------------------


def nan_in_row_9(batch: Any) -> Encoded:
    features = batch[:, 0].copy()
    features[batch.sum((1, 2)) == nan_in_row_9.mark] = np.inf  # type: ignore[attr-defined]
    return Encoded(features)


def test_a_value_that_is_not_finite_names_its_sample(
    images: np.ndarray[Any, Any], target: Target
) -> None:
    nan_in_row_9.mark = images[9].astype(np.float32).sum()  # type: ignore[attr-defined]
    with pytest.raises(ModelFailed, match="its features of sample '9' hold inf"):
        extract(tiny(encode=nan_in_row_9), target, batch_size=4)


def test_a_value_too_large_for_float32_is_not_finite(target: Target) -> None:
    with pytest.raises(ModelFailed, match="features of sample '0' hold inf"):
        extract(tiny(encode=lambda batch: Encoded(batch[:, 0].astype(float) * 1e300)), target)


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (Encoded, r"features of 8 samples are float32 of shape \(8, 6, 8\)"),
        (lambda b: Encoded(b[1:, 0]), r"of 8 samples are float32 of shape \(7, 8\)"),
        (lambda b: Encoded(b[:, 0, :0]), r"of shape \(8, 0\)"),
        (lambda b: Encoded(b[:, 0].astype(str)), "of 8 samples are <U"),
        (lambda b: Encoded(b[:, 0], b), r"source logits of 8 samples .* \(8, 6, 8\)"),
        (lambda b: Encoded(b[:, 0, : len(b)]), "change their width from 8 to 7 at sample '16'"),
        (
            lambda b: Encoded(b[:, 0], b[:, 1] if len(b) == 8 else None),
            "gave source logits of 16 of 23 samples",
        ),
    ],
)
def test_what_an_encoder_gives_must_be_one_row_per_sample(
    target: Target, encode: Callable[[Any], Encoded], message: str
) -> None:
    with pytest.raises(ModelFailed, match=message):
        extract(tiny(encode=encode), target, batch_size=8)


def raising(error: Exception) -> Callable[[Any], Any]:
    def raise_it(_: Any) -> Any:
        raise error

    return raise_it


def test_errors_of_the_model_are_one_line(target: Target) -> None:
    error = RuntimeError("mat1 and mat2 cannot be multiplied\n  at line 3\n  at line 4")
    with pytest.raises(ModelFailed) as caught:
        extract(tiny(encode=raising(error)), target)
    assert str(caught.value) == (
        "encoding a batch failed: RuntimeError: mat1 and mat2 cannot be multiplied"
    )
    assert caught.value.__cause__ is error


def test_a_sample_that_does_not_fit_in_memory_fails_the_model(target: Target) -> None:
    error = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    with pytest.raises(ModelFailed, match=r"one sample alone does not fit .*allocate 2 GiB"):
        extract(tiny(encode=raising(error)), target)


def test_the_weights_of_a_model_are_gone_before_those_of_the_next_come(target: Target) -> None:
    loaded: list[weakref.ref[Any]] = []

    def load(_: str) -> Encoder:
        assert [encoder() for encoder in loaded] == [None] * len(loaded)
        encoder = TinyEncoder()
        encoder.encode = partial(_encode_by, encoder)  # a circle, as modules with hooks have
        loaded.append(weakref.ref(encoder))
        return encoder

    for _ in range(3):
        extract(candidate_of(load), target, device="cpu")
    assert len(loaded) == 3


def _encode_by(_: TinyEncoder, batch: Any) -> Encoded:
    return mean_and_max(batch)


def test_errors_of_loading_fail_the_model(target: Target) -> None:
    with pytest.raises(ModelFailed, match=r"loading it failed: KeyError: 'fc\.weight'"):
        extract(candidate_of(raising(KeyError("fc.weight"))), target)
    with pytest.raises(MissingExtra, match="install"):
        extract(candidate_of(raising(MissingExtra("install timm"))), target)
    with pytest.raises(ModelFailed, match="gave str, which is no Encoder"):
        extract(candidate_of(lambda _: "weights"), target)
    with pytest.raises(ModelFailed, match="gave TinyEncoder instead of features"):
        extract(candidate_of(lambda _: TinyEncoder(), modality="features"), target)


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_preprocessing_name_the_sample(target: Target, workers: int) -> None:
    preprocess = operator.attrgetter("no_such_method")
    message = "preprocessing failed on '0': AttributeError: .*no_such_method"
    with pytest.raises(ModelFailed, match=message):
        extract(tiny(preprocess=preprocess), target, workers=workers)


def test_samples_of_different_shapes_are_named(folder: Target, tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "folder" / "class1" / "04.png")
    target = open_target(tmp_path / "folder")
    with pytest.raises(ModelFailed, match=r"'class1/04\.png': it gave an array of shape \(9, 9\)"):
        extract(tiny(), target)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_broke_after_opening_is_named(
    folder: Target, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "folder" / "class2" / "17.png").write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"'class2/17\.png' can no longer be read"):
        extract(tiny(), folder, workers=workers, batch_size=4)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"batch_size": 0}, "batch_size .* got 0"),
        ({"workers": -1}, "workers .* got -1"),
        ({"device": "gpu"}, "device='gpu' cannot be used here"),
        ({"device": "cuda:99"}, "device='cuda:99' cannot be used here"),
    ],
)
def test_wrong_options_are_named(target: Target, option: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        extract(tiny(), target, **option)


# --- processes ------------------------------------------------------------------------------------


def test_workers_are_started_where_they_pay() -> None:
    assert default_workers(999, "cuda") == default_workers(999, "cpu") == 0
    assert default_workers(1000, "cuda") == min(n_cores(), 16)
    assert default_workers(1000, "cpu") == min(n_cores() // 4, 16)


def test_the_model_leaves_cores_to_the_workers_and_takes_them_back(target: Target) -> None:
    threads = []

    def encode(batch: Any) -> Encoded:
        threads.append(torch.get_num_threads())
        return mean_and_max(batch)

    before = torch.get_num_threads()
    extract(tiny(encode=encode), target, workers=2, batch_size=N, device="cpu")
    assert threads == [max(1, min(before, n_cores() - 2))]
    assert torch.get_num_threads() == before


def test_what_cannot_be_pickled_is_preprocessed_here(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    features = extract(tiny(preprocess=lambda item: to_array(item) + 0), target, workers=2)
    assert_equal(features, extract(tiny(), target))
    assert "decoding without worker processes" in caplog.text


def test_workers_are_no_more_than_shared_memory_holds(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(target.items, to_array, 4)
    in_flight = 3 * 4 * to_array(target.items[0]).nbytes
    for free, expected in ((in_flight - 1, 0), (2 * in_flight, 2), (10**9, 5)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert usable_workers(batches, 5) == expected


def test_workers_are_no_more_than_batches(target: Target) -> None:
    assert usable_workers(Batches(target.items, to_array, 10), 8) == 3


def test_a_daemonic_process_starts_no_others(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    process: Any = multiprocessing.current_process()
    monkeypatch.setitem(process._config, "daemon", True)
    assert_equal(extract(tiny(), target, workers=2), extract(tiny(), target))


def test_a_thread_may_extract_with_workers(target: Target) -> None:
    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(extract, tiny(), target, workers=1, batch_size=4)
        assert_equal(done.result(), extract(tiny(), target))


LETHAL = """
import multiprocessing, os, numpy

def preprocess(item):
    if multiprocessing.parent_process() is not None:
        os._exit(1)
    return numpy.asarray(item, dtype=numpy.float32)
"""


def test_a_worker_that_dies_fails_the_model(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lethal_preprocessing.py").write_text(LETHAL)
    monkeypatch.syspath_prepend(tmp_path)
    import lethal_preprocessing  # type: ignore[import-not-found]

    with pytest.raises(ModelFailed, match=r"a worker process ended early .* workers=0"):
        extract(tiny(preprocess=lethal_preprocessing.preprocess), target, workers=2)
    assert multiprocessing.active_children() == []


SCRIPT = """
import functools, logging, numpy
from discorank.features import extract
from discorank.targets import open_target
from discorank.types import Candidate, Encoded

logging.basicConfig()
print("started")

class Encoder:
    preprocess = functools.partial(numpy.asarray, dtype=numpy.float32)
    def encode(self, batch):
        return Encoded(batch[:, 0])

class OwnPreprocessing(Encoder):
    def preprocess(self, item):
        return numpy.asarray(item, dtype=numpy.float32)

for kind in (Encoder, OwnPreprocessing):
    candidate = Candidate("c", "test", None, None, {}, "w", "l", "image", lambda _: kind())
    print(extract(candidate, open_target("t.npz"), workers=2, batch_size=4).features.shape)
"""


def test_a_script_needs_no_main_guard(target: Target, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == ["started", f"({N}, 8)", f"({N}, 8)"]
    assert done.stderr.count("defined in the main script") == 1


# --- progress -------------------------------------------------------------------------------------


class Recorder:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def start(self, name: str, total: int) -> None:
        self.calls.append(("start", name, total))

    def advance(self, n: int) -> None:
        self.calls.append(("advance", n))

    def finish(self) -> None:
        self.calls.append(("finish",))


def test_progress_is_told_of_every_batch(target: Target) -> None:
    recorder = Recorder()
    extract(replace(tiny(), alias="mine"), target, batch_size=10, progress=recorder)
    assert recorder.calls == [
        ("start", "mine", N),
        ("advance", 10),
        ("advance", 10),
        ("advance", 3),
        ("finish",),
    ]


def test_progress_is_finished_after_a_failure(target: Target) -> None:
    recorder = Recorder()
    with pytest.raises(DiscorankError):
        extract(tiny(encode=raising(ValueError())), target, progress=recorder)
    assert recorder.calls == [("start", "tiny", N), ("finish",)]


def test_nothing_is_logged_when_all_goes_well(
    target: Target, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="discorank"):
        extract(tiny(), target, workers=1, store=FeatureStore(tmp_path / "store"))
        extract(tiny(), target, workers=1, store=FeatureStore(tmp_path / "store"))
    assert caplog.text == ""
