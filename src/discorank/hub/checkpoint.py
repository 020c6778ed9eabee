"""A model's folder: on this machine, or a repository of the hub of which files are fetched.

What describes a model is small and fetched at once; its weights are fetched when they are loaded.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import huggingface_hub
import safetensors
import torch

from discorank.errors import ModelFailed, kind_and_text
from discorank.hub.adapter import failing, located
from discorank.hub.spec import did_you_mean
from discorank.hub.weights import sha256

__all__ = ["Checkpoint"]

_DESCRIPTION = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
_CARD = "README.md"
# By preference: what cannot hold code comes first.
_WEIGHTS = (
    ("model*.safetensors", "*/model*.safetensors"),
    ("pytorch_model*.bin", "*/pytorch_model*.bin"),
)
# Weights of a model in a format that other libraries read; half of the repositories hold them too.
_OTHER_FORMATS = ("onnx", "openvino", "coreml")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with the files that describe a model, and perhaps its weights.

    Attributes
    ----------
    name : str
        What the user wrote: a folder, or a repository of the hub.
    folder : Path
    revision : str, optional
        The commit of the repository; None for a folder of the user's.
    """

    name: str
    folder: Path
    revision: str | None

    @classmethod
    def find(cls, name: str, revision: str | None = None) -> Checkpoint:
        """Return the checkpoint of a name; of a repository, what describes the model is fetched.

        Parameters
        ----------
        name : str
            A folder on this machine, or a repository of the hub.
        revision : str, optional
            Branch, tag or commit of the repository.

        Raises
        ------
        ModelFailed
            If it is neither, or the hub cannot be reached.
        """
        folder = located(name)
        if folder.is_dir():
            if revision is not None:
                raise ModelFailed(f"{name!r} is a folder, which has no revision={revision}")
            if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
                raise ModelFailed(f"the folder {name!r} holds no model: it has no config.json")
            return cls(name, folder, None)
        found = _fetched(name, revision, (*_DESCRIPTION, _CARD))
        return cls(name, found, found.name)

    def weight_files(self) -> list[Path]:
        """Return the files here that hold the weights, sorted; none if they were not fetched."""
        for patterns in _WEIGHTS:
            files = {path for pattern in patterns for path in self.folder.glob(pattern)}
            if found := [path for path in files if path.parent.name not in _OTHER_FORMATS]:
                return sorted(found)
        return []

    def identify(self, seed: int | None = None) -> str:
        """Return what identifies the weights and the files that say how they are used.

        Parameters
        ----------
        seed : int, optional
            Of random weights, which take the place of the published ones.

        Raises
        ------
        ModelFailed
            If the user's folder holds no weights.
        """
        if self.revision is not None:
            origin = f"revision:{self.name}@{self.revision}"
            return origin if seed is None else f"random:{seed} {origin}"
        # The same weights are another model with another configuration or tokenizer.
        described = {path for pattern in _DESCRIPTION for path in self.folder.rglob(pattern)}
        origin = f"files:{sha256(sorted(described)).removeprefix('sha256:')[:16]}"
        if seed is not None:
            return f"random:{seed} {origin}"
        if not (files := self.weight_files()):
            raise ModelFailed(
                f"the folder {self.name!r} holds no weights: neither model.safetensors nor "
                "pytorch_model.bin; for random ones add pretrained=false"
            )
        return f"{sha256(files)} {origin}"

    def licence(self) -> str | None:
        """Return the licence that the model's card names."""
        card = self.folder / _CARD
        if not card.is_file():
            return None
        with failing(f"{str(card)!r} could not be read"):
            said: Any = huggingface_hub.metadata_load(card) or {}
        licence = said.get("license")
        return None if licence is None else str(licence)

    def count_parameters(self) -> int | None:
        """Return the number of values in the weights, from the headers of their files.

        None where a repository does not say it, or cannot be asked.
        """
        if files := self.weight_files():
            with failing("the weights could not be read"):
                return sum(map(_values_in, files))
        if self.revision is None:
            return None
        try:
            told: Any = huggingface_hub.get_safetensors_metadata(self.name, revision=self.revision)
        except Exception:  # noqa: BLE001 -- errors of several libraries, for a number of a table
            return None
        return int(sum(told.parameter_count.values()))

    def fetch_weights(self) -> Path:
        """Return the folder once its weights are in it.

        Raises
        ------
        ModelFailed
            If the hub cannot be reached, or has no weights of this model.
        """
        for patterns in _WEIGHTS if self.revision is not None else ():
            _fetched(self.name, self.revision, patterns)
            if self.weight_files():
                break
        if not self.weight_files():
            raise ModelFailed(
                f"{self.name!r} holds neither model.safetensors nor pytorch_model.bin"
            )
        return self.folder


def _values_in(path: Path) -> int:
    """Count the values that a file of weights holds, without reading them."""
    if path.suffix == ".safetensors":
        with safetensors.safe_open(path, framework="np") as file:
            return sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    state = torch.load(path, map_location="meta", weights_only=True, mmap=True)
    return sum(tensor.numel() for tensor in state.values())


def _fetched(name: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    ignored = [f"{folder}/*" for folder in _OTHER_FORMATS]
    try:
        fetched: Any = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=list(patterns), ignore_patterns=ignored
        )
    except Exception as error:  # the client raises errors of several libraries
        reason = textwrap.shorten(kind_and_text(error), 120, placeholder=" ...")
        raise ModelFailed(
            f"{name!r} is no folder here, and could not be fetched from the hub"
            f"{did_you_mean(name, _known(name)) or '; check the spelling,'} or, without a network, "
            f"give the folder of a copy ({reason})"
        ) from error
    return Path(fetched)


def _known(name: str) -> list[str]:
    """List what the name may be a misspelling of: folders beside it, and cached repositories."""
    folder = Path(name).expanduser()
    beside = (
        [str(Path(name).with_name(path.name)) for path in folder.parent.iterdir() if path.is_dir()]
        if folder.parent.is_dir()
        else []
    )
    try:
        cached = [repo.repo_id for repo in huggingface_hub.scan_cache_dir().repos]
    except huggingface_hub.errors.CacheNotFound:
        cached = []
    return beside + cached
