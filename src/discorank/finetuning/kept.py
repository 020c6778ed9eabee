"""Features before and after fine-tuning, in the files that ``discorank compare`` reads."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from pathlib import Path

import numpy as np

from discorank._files import read_arrays, write_atomically
from discorank.errors import InvalidInput
from discorank.finetuning.splits import truth_of
from discorank.types import Candidate, Float32Array, Target

__all__ = ["keep_features", "keeps"]

_STAGES = ("before", "after")


def keeps(folder: Path, candidate: Candidate, digest: str) -> bool:
    """Say whether a folder holds both files of a run."""
    return all(_digest_in(path) == digest for path in _paths(folder, candidate))


def keep_features(
    folder: Path,
    candidate: Candidate,
    digest: str,
    before: Float32Array,
    after: Float32Array,
    *,
    target: Target,
) -> None:
    """Write ``MODEL.before.npz`` and ``MODEL.after.npz``, each whole or not at all.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    candidate : Candidate
    digest : str
        Names the run.
    before, after : ndarray of shape (n_samples, n_features)
    target : Target
        The samples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, features in zip(_paths(folder, candidate), (before, after), strict=True):
        write = partial(
            np.savez,
            features=features,
            truth=truth_of(target),
            sample_ids=np.array(target.sample_ids),
            model=np.array(candidate.name),
            run=np.array(digest),
        )
        write_atomically(path, write)


def _paths(folder: Path, candidate: Candidate) -> list[Path]:
    # Two specs may differ in nothing but what a file name cannot hold.
    plain = re.sub(r"[^\w.-]+", "_", candidate.label).strip("_.")[:80]
    mark = hashlib.sha256(candidate.name.encode()).hexdigest()[:8]
    return [folder / f"{plain}-{mark}.{stage}.npz" for stage in _STAGES]


def _digest_in(path: Path) -> str | None:
    try:
        return str(read_arrays(path, "run")["run"])
    except InvalidInput:
        return None
