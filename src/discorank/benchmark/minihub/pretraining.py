"""The candidates of MiniHub, and how they come by their weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from discorank.benchmark.minihub.networks import N_FEATURES, as_input, build
from discorank.benchmark.minihub.sources import SOURCES
from discorank.finetuning import Data, Recipe, fit, new_head

__all__ = ["Member", "pretrain"]

_LR = 2e-3
_BATCH_SIZE = 64


@dataclass(frozen=True)
class Member:
    """A candidate: an architecture and what it is pre-trained on."""

    architecture: str
    source: str

    @property
    def name(self) -> str:
        """What tables call it, ``"mobile-glyphs"``."""
        return f"{self.architecture}-{self.source}"


def pretrain(
    member: Member, *, seed: int, share: float = 1.0, data: Path | None = None
) -> nn.Module:
    """Return the network of a candidate, pre-trained from nothing.

    Parameters
    ----------
    member : Member
    seed : int
        Of weights, images and order. Networks of one architecture begin with the same weights.
    share : float
        Of the images of the source; less than 1 to try things out.
    data : Path, optional
        Folder with the files of Fashion-MNIST.
    """
    network = build(member.architecture, seed=seed)
    source = SOURCES[member.source]
    if not source.epochs:
        return network.eval()
    pixels, labels = source.draw(round(share * source.n_images), seed, data)
    inputs = as_input(pixels)
    recipe = Recipe(optimizer="adamw", lr=_LR, epochs=source.epochs, batch_size=_BATCH_SIZE)
    head = new_head(N_FEATURES, int(labels.max()) + 1, seed=seed)
    fitted = fit(
        network, head, Data(inputs, labels), task="classification", recipe=recipe, seed=seed
    )
    return fitted.backbone
