"""The three parts of a target: to train on, to choose by, to judge by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank.errors import InvalidInput
from discorank.types import Float64Array, IntArray, Target

__all__ = ["Splits", "split_off", "truth_of"]


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts of a target.

    Attributes
    ----------
    train, validation, test : Target
        Of the same task and classes.
    """

    train: Target
    validation: Target
    test: Target

    @classmethod
    def of(
        cls,
        target: Target,
        *,
        test: Target | None = None,
        validation: Target | None = None,
        test_fraction: float = 0.2,
        validation_fraction: float = 0.2,
        random_state: int = 0,
    ) -> Splits:
        """Cut a target in three; parts that are given are taken as they are.

        Each class keeps its share in each part, and at least one sample to train on.

        Parameters
        ----------
        target : Target
        test, validation : Target, optional
            Their classes must be among those of `target`.
        test_fraction, validation_fraction : float in (0, 1)
            Of the samples of `target`.
        random_state : int
            Seed of the cut.

        Raises
        ------
        InvalidInput
            If a fraction is out of range, a part would be empty, or the parts do not fit together.
        """
        rest = np.arange(len(target))
        wanted = {
            "validation": (validation, validation_fraction),
            "test": (test, test_fraction),
        }
        parts: dict[str, Target] = {}
        for seed, (name, (given, fraction)) in enumerate(wanted.items()):
            if given is not None:
                parts[name] = _of_the_same_classes(given, target, name=name)
                continue
            if not 0.0 < fraction < 1.0:
                raise InvalidInput(f"{name}_fraction must be between 0 and 1, got {fraction}")
            n_samples = round(fraction * len(target))
            off = split_off(target.strata[rest], n_samples, random_state=random_state + seed)
            parts[name] = target.take(rest[off])
            rest = np.delete(rest, off)
        found = cls(target.take(rest), parts["validation"], parts["test"])
        for name in ("train", "validation", "test"):
            if not len(getattr(found, name)):
                raise InvalidInput(
                    f"{target.name}: its {len(target)} samples are too few to cut in three; "
                    f"nothing is left for {name}"
                )
        return found

    @property
    def n_outputs(self) -> int:
        """Classes, labels or targets that a head must tell."""
        if self.train.targets is not None:
            return int(self.train.targets.shape[1])
        return len(self.train.classes)

    def digest(self, *names: str) -> str:
        """Return a digest of the content of some parts."""
        digest = hashlib.sha256()
        for name in names:
            part: Target = getattr(self, name)
            digest.update(f"{part.fingerprint}\0{part.split}\0{part.classes}\0".encode())
            digest.update(part.rows.astype("<i8").tobytes())
        return digest.hexdigest()


def split_off(strata: IntArray, n_samples: int, *, random_state: int) -> IntArray:
    """Draw samples so that each class keeps its share and at least one sample.

    Unlike in `discorank.targets.stratified_sample`, classes too small for a share of their own
    are drawn from together, and none is used up.

    Parameters
    ----------
    strata : ndarray of shape (n,)
        Class of each sample.
    n_samples : int
    random_state : int

    Returns
    -------
    drawn : ndarray of shape (at most n_samples,)
        Positions, increasing.
    """
    luck = np.random.default_rng(random_state).permutation(len(strata))
    order = np.lexsort((luck, strata))
    # Of each class the first stays. The others, class by class, are drawn from at equal distances.
    stays = np.diff(strata[order], prepend=strata[order[0]] - 1) != 0 if len(order) else order
    free = order[~stays]
    places = (np.arange(n_samples) + 0.5) * len(free) / max(n_samples, 1)
    return np.sort(free[np.unique(places.astype(np.intp))]) if len(free) else free


def truth_of(target: Target) -> NDArray[Any] | Float64Array:
    """Return what a network is to say of each sample, as `Data` takes it.

    Returns
    -------
    truth : ndarray of shape (n_samples,), (n_samples, n_labels) or (n_samples, n_targets)
        Class ids; 1 where a sample has the label, else 0; or numbers.

    Raises
    ------
    InvalidInput
        If the target has neither labels nor targets.
    """
    truth = target.targets if target.targets is not None else target.labels
    if truth is None:
        raise InvalidInput(f"{target.name}: has no truth to fine-tune on")
    return truth


def _of_the_same_classes(part: Target, target: Target, *, name: str) -> Target:
    """Return a part with its class ids those of the target."""
    if part.task != target.task:
        raise InvalidInput(f"the {name} split is for {part.task}, the target for {target.task}")
    if part.classes == target.classes or part.labels is None:
        return part
    unknown = sorted(set(part.classes) - set(target.classes))
    if unknown:
        raise InvalidInput(
            f"the {name} split has classes that cannot be learned from {target.name}: "
            f"{', '.join(unknown[:3])}"
        )
    places = np.array([target.classes.index(one) for one in part.classes], dtype=np.intp)
    if part.task == "multilabel":
        labels = np.zeros((len(part), len(target.classes)), dtype=part.labels.dtype)
        labels[:, places] = part.labels
    else:
        labels = places[part.labels]
    return replace(part, labels=labels, classes=target.classes)
