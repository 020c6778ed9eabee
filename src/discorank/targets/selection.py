"""The rows of a data set that a ranking is made on: a stratified sample of what can be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from discorank.errors import InvalidInput
from discorank.targets.items import ImageFiles, ImageItems
from discorank.targets.sampling import stratified_sample
from discorank.types import BadItem, IntArray, Target

__all__ = ["select"]


def select(full: Target, *, max_samples: int | None, random_state: int, max_bad: int) -> Target:
    """Return the selection of a whole data set that every candidate will see.

    The sample is drawn first and only drawn items are checked; an item that cannot be read goes
    to `Target.bad` and the next of its class, by the same seed, takes its place, until all can be
    read. So `max_samples` rows remain if the readable data allow, and which ones depends on
    nothing but the data and the seed.

    Raises
    ------
    InvalidInput
        If more than `max_bad` items cannot be read, if fewer than two classes remain, or if
        `max_samples` is too small for the classes.
    """
    readable = np.ones(full.n_total, dtype=np.bool_)
    checked = np.zeros(full.n_total, dtype=np.bool_)
    faults: dict[int, str] = {}
    wanted = full.n_total if max_samples is None else max_samples
    while True:
        rows = stratified_sample(full.strata, wanted, random_state=random_state, eligible=readable)
        fresh = rows[~checked[rows]]
        found = _unreadable(full, fresh)
        if not found:
            break
        checked[fresh] = True
        readable[list(found)] = False
        faults.update(found)
        if len(faults) > max_bad:
            raise InvalidInput(_too_many(full, faults, int(checked.sum()), max_bad))

    present = np.unique(full.strata[rows])
    if present.size < 2 and full.task in ("classification", "detection"):
        what = f"one class, {full.classes[present[0]]!r}" if present.size else "no class"
        raise InvalidInput(f"{full.name}: has samples of {what}; a ranking needs at least two")
    items = full.items
    return dataclasses.replace(
        full,
        items=items.take(rows) if isinstance(items, ImageItems) else items,
        labels=None if full.labels is None else full.labels[rows],
        targets=None if full.targets is None else full.targets[rows],
        sample_ids=tuple(full.sample_ids[row] for row in rows),
        rows=rows,
        bad=tuple(BadItem(full.sample_ids[row], faults[row]) for row in sorted(faults)),
    )


def _unreadable(target: Target, rows: IntArray) -> Mapping[int, str]:
    return target.items.unreadable(rows) if isinstance(target.items, ImageFiles) else {}


def _too_many(target: Target, faults: Mapping[int, str], n_checked: int, max_bad: int) -> str:
    shown = sorted(faults)[:3]
    named = "; ".join(f"{target.sample_ids[row]}: {faults[row]}" for row in shown)
    more = f"; and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
    return (
        f"{target.name}: {len(faults)} of {n_checked} images cannot be read, more than "
        f"max_bad={max_bad} ({named}{more}); repair or remove them, or raise max_bad"
    )
