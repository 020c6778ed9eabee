"""A benchmark on disk: for each target features of every candidate, labels and the truth.

A folder holds ``suite.json`` (candidates, targets, truth, and how they were made) and for each
target a file ``TARGET.npz`` (labels, and for each candidate features in half precision).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discorank._files import write_atomically
from discorank.errors import InvalidInput
from discorank.types import JSON, IntArray

__all__ = ["Suite", "SuiteTarget", "read_suite", "write_suite"]

_FORMAT = 1
_INDEX = "suite.json"
_LABELS = "labels"


@dataclass(frozen=True, eq=False)
class SuiteTarget:
    """One target of a suite.

    Attributes
    ----------
    name : str
    labels : ndarray of shape (n_samples,)
        Class ids of the training samples.
    features : mapping
        From the name of each candidate to its features of these samples, (n_samples, n_features),
        float32.
    finetuned : mapping
        From the name of each candidate to its accuracy on the test split after a full fine-tune,
        in percent, the mean over seeds.
    spread : mapping
        Standard deviation of that accuracy over seeds.
    linear : mapping
        Accuracy of a linear probe on the same split, in percent, the mean over seeds.
    """

    name: str
    labels: IntArray = field(repr=False)
    features: Mapping[str, NDArray[np.float32]] = field(repr=False)
    finetuned: Mapping[str, float] = field(repr=False)
    spread: Mapping[str, float] = field(repr=False)
    linear: Mapping[str, float] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Suite:
    """Candidates, targets and truth of a benchmark.

    Attributes
    ----------
    name : str
    description : str
    parameters : mapping
        From the name of each candidate to its number of parameters.
    targets : mapping
        From the name of each target to what is known of it.
    provenance : mapping
        How it was made: options, seeds, versions, seconds.
    """

    name: str
    description: str
    parameters: Mapping[str, int] = field(repr=False)
    targets: Mapping[str, SuiteTarget]
    provenance: Mapping[str, JSON] = field(repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the candidates."""
        return tuple(self.parameters)

    @property
    def truth(self) -> dict[str, Mapping[str, float]]:
        """From the name of each target to that of a candidate to its fine-tuned accuracy."""
        return {name: target.finetuned for name, target in self.targets.items()}


def read_suite(folder: Path) -> Suite:
    """Return the suite in a folder.

    Raises
    ------
    InvalidInput
        If the folder holds none, or one of another format or with a part missing.
    """
    try:
        document = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise InvalidInput(
                f"{folder}: the suite is of format {document['format']!r}, and this version reads "
                f"{_FORMAT}; make it again with --from-scratch"
            )
        models = tuple(document["parameters"])
        targets = {
            name: _target(folder, name, cells, models)
            for name, cells in document["targets"].items()
        }
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{folder}: holds no suite that can be read: {error!r}") from error
    return Suite(
        name=document["name"],
        description=document["description"],
        parameters=document["parameters"],
        targets=targets,
        provenance=document["provenance"],
    )


def _target(
    folder: Path, name: str, cells: Mapping[str, Any], models: tuple[str, ...]
) -> SuiteTarget:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        labels = arrays[_LABELS].astype(np.intp)
        features = {model: arrays[model].astype(np.float32) for model in models}
    test = {model: np.array(cells[model]["finetuned"]["test"]) for model in models}
    linear = {model: np.array(cells[model]["linear"]["test"]) for model in models}
    return SuiteTarget(
        name=name,
        labels=labels,
        features=features,
        finetuned={model: float(values.mean()) for model, values in test.items()},
        spread={model: float(values.std(ddof=1)) for model, values in test.items()},
        linear={model: float(values.mean()) for model, values in linear.items()},
    )


def write_suite(
    folder: Path,
    *,
    name: str,
    description: str,
    parameters: Mapping[str, int],
    cells: Mapping[str, Mapping[str, JSON]],
    arrays: Mapping[str, Mapping[str, NDArray[Any]]],
    provenance: Mapping[str, JSON],
) -> None:
    """Write a suite to a folder: features first, the index that names them last.

    Parameters
    ----------
    folder : Path
    name, description : str
    parameters : mapping
        From the name of each candidate to its number of parameters.
    cells : mapping
        From the name of each target to that of a candidate to what was measured: mappings
        ``finetuned`` and ``linear`` (`Measured.to_dict`), and ``seconds``.
    arrays : mapping
        From the name of each target to ``labels`` and the features of every candidate, the latter
        in half precision.
    provenance : mapping
    """
    folder.mkdir(parents=True, exist_ok=True)
    for target, of_model in arrays.items():
        write_atomically(folder / f"{target}.npz", partial(_savez, of_model))
    document = {
        "format": _FORMAT,
        "name": name,
        "description": description,
        "parameters": dict(parameters),
        "targets": {target: dict(of_model) for target, of_model in cells.items()},
        "provenance": dict(provenance),
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_atomically(folder / _INDEX, text)


def _savez(arrays: Mapping[str, NDArray[Any]], file: Any) -> None:
    np.savez_compressed(file, allow_pickle=False, **arrays)
