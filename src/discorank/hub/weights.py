"""Which weights a candidate uses, and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from discorank.errors import InvalidInput
from discorank.hub.adapter import existing_file, failing
from discorank.hub.spec import Spec

__all__ = ["WEIGHTS_OPTIONS", "WeightsChoice", "in_hub_cache", "in_torch_cache", "sha256"]

WEIGHTS_OPTIONS = frozenset({"checkpoint", "num_classes", "pretrained", "seed"})


def sha256(paths: Iterable[Path]) -> str:
    """Digest the content of files, in order, as ``"sha256:…"``.

    One file gives what ``sha256sum`` prints.
    """
    digest = hashlib.sha256()
    for path in paths:
        with failing(f"{str(path)!r} could not be read"), path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def in_torch_cache(url: str) -> bool:
    """Say whether the file of an address is where torch keeps what it downloads."""
    import torch

    return (Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]).is_file()


def in_hub_cache(repository: str, files: Iterable[str]) -> bool:
    """Say whether one of the files of a repository is where the hub's client keeps them."""
    import huggingface_hub

    found = (huggingface_hub.try_to_load_from_cache(repository, file) for file in files)
    return any(isinstance(path, str) for path in found)


@dataclass(frozen=True)
class WeightsChoice:
    """Published weights, the ones in a local file, or random ones.

    Attributes
    ----------
    checkpoint : Path, optional
        ``checkpoint=FILE``: this file holds the weights.
    num_classes : int, optional
        ``num_classes=N``: the classifier in the file has so many classes; None for as many as the
        published one.
    seed : int, optional
        ``pretrained=false``, ``seed=N``: random weights, as the model's own code initialises them.
    """

    checkpoint: Path | None
    num_classes: int | None
    seed: int | None

    @classmethod
    def of(cls, spec: Spec) -> WeightsChoice:
        """Read the options of `WEIGHTS_OPTIONS`.

        Raises
        ------
        InvalidInput
            If they contradict each other.
        ModelFailed
            If the checkpoint file does not exist.
        """
        pretrained = spec.flag("pretrained", default=True)
        seed = spec.integer("seed", minimum=0)
        num_classes = spec.integer("num_classes", minimum=1)
        checkpoint = spec.get("checkpoint")
        if pretrained and seed is not None:
            raise InvalidInput(f"{str(spec)!r}: seed needs pretrained=false, for random weights")
        if not pretrained and checkpoint is not None:
            raise InvalidInput(f"{str(spec)!r}: checkpoint and pretrained=false exclude each other")
        if checkpoint is None and num_classes is not None:
            raise InvalidInput(
                f"{str(spec)!r}: num_classes describes the classifier of a checkpoint; "
                "it needs checkpoint=FILE"
            )
        return cls(
            checkpoint=None if checkpoint is None else existing_file(checkpoint),
            num_classes=num_classes,
            seed=None if pretrained else seed or 0,
        )

    @property
    def published(self) -> bool:
        """Whether these are the weights that the model's family publishes."""
        return self.checkpoint is None and self.seed is None

    def identify(self, published: Callable[[], str]) -> str:
        """Return what identifies the weights; `published` says it of the published ones."""
        if self.seed is not None:
            return f"random:{self.seed}"
        return published() if self.checkpoint is None else sha256([self.checkpoint])
