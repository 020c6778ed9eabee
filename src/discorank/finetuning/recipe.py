"""How a network is fine-tuned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from discorank.errors import InvalidInput
from discorank.scoring.validate import check_choice, check_count

__all__ = ["Optimizer", "Recipe"]

Optimizer: TypeAlias = Literal["sgd", "adamw"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is fine-tuned.

    The learning rate falls by half a cosine from `lr` to 0 over all steps of all epochs.

    Attributes
    ----------
    lr : float
        Learning rate of the first step.
    weight_decay : float
        Added to the gradient times the weight with SGD (so that the field's grid for it is
        ``{0, 1e-6, …, 1e-3} / lr``), decoupled with AdamW.
    optimizer : {"sgd", "adamw"}
        SGD with Nesterov momentum, or AdamW.
    momentum : float
        Of SGD.
    epochs : int
        At most.
    batch_size : int
        At most: an epoch is cut into batches of equal size, so that none is a remainder of one.
    patience : int, optional
        Stop after so many epochs without a better one on the validation split; None never stops.
    linear_probe : bool
        Train the head only, on features that the backbone gives once; they are standardised, so
        that their scale has no part in it (He et al. 2022, arXiv 2111.06377, appendix A.1).
    settle_batch_norm : bool
        After each epoch, take the statistics of batch normalisation anew from the training samples
        (Wu and Johnson 2021, arXiv 2105.07576, section 3). Running averages lag behind the weights:
        with the momentum of EfficientNets, 0.01, they still are those of the source after a
        hundred steps, and the network guesses though it has learnt.

    Raises
    ------
    InvalidInput
        If a value is out of range.
    """

    lr: float = 1e-2
    weight_decay: float = 0.0
    optimizer: Optimizer = "sgd"
    momentum: float = 0.9
    epochs: int = 30
    batch_size: int = 64
    patience: int | None = None
    linear_probe: bool = False
    settle_batch_norm: bool = False

    def __post_init__(self) -> None:
        check_choice(self.optimizer, get_args(Optimizer), name="optimizer")
        check_count(self.epochs, name="epochs")
        check_count(self.batch_size, name="batch_size")
        if self.patience is not None:
            check_count(self.patience, name="patience")
        for name, least_open in (("lr", True), ("weight_decay", False), ("momentum", False)):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0.0 or (least_open and value == 0.0):
                raise InvalidInput(
                    f"{name} must be {'above' if least_open else 'at least'} 0, got {value}"
                )

    def at(self, lr: float, ratio: float) -> Recipe:
        """Return the recipe at a point of the field's grid, whose weight decays are `ratio` / `lr`.

        Parameters
        ----------
        lr : float
        ratio : float
            Weight decay times learning rate.

        Raises
        ------
        InvalidInput
            If a value is out of range.

        References
        ----------
        S. Kornblith, J. Shlens, Q. V. Le, "Do better ImageNet models transfer better?", CVPR 2019,
        arXiv 1805.08974, appendix A.5.
        """
        return replace(self, lr=lr, weight_decay=ratio / lr)
