"""What every family of models of texts and recordings must do, on real models made here."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import safetensors.torch
import torch

from discorank.errors import InvalidInput, ModelFailed
from discorank.features import extract
from discorank.hub import expand, resolve
from discorank.hub.snippets import Loading, snippet
from discorank.types import Audio, Candidate, Collating, Encoder, Target, Trainable

WIDTH = 16
TEXTS = ["the cat sat", ("a dog ran", "on the mat"), "", "mat " * 40, "a cat and a dog"]
CASES = {
    "bert": "transformers:{}",
    "bert layer": "transformers:{}?layer=1&pooling=cls",
    "bert random": "transformers:{}?pretrained=false&seed=2",
    "gpt2": "transformers:{}",
    "t5": "transformers:{}?layer=mean",
    "wav2vec2": "transformers:{}",
    "w2vbert": "transformers:{}",
    "sentence": "sentence-transformers:{}",
}


@pytest.fixture(scope="module", params=CASES)
def spec(request: pytest.FixtureRequest, tiny_checkpoint: Callable[[str], Path]) -> str:
    """Make the files of one candidate."""
    return CASES[request.param].format(tiny_checkpoint(request.param.split()[0]))


@pytest.fixture(scope="module")
def candidate(spec: str) -> Candidate:
    """Describe it."""
    return resolve(spec)


@pytest.fixture(scope="module")
def encoder(candidate: Candidate) -> Collating:
    """Load it."""
    return cast("Collating", candidate.load("cpu"))


@pytest.fixture(scope="module")
def items(candidate: Candidate) -> list[Any]:
    """Return texts, or recordings, of several lengths."""
    if candidate.modality == "text":
        # Texts and pairs of them come together only where one tokenizer joins both.
        joins = candidate.source == "transformers"
        return [text for text in TEXTS if joins or isinstance(text, str)]
    random = np.random.default_rng(0)
    sizes = [(1600, 16_000), (2400, 8_000), (1600, 16_000), (5000, 44_100), (1400, 16_000)]
    return [Audio(random.standard_normal(n, dtype=np.float32), rate) for n, rate in sizes]


@pytest.fixture(scope="module")
def batch(encoder: Collating, items: list[Any]) -> Any:
    """Preprocess them."""
    return encoder.collate([encoder.preprocess(item) for item in items])


def test_it_is_described_before_its_weights_are_loaded(spec: str, candidate: Candidate) -> None:
    assert candidate.source == spec.partition(":")[0]
    assert candidate.modality in ("text", "audio")
    assert candidate.parameters
    assert candidate.layer
    assert candidate.weights.startswith(("sha256:", "random:"))
    assert json.loads(json.dumps(candidate.preprocessing))


def test_its_name_is_a_spec_of_itself(candidate: Candidate) -> None:
    assert resolve(candidate.name) == candidate
    assert expand([candidate.name]) == [candidate.name]


def test_an_unknown_option_is_refused(spec: str) -> None:
    with pytest.raises(InvalidInput, match="no option 'nonsense'"):
        resolve(f"{spec}{'&' if '?' in spec else '?'}nonsense=1")


def test_it_is_an_encoder_that_makes_its_batches(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Collating)


def test_what_workers_do_can_be_sent_to_them(
    encoder: Collating, items: list[Any], batch: Any
) -> None:
    preprocess, collate = pickle.loads(pickle.dumps((encoder.preprocess, encoder.collate)))

    np.testing.assert_array_equal(collate([preprocess(item) for item in items]), batch)


def test_features(encoder: Encoder, batch: Any) -> None:
    before = batch.copy()

    result = encoder.encode(batch)

    assert result.features.dtype == np.float32
    assert result.features.shape == (len(batch), WIDTH)
    assert np.isfinite(result.features).all()
    assert len(np.unique(result.features.round(5), axis=0)) == len(batch)
    assert result.source_logits is None
    np.testing.assert_array_equal(batch, before)


def test_the_same_again(encoder: Encoder, candidate: Candidate, batch: Any) -> None:
    first = encoder.encode(batch).features

    np.testing.assert_array_equal(encoder.encode(batch).features, first)
    np.testing.assert_array_equal(cast("Any", candidate.load("cpu")).encode(batch).features, first)


def test_gradients_reach_the_weights(encoder: Encoder, batch: Any) -> None:
    assert isinstance(encoder, Trainable)
    result = encoder.features(batch)
    np.testing.assert_allclose(
        result.detach().numpy(), encoder.encode(batch).features, rtol=1e-4, atol=1e-5
    )
    weights = list(encoder.module.parameters())
    result.square().sum().backward()
    reached = [weight.grad is not None and bool(weight.grad.any()) for weight in weights]
    encoder.module.zero_grad(set_to_none=True)
    assert any(reached)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.zero_()
    assert (other.encode(batch).features != encoder.encode(batch).features).any()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_neither_the_batch_nor_its_padding_changes_features(
    encoder: Collating, items: list[Any], batch: Any, size: int
) -> None:
    inputs = [encoder.preprocess(item) for item in items]
    apart = [
        encoder.encode(encoder.collate(inputs[start : start + size])).features
        for start in range(0, len(inputs), size)
    ]
    cut = [encoder.encode(batch[at : at + size]).features for at in range(0, len(batch), size)]

    whole = encoder.encode(batch).features
    np.testing.assert_allclose(np.concatenate(apart), whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(cut), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "spec", ["bert", "bert random", "gpt2", "wav2vec2", "sentence"], indirect=True
)
def test_its_snippet_loads_it_with_its_preprocessing_and_a_new_head(candidate: Candidate) -> None:
    record = {**vars(candidate), "model": candidate.name, "task": "classification", "n_outputs": 7}
    names: dict[str, Any] = {}

    exec(snippet(Loading.of(record)), names)

    model = names["model"].eval()
    if candidate.source == "sentence-transformers":
        logits = model(["the cat sat", "a dog ran on the mat"])
    elif candidate.modality == "text":
        texts = ["the cat sat", "a dog ran on the mat"]
        logits = model(**names["preprocess"](texts, padding=True, return_tensors="pt")).logits
    else:
        waveforms = [np.zeros(1600, np.float32), np.ones(2400, np.float32)]
        inputs = names["preprocess"](
            waveforms, sampling_rate=16_000, padding=True, return_tensors="pt"
        )
        logits = model(**inputs).logits
    assert logits.shape == (2, 7)
    if candidate.weights.startswith("random:"):
        return
    folder = Path(candidate.name.partition(":")[2].partition("?")[0])
    loaded = model.state_dict()
    for name, value in safetensors.torch.load_file(folder / "model.safetensors").items():
        own = [key for key in loaded if key.endswith(name)]
        # A head that predicted tokens is not kept.
        assert name.startswith("lm_head") or any(torch.equal(loaded[key], value) for key in own)


def test_random_states_are_left_alone(spec: str, batch: Any) -> None:
    before = torch.get_rng_state()

    cast("Encoder", resolve(spec).load("cpu")).encode(batch)

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("spec", "workers"),
    [*((case, 0) for case in CASES), ("bert", 1), ("sentence", 1)],
    indirect=["spec"],
)
def test_extraction_is_encoding(candidate: Candidate, items: list[Any], workers: int) -> None:
    target = Target(
        name="made here",
        task="classification",
        modality=candidate.modality,
        items=items,
        labels=np.arange(len(items)) % 2,
        classes=("a", "b"),
        sample_ids=tuple(map(str, range(len(items)))),
        fingerprint="0" * 64,
        rows=np.arange(len(items)),
        n_total=len(items),
    )
    encoder = cast("Collating", candidate.load("cpu"))
    whole = encoder.encode(encoder.collate([encoder.preprocess(item) for item in items])).features

    found = extract(candidate, target, device="cpu", batch_size=2, workers=workers).features

    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", ["bert", "wav2vec2", "sentence"], indirect=True)
def test_a_wrong_name_gets_suggestions(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFailed, match="did you mean") as raised:
        resolve(f"{spec}x")
    assert spec.partition(":")[2] in str(raised.value)


@pytest.mark.parametrize("spec", ["bert", "wav2vec2", "sentence"], indirect=True)
def test_damaged_weights_fail_this_model_with_one_line(spec: str) -> None:
    file = Path(spec.partition(":")[2]) / "model.safetensors"
    whole = file.read_bytes()
    before = resolve(spec)
    file.write_bytes(whole[: len(whole) // 2])

    def attempt() -> None:
        damaged = resolve(spec)
        assert damaged.weights != before.weights
        assert damaged.parameters == before.parameters
        damaged.load("cpu")

    try:
        with pytest.raises(ModelFailed) as raised:
            attempt()
    finally:
        file.write_bytes(whole)
    assert "\n" not in str(raised.value)
