"""Fit a network to samples, stop early, and judge it. Everything random has a seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from discorank.finetuning.accelerating import accelerator_on
from discorank.finetuning.data import Data
from discorank.finetuning.inference import count_outputs, outputs_of, take
from discorank.finetuning.metrics import LOWER_IS_BETTER, main_metric, measure
from discorank.finetuning.networks import Network, Standardise
from discorank.finetuning.recipe import Recipe
from discorank.finetuning.seeding import seeded
from discorank.types import IntArray, Task

__all__ = ["Fitted", "evaluate", "fit"]

_State: TypeAlias = dict[str, Tensor]
_Criterion: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A network that was fine-tuned.

    Attributes
    ----------
    backbone, head : Module
        With the weights of the best epoch on the validation split; of the last if there is none.
    epochs : int
        That were run.
    best_epoch : int
        Of which the weights are, counted from 1; 0 if the first has diverged.
    validation, validation_loss : float, optional
        The deciding metric of that epoch on the validation split, and the loss.
    diverged : bool
        Whether the loss was no longer finite, which ends the training.
    shift, scale : ndarray of shape (n_targets,), optional
        Of regression: targets are outputs times `scale` plus `shift`.
    batch_size : int
        Samples that are run at once.
    device : str
    """

    backbone: nn.Module
    head: nn.Module
    epochs: int
    best_epoch: int
    validation: float | None
    validation_loss: float | None
    diverged: bool
    shift: NDArray[Any] | None
    scale: NDArray[Any] | None
    batch_size: int
    device: str

    def predict(self, inputs: Any) -> NDArray[Any]:
        """Return logits, or predicted targets, of shape (n_samples, n_outputs)."""
        network = Network(self.backbone, self.head)
        outputs = outputs_of(network, inputs, self.batch_size, self.device).numpy()
        return outputs if self.scale is None else outputs * self.scale + self.shift


def fit(
    backbone: nn.Module,
    head: nn.Module,
    train: Data,
    validation: Data | None = None,
    *,
    task: Task,
    recipe: Recipe,
    seed: int,
    metric: str | None = None,
    device: str = "cpu",
) -> Fitted:
    """Fine-tune a network.

    Parameters
    ----------
    backbone : Module
        From inputs to features of shape (batch, n_features); `Backbone` makes one of a candidate.
        Left as it is: a copy is trained.
    head : Module
        From features to outputs of shape (batch, n_outputs): one per class, label or target;
        `new_head` makes one. A copy is trained.
    train : Data
    validation : Data, optional
        Chooses the epoch, and stops early; without it the weights are those of the last epoch.
    task : {"classification", "multilabel", "regression"}
        Trained by cross-entropy, binary cross-entropy, or the squared error of standardised
        targets.
    recipe : Recipe
    seed : int
        Of the order of samples and of all that the network draws. On one kind of device and number
        of threads, the same seed gives the same weights.
    metric : str, optional
        Decides between epochs; by default the first of `METRICS`. Equal ones are decided by the
        loss.
    device : str
        Torch device; on CUDA in mixed precision.

    Returns
    -------
    fitted : Fitted

    Raises
    ------
    InvalidInput
        If samples and task do not fit.
    MissingExtra
        If accelerate is not installed.
    """
    metric = main_metric(task, metric)
    shift, scale = _standardisation(train.truth) if task == "regression" else (None, None)
    with (
        seeded(seed, device),
        accelerator_on(device) as accelerator,
        torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ),
    ):
        network = Network(copy.deepcopy(backbone), copy.deepcopy(head)).to(device)
        n_outputs = count_outputs(network, train.inputs, device)
        for name, data in (("train", train), ("validation", validation)):
            if data is not None:
                data.check(task, n_outputs=n_outputs, name=name)
        trained: nn.Module = network
        if recipe.linear_probe:
            given = partial(_with_features, network.backbone, recipe.batch_size, device)
            train, validation = given(train), validation and given(validation)
            network.head = nn.Sequential(Standardise(train.inputs), network.head)
            trained = network.head
        run = _Run(
            trained,
            train,
            validation,
            task=task,
            recipe=recipe,
            metric=metric,
            standardisation=(shift, scale),
            device=device,
        )
        run.train(accelerator, np.random.default_rng(seed))
    return Fitted(
        backbone=network.backbone.eval(),
        head=network.head.eval(),
        epochs=run.epochs,
        best_epoch=run.best_epoch,
        validation=run.best_value,
        validation_loss=run.best_loss,
        diverged=run.diverged,
        shift=shift,
        scale=scale,
        batch_size=recipe.batch_size,
        device=device,
    )


def evaluate(fitted: Fitted, data: Data, *, task: Task) -> dict[str, float]:
    """Return all metrics of a fine-tuned network, by name (`METRICS`).

    Raises
    ------
    InvalidInput
        If samples and task do not fit.
    """
    n_outputs = count_outputs(Network(fitted.backbone, fitted.head), data.inputs, fitted.device)
    data.check(task, n_outputs=n_outputs, name="data")
    return measure(task, np.asarray(data.truth), fitted.predict(data.inputs))


class _Run:
    """One training: its progress, and the best epoch so far."""

    def __init__(
        self,
        network: nn.Module,
        train: Data,
        validation: Data | None,
        *,
        task: Task,
        recipe: Recipe,
        metric: str,
        standardisation: tuple[NDArray[Any] | None, NDArray[Any] | None],
        device: str,
    ) -> None:
        self.epochs = self.best_epoch = 0
        self.best_value: float | None = None
        self.best_loss: float | None = None
        self.diverged = False
        self._best_rank = (-np.inf, -np.inf)
        self._best_state: _State | None = None
        self._network = network
        self._train = train
        self._validation = validation
        self._task, self._recipe, self._metric, self._device = task, recipe, metric, device
        self._criterion: _Criterion = _CRITERIA[task]()
        self._shift, self._scale = standardisation
        self._truth = self._wanted(train).to(device)

    def train(self, accelerator: Any, rng: np.random.Generator) -> None:
        """Train epoch by epoch until the last, the patience is over, or the loss is not finite."""
        recipe, n_samples = self._recipe, len(self._train)
        steps = -(-n_samples // recipe.batch_size) * recipe.epochs
        optimizer = _optimizer(self._network, recipe)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        network, optimizer, schedule = accelerator.prepare(self._network, optimizer, schedule)
        for _ in range(recipe.epochs):
            network.train()
            total = torch.zeros((), device=self._device)
            for rows in _batches(n_samples, recipe.batch_size, rng):
                outputs = network(take(self._train.inputs, rows, self._device))
                loss = self._criterion(outputs.float(), self._truth[rows])
                accelerator.backward(loss)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                total += loss.detach()
            self.epochs += 1
            if not torch.isfinite(total):
                self.diverged = True
                break
            if recipe.settle_batch_norm:
                self._settle(network)
            self._judge(network)
            if recipe.patience and self.epochs - self.best_epoch >= recipe.patience:
                break
        accelerator.unwrap_model(network, keep_fp32_wrapper=False)
        if self._best_state is not None:
            self._network.load_state_dict(self._best_state)

    def _settle(self, network: nn.Module) -> None:
        """Take the statistics of batch normalisation from all training samples."""
        # Mixed, but always in one way: a batch of one class would not know how far classes differ.
        order = _batches(len(self._train), self._recipe.batch_size, np.random.default_rng(0))
        batches = (take(self._train.inputs, rows, self._device) for rows in order)
        torch.optim.swa_utils.update_bn(batches, network)

    def _judge(self, network: nn.Module) -> None:
        """Keep the weights of this epoch if it is the best."""
        if self._validation is None:
            self.best_epoch = self.epochs
            return
        inputs, truth = self._validation.inputs, np.asarray(self._validation.truth)
        outputs = outputs_of(network, inputs, self._recipe.batch_size, self._device)
        loss = float(self._criterion(outputs, self._wanted(self._validation)))
        prediction = outputs.numpy()
        if self._scale is not None:
            prediction = prediction * self._scale + self._shift
        value = measure(self._task, truth, prediction, self._metric)[self._metric]
        sign = -1.0 if self._metric in LOWER_IS_BETTER else 1.0
        rank = (sign * value, -loss)
        if rank > self._best_rank:
            self._best_rank, self.best_epoch = rank, self.epochs
            self.best_value, self.best_loss = value, loss
            self._best_state = {
                name: tensor.detach().clone() for name, tensor in self._network.state_dict().items()
            }

    def _wanted(self, data: Data) -> Tensor:
        """Return what the outputs are compared with."""
        truth = np.asarray(data.truth)
        if self._task == "classification":
            return torch.as_tensor(truth.astype(np.int64))
        if self._scale is not None:
            truth = (truth - self._shift) / self._scale
        return torch.as_tensor(truth.astype(np.float32))


_CRITERIA: dict[Task, Callable[[], _Criterion]] = {
    "classification": nn.CrossEntropyLoss,
    "multilabel": nn.BCEWithLogitsLoss,
    "regression": nn.MSELoss,
}


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # One kernel for all weights: a fifth of the time of a step of a small network.
    options: dict[str, Any] = {
        "lr": recipe.lr,
        "weight_decay": recipe.weight_decay,
        "fused": parameters[0].device.type in ("cpu", "cuda", "mps"),
    }
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, **options)
    nesterov = recipe.momentum > 0.0
    return torch.optim.SGD(parameters, momentum=recipe.momentum, nesterov=nesterov, **options)


def _batches(n_samples: int, batch_size: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield all positions in a new order, in batches of equal size: none is a remainder of one."""
    order = rng.permutation(n_samples)
    yield from np.array_split(order, -(-n_samples // batch_size))


def _with_features(backbone: nn.Module, batch_size: int, device: str, data: Data) -> Data:
    """Return the samples with the features of a backbone that is not trained."""
    # Cloned: what was made in inference mode cannot be learned from.
    features = outputs_of(backbone, data.inputs, batch_size, device).to(device).clone()
    return replace(data, inputs=features)


def _standardisation(truth: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and standard deviation of each target; 1 where it does not vary."""
    values = np.asarray(truth, dtype=np.float64)
    deviation = values.std(0)
    return values.mean(0), np.where(deviation > 0.0, deviation, 1.0)
