"""From a candidate and a target to features: out of the store, or by running the model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from discorank.errors import DiscorankError, InvalidInput, ModelFailed
from discorank.features.device import pick_device
from discorank.features.encoding import BatchEncoder, free_memory, runs_mixed
from discorank.features.key import FeatureKey, feature_key
from discorank.features.loading import (
    Batches,
    Failure,
    default_workers,
    get_ready,
    n_cores,
    one_line,
    stream,
    usable_workers,
)
from discorank.features.progress import Progress, SilentProgress
from discorank.features.ready_made import ready_made
from discorank.features.regions import by_image, rows_of
from discorank.features.rows import Collector
from discorank.features.store import FeatureStore
from discorank.scoring.validate import check_count
from discorank.types import Candidate, Collating, Encoder, Features, IntArray, Target

__all__ = ["as_error", "extract", "extract_shard", "is_stored"]

logger = logging.getLogger(__name__)


def extract(
    candidate: Candidate,
    target: Target,
    *,
    device: str | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    store: FeatureStore | None = None,
    progress: Progress | None = None,
) -> Features:
    """Return the features of a candidate on the selected rows of a target.

    Parameters
    ----------
    candidate : Candidate
    target : Target
    device : str, optional
        Torch device to run on; by default the best there is.
        On CUDA, models run in mixed precision (`BatchEncoder`).
    batch_size : int, default=32
        Samples that are run at once; fewer where these do not fit in memory.
    workers : int, optional
        Processes that decode and preprocess while the model runs; 0 does it in this process. By
        default one per core, or one per four cores if the model runs on the CPU, up to 16; 0 for
        fewer than 1,000 samples.
    store : FeatureStore, optional
        Looked into first; new features are put there.
    progress : Progress, optional
        Told about every batch; silent by default.

    Returns
    -------
    features : Features
        float32 (ready-made ones may be float64), one row per selected row of the target, all
        finite. `seconds` is the wall-clock time from the first decoded sample to the last encoded
        one, without the loading of weights or the start of processes; features from the store have
        the seconds they once took.

    Raises
    ------
    InvalidInput
        If the candidate cannot read this kind of target, ready-made features have another number
        of rows, a sample cannot be read any more, or an option is wrong.
    ModelFailed
        If the candidate's own code fails, its features are not finite, or ready-made ones have
        labels that contradict those of the target.
    """
    check_count(batch_size, name="batch_size")
    if workers is not None:
        check_count(workers, name="workers", least=0)
    if candidate.modality == "features":
        return ready_made(candidate.name, _load(candidate, "cpu"), target)
    if candidate.modality != target.modality:
        raise InvalidInput(
            f"{candidate.name} reads {candidate.modality}s, but {target.name} holds only "
            f"{target.modality}; give ready-made features as a candidate: features:FILE.npz"
        )
    # Full precision serves everywhere; whether another one is wanted is known by the device only.
    if store is not None and (kept := store.get(feature_key(candidate, target))) is not None:
        return kept
    device = pick_device(device)
    order = by_image(target) if candidate.on_maps else None
    make = partial(
        _run,
        candidate,
        target if order is None else target.take(order),
        device=device,
        batch_size=batch_size,
        workers=workers,
        progress=progress or SilentProgress(),
    )
    if store is None:
        return _restored(make(), order)
    key = feature_key(candidate, target, mixed=runs_mixed(device))
    with store.claim(key):  # two processes that rank alike do not both extract
        features = store.get(key)
        if features is None:
            shards = store.shards(key)
            made = make(shards=shards, keep=partial(_keep_shard, store, key))
            features = _restored(made, order)
            _keep(store, key, features)
        return features


def extract_shard(
    candidate: Candidate,
    target: Target,
    rows: range,
    *,
    store: FeatureStore,
    device: str | None = None,
    **options: Any,
) -> Features:
    """Return the features of some of the selected rows, kept as a shard of those of all.

    Parameters
    ----------
    candidate : Candidate
    target : Target
    rows : range
        Which of its selected rows.
    store : FeatureStore
        Where others find the shard; where it holds all rows, these are read.
    device, **options
        As in `extract`, which also says what is raised.
    """
    if candidate.on_maps or is_stored(candidate, target, store, device=device):
        whole = extract(candidate, target, store=store, device=device, **options)
        logits, part = whole.source_logits, slice(rows.start, rows.stop)
        seconds = whole.seconds * len(rows) / len(target)
        return Features(whole.features[part], None if logits is None else logits[part], seconds)
    key = feature_key(candidate, target, mixed=_mixed(device))
    with store.claim(key, rows):
        features = store.get(key, rows)
        if features is None:
            some = target.take(np.arange(rows.start, rows.stop))
            features = extract(candidate, some, device=device, **options)
            _keep_shard(store, key, rows, features)
        return features


def is_stored(
    candidate: Candidate, target: Target, store: FeatureStore, *, device: str | None = None
) -> bool:
    """Say whether `extract` would return features without running the candidate."""
    if candidate.modality == "features":
        return True
    keys = {feature_key(candidate, target, mixed=mixed) for mixed in (False, _mixed(device))}
    return any(store.has(key) for key in keys)


def _mixed(device: str | None) -> bool:
    return runs_mixed(pick_device(device))


def _run(
    candidate: Candidate,
    target: Target,
    *,
    device: str,
    batch_size: int,
    workers: int | None,
    progress: Progress,
    shards: Sequence[Features] = (),
    keep: Callable[[range, Features], None] | None = None,
) -> Features:
    """Run the model over the samples that follow those of the shards."""
    found = Collector(target.sample_ids, shards, keep)
    if found.n_done == len(target):
        return found.collected()
    rest = target.take(np.arange(found.n_done, len(target))) if shards else target
    import torch

    free_memory()  # of the model before this one
    workers = default_workers(len(rest), device) if workers is None else workers
    get_ready(workers)
    encoder = _load(candidate, device)
    if not isinstance(encoder, Encoder):
        raise ModelFailed(f"loading it gave {type(encoder).__name__}, which is no Encoder")
    runner = BatchEncoder(encoder, mixed=runs_mixed(device))
    collate = encoder.collate if isinstance(encoder, Collating) else None
    rows = rows_of(rest, encoder)
    batches = Batches(rows.items, encoder.preprocess, batch_size, collate)
    workers = usable_workers(batches, workers)
    with (
        _cores_left_to(workers, device),
        stream(batches, workers) as inputs,
        torch.inference_mode(),
    ):
        progress.start(candidate.label, len(target))
        try:
            if shards:
                progress.advance(found.n_done)
            found.begin()
            for batch in inputs:
                if isinstance(batch, Failure):
                    raise as_error(batch, rest.name, rows.name(batch.position))
                with _failing("encoding a batch"):
                    encoded, n = rows.take(runner.encode(batch), len(batch))
                found.append(encoded, n)
                progress.advance(n)
            return found.collected()
        finally:
            progress.finish()


def _restored(features: Features, order: IntArray | None) -> Features:
    """Return rows that came in another order in that of the target; maps have no source logits."""
    if order is None:
        return features
    return replace(features, features=features.features[np.argsort(order)])


@contextmanager
def _cores_left_to(workers: int, device: str) -> Iterator[None]:
    """Take as many threads fewer on the CPU as there are workers.

    Threads that share their cores with other processes wait for the last one at the end of every
    operation of the model; it can take several times as long.
    """
    import torch

    threads = torch.get_num_threads()
    if workers and device == "cpu":
        torch.set_num_threads(max(1, min(threads, n_cores() - workers)))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _load(candidate: Candidate, device: str) -> Encoder | Features:
    with _failing("loading it"):
        return candidate.load(device)


@contextmanager
def _failing(doing: str) -> Iterator[None]:
    """Turn whatever a candidate's own code raises into `ModelFailed` with one line of reason."""
    try:
        yield
    except DiscorankError:
        raise
    except Exception as error:
        hint = "; try a smaller batch_size" if "out of memory" in str(error).lower() else ""
        raise ModelFailed(f"{doing} failed: {one_line(error)}{hint}") from error


def as_error(failure: Failure, target: str, sample: str) -> DiscorankError:
    """Return the error that says which sample failed, and why."""
    if failure.stage == "decoding":
        return InvalidInput(
            f"{target}: {sample!r} can no longer be read ({failure.reason}); it has changed "
            f"since the target was opened"
        )
    return ModelFailed(f"its preprocessing failed on {sample!r}: {failure.reason}")


def _keep_shard(store: FeatureStore, key: FeatureKey, rows: range, features: Features) -> None:
    try:
        store.put(key, features, rows)
    except OSError as error:
        logger.info("rows %d to %d could not be stored: %s", rows.start, rows.stop, error)


def _keep(store: FeatureStore, key: FeatureKey, features: Features) -> None:
    try:
        store.put(key, features)
    except OSError as error:
        logger.warning(
            "features of %s could not be stored (%s); the next run will extract them again",
            key.model,
            error,
        )
