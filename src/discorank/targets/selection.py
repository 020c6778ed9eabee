"""The rows of a data set that a ranking is made on: a stratified sample of what can be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from discorank.errors import InvalidInput
from discorank.targets.items import Items
from discorank.targets.reading import Reading
from discorank.targets.sampling import stratified_sample
from discorank.types import BadItem, Target

__all__ = ["select"]


def select(reading: Reading, *, max_samples: int | None, random_state: int, max_bad: int) -> Target:
    """Return the selection of a whole data set that every candidate will see.

    Rows that are known to be unusable go to `Target.bad`. Of the others the sample is drawn, and
    only drawn items are checked; one that cannot be read goes to `Target.bad` too and the next of
    its class, by the same seed, takes its place, until all can be read. So `max_samples` rows
    remain if the readable data allow, and which ones depends on nothing but the data and the seed.

    Raises
    ------
    InvalidInput
        If more than `max_bad` items cannot be used, if no sample or fewer than two classes
        remain, or if `max_samples` is too small for the classes.
    """
    full = reading.target
    readable = np.ones(full.n_total, dtype=np.bool_)
    checked = np.zeros(full.n_total, dtype=np.bool_)
    faults = dict(reading.faults)
    readable[list(faults)] = False
    checked[list(faults)] = True
    if len(faults) > max_bad:
        raise InvalidInput(_too_many(full, faults, full.n_total, max_bad))
    wanted = full.n_total if max_samples is None else max_samples
    while True:
        rows = stratified_sample(full.strata, wanted, random_state=random_state, eligible=readable)
        fresh = rows[~checked[rows]]
        found = full.items.unreadable(fresh) if isinstance(full.items, Items) else {}
        if not found:
            break
        checked[fresh] = True
        readable[list(found)] = False
        faults.update(found)
        if len(faults) > max_bad:
            raise InvalidInput(_too_many(full, faults, int(checked.sum()), max_bad))

    if not rows.size:
        raise InvalidInput(f"{full.name}: has no samples that can be used")
    present = np.unique(full.strata[rows])
    if present.size < 2 and full.task in ("classification", "detection"):
        raise InvalidInput(
            f"{full.name}: has samples of one class, {full.classes[present[0]]!r}; a ranking "
            f"needs at least two"
        )
    return dataclasses.replace(
        full,
        items=full.items.take(rows) if isinstance(full.items, Items) else full.items,
        labels=None if full.labels is None else full.labels[rows],
        targets=None if full.targets is None else full.targets[rows],
        sample_ids=tuple(full.sample_ids[row] for row in rows),
        rows=rows,
        bad=tuple(BadItem(full.sample_ids[row], faults[row]) for row in sorted(faults)),
    )


def _too_many(target: Target, faults: Mapping[int, str], n_checked: int, max_bad: int) -> str:
    shown = sorted(faults)[:3]
    named = "; ".join(f"{target.sample_ids[row]}: {faults[row]}" for row in shown)
    more = f"; and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
    return (
        f"{target.name}: {len(faults)} of {n_checked} items cannot be used, more than "
        f"max_bad={max_bad} ({named}{more}); repair or remove them, or raise max_bad"
    )
