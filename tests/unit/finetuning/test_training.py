"""The training core: it learns, it stops, it repeats itself, and it leaves no traces."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from discorank.errors import InvalidInput
from discorank.finetuning import Backbone, Data, Recipe, evaluate, fit, new_head
from discorank.finetuning.inference import features_of
from discorank.hub import resolve
from discorank.types import Encoder, Trainable

N, WIDTH = 120, 2
QUICK = Recipe(lr=0.05, epochs=15, batch_size=32)


def arrays(n_classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Classes that a line cannot separate: rings around the origin."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=N)
    directions = rng.standard_normal((N, WIDTH))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    noise = 0.1 * rng.standard_normal((N, WIDTH))
    return torch.tensor(directions * (1 + labels)[:, None] + noise, dtype=torch.float32), labels


def data(seed: int = 0) -> Data:
    return Data(*arrays(seed=seed))


def net(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(WIDTH, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1))


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in module.state_dict().values()]


def same(one: nn.Module, other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), other, strict=True))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_it_learns_what_the_head_alone_cannot(optimizer: str) -> None:
    backbone, head = net(), new_head(32, 3, seed=0)
    recipe = Recipe(lr=0.1 if optimizer == "sgd" else 0.02, optimizer=optimizer, epochs=60)  # type: ignore[arg-type]
    fitted = fit(backbone, head, data(0), data(1), task="classification", recipe=recipe, seed=0)
    assert evaluate(fitted, data(2), task="classification")["accuracy"] > 0.85
    on_inputs = fit(
        nn.Identity(),
        new_head(WIDTH, 3, seed=0),
        data(0),
        data(1),
        task="classification",
        recipe=Recipe(lr=0.05, epochs=40, linear_probe=True),
        seed=0,
    )
    assert evaluate(on_inputs, data(2), task="classification")["accuracy"] < 0.6


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    def run(seed: int) -> list[torch.Tensor]:
        head = new_head(32, 3, seed=seed)
        fitted = fit(net(), head, data(), task="classification", recipe=QUICK, seed=seed)
        return weights(fitted.backbone) + weights(fitted.head)

    first, again, other = run(0), run(0), run(1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_nothing_is_left_changed() -> None:
    backbone, head, train = net(), new_head(32, 3, seed=0), data()
    before = weights(backbone), weights(head), train.inputs.clone(), train.truth.copy()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    fit(backbone, head, train, data(1), task="classification", recipe=QUICK, seed=0)
    assert same(backbone, before[0])
    assert same(head, before[1])
    assert torch.equal(train.inputs, before[2])
    np.testing.assert_array_equal(train.truth, before[3])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_array_equal(np.random.get_state()[1], states[2])  # type: ignore[index] # noqa: NPY002


def test_the_accelerator_of_the_caller_is_left_alone() -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState

    kinds = (PartialState, AcceleratorState, GradientState)
    try:
        mine = Accelerator(cpu=True, mixed_precision="bf16")
        fit(net(), new_head(32, 3, seed=0), data(), task="classification", recipe=QUICK, seed=0)
        assert mine.mixed_precision == "bf16"
        assert AcceleratorState().mixed_precision == "bf16"
    finally:
        for kind in kinds:
            kind._shared_state.clear()


def test_a_linear_probe_leaves_the_backbone_as_it_is() -> None:
    backbone = net()
    recipe = Recipe(lr=0.05, epochs=30, linear_probe=True)
    head = new_head(32, 3, seed=0)
    fitted = fit(backbone, head, data(0), data(1), task="classification", recipe=recipe, seed=0)
    assert same(fitted.backbone, weights(backbone))
    assert evaluate(fitted, data(2), task="classification")["accuracy"] > 0.5
    np.testing.assert_array_equal(
        features_of(fitted.backbone, data().inputs), features_of(backbone, data().inputs)
    )


def test_the_scale_of_the_features_has_no_part_in_a_linear_probe() -> None:
    recipe = Recipe(lr=0.05, epochs=10, linear_probe=True)
    inputs, labels = arrays()
    predictions = []
    for scale in (1.0, 1024.0):
        scaled = Data(inputs * scale, labels)
        head = new_head(WIDTH, 3, seed=0)
        fitted = fit(nn.Identity(), head, scaled, task="classification", recipe=recipe, seed=0)
        predictions.append(fitted.predict(scaled.inputs))
    np.testing.assert_allclose(predictions[0], predictions[1], rtol=1e-4, atol=1e-5)


def test_the_weights_are_those_of_the_best_epoch_and_patience_ends_it() -> None:
    validation = data(1)
    recipe = Recipe(lr=0.3, epochs=200, patience=4)
    head = new_head(32, 3, seed=0)
    fitted = fit(net(), head, data(0), validation, task="classification", recipe=recipe, seed=0)
    assert fitted.epochs == fitted.best_epoch + 4 < 200
    again = evaluate(fitted, validation, task="classification")["accuracy"]
    assert again == fitted.validation
    shorter = Recipe(lr=0.3, epochs=200, patience=None)
    longer = fit(net(), head, data(0), validation, task="classification", recipe=shorter, seed=0)
    assert longer.epochs == 200
    assert longer.validation is not None
    assert longer.validation >= again


def test_a_loss_that_is_not_finite_ends_it_with_metrics_that_say_so() -> None:
    train = Data(*arrays())
    recipe = Recipe(lr=1e30, epochs=9)
    head = new_head(WIDTH, 1, seed=0)
    targets = Data(train.inputs, train.truth[:, None].astype(float))
    fitted = fit(nn.Identity(), head, targets, task="regression", recipe=recipe, seed=0)
    assert fitted.diverged
    assert fitted.epochs < 9
    assert all(np.isnan(v) for v in evaluate(fitted, targets, task="regression").values())


def test_targets_are_learned_in_their_own_units() -> None:
    inputs, _ = arrays()
    slope = np.arange(1.0, 1.0 + WIDTH)
    linear = inputs.numpy() @ slope
    truth = np.stack([1e4 + 1e3 * linear, -5.0 + 1e-3 * linear], axis=1)
    both = Data(inputs, truth)
    recipe = Recipe(lr=0.05, epochs=60)
    head = new_head(WIDTH, 2, seed=0)
    fitted = fit(nn.Identity(), head, both, both, task="regression", recipe=recipe, seed=0)
    found = evaluate(fitted, both, task="regression")
    assert found["r2"] > 0.99
    assert found["spearman"] > 0.99
    np.testing.assert_allclose(found["mse"], ((fitted.predict(inputs) - truth) ** 2).mean())


def test_several_labels_per_sample() -> None:
    inputs, _ = arrays()
    truth = (inputs.numpy()[:, :2] > 0).astype(np.intp)
    both = Data(inputs, truth)
    head = new_head(WIDTH, 2, seed=0)
    fitted = fit(nn.Identity(), head, both, both, task="multilabel", recipe=QUICK, seed=0)
    assert evaluate(fitted, both, task="multilabel")["mean_average_precision"] > 0.95


def test_batch_normalisation_follows_the_weights_that_were_learned() -> None:
    backbone = net()
    assert isinstance(backbone, nn.Sequential)
    assert isinstance(backbone[1], nn.BatchNorm1d)
    backbone[1].momentum = 0.01
    inputs = np.random.default_rng(0).standard_normal((N, WIDTH)).astype("float32")
    # Far from where the statistics of the network are.
    shifted = Data(torch.tensor(40.0 + 20.0 * inputs), (inputs[:, 0] > 0).astype(int))
    accuracy: dict[bool, float] = {}
    for settle in (False, True):
        recipe = Recipe(epochs=5, batch_size=16, settle_batch_norm=settle)
        head = new_head(32, 2, seed=0)
        network = fit(backbone, head, shifted, task="classification", recipe=recipe, seed=0)
        accuracy[settle] = evaluate(network, shifted, task="classification")["accuracy"]
    assert accuracy[True] > 0.9
    assert accuracy[False] < accuracy[True] - 0.2


def test_a_batch_of_one_is_never_left_over() -> None:
    # 33 samples in batches of 32 would leave one, which batch normalisation cannot take.
    inputs, labels = arrays()
    few = Data(inputs[:33], labels[:33])
    fitted = fit(net(), new_head(32, 3, seed=0), few, task="classification", recipe=QUICK, seed=0)
    assert not fitted.diverged


def test_a_candidate_is_trained_through_its_encoder() -> None:
    candidate = resolve("timm:test_resnet?pretrained=false")
    encoder = candidate.load("cpu")
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Trainable)
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((8, *(candidate.input_size or ()))).astype(np.float32)
    backbone = Backbone(encoder)
    before = features_of(backbone, batch)
    np.testing.assert_allclose(before, encoder.encode(batch).features, rtol=1e-5, atol=1e-6)
    labels = np.arange(8) % 2
    head = new_head(before.shape[1], 2, seed=0)
    recipe = Recipe(lr=0.1, epochs=3, batch_size=4)
    fitted = fit(backbone, head, Data(batch, labels), task="classification", recipe=recipe, seed=0)
    assert not np.allclose(features_of(fitted.backbone, batch), before)
    np.testing.assert_array_equal(features_of(backbone, batch), before)


@pytest.mark.parametrize(
    ("task", "truth", "message"),
    [
        ("classification", np.full(N, 3), "class ids below 3"),
        ("classification", np.zeros((N, 1), int), "class ids below 3"),
        ("regression", np.zeros((N, 2)), r"numbers of shape \(n_samples, 3\)"),
        ("regression", np.full((N, 3), np.nan), "must be numbers"),
        ("classification", np.zeros(N - 1, int), "as many and at least one, got 120 and 119"),
        ("detection", np.zeros(N, int), "task must be one of classification"),
    ],
)
def test_samples_that_do_not_fit_the_task_are_refused(
    task: str, truth: np.ndarray, message: str
) -> None:
    wrong = Data(arrays()[0], truth)
    with pytest.raises(InvalidInput, match=message):
        fit(net(), new_head(32, 3, seed=0), wrong, task=task, recipe=QUICK, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, got 0.0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0, got -1.0"),
        ({"epochs": 0}, "epochs"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"patience": 0}, "patience"),
    ],
)
def test_a_recipe_out_of_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Recipe(**options)  # type: ignore[arg-type]
