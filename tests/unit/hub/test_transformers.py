from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub import expand, resolve
from discorank.types import Audio, Candidate

Tiny = Callable[[str], Path]

TEXTS = ["the cat sat", "a dog ran and sat on the mat", "mat", ""]


def features_of(candidate: Candidate, items: list[Any]) -> Any:
    encoder = cast("Any", candidate.load("cpu"))
    inputs = [encoder.preprocess(item) for item in items]
    return encoder.encode(getattr(encoder, "collate", np.stack)(inputs))


def images(n: int = 3) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)) for _ in range(n)]


def loaded(kind: str, folder: Path) -> Any:
    """Load a checkpoint as a user of transformers would."""
    import transformers

    name = "ViTForImageClassification" if kind == "vit" else "AutoModel"
    return getattr(transformers, name).from_pretrained(folder).eval()


@pytest.mark.parametrize(
    ("kind", "layer", "modality"),
    [
        ("vit", "input of classifier", "image"),
        ("dinov2", "last_hidden_state, first token", "image"),
        ("resnet", "last_hidden_state, mean over positions", "image"),
        ("clip", "pooler_output", "image"),
        ("bert", "last_hidden_state, mean over positions", "text"),
        ("gpt2", "last_hidden_state, last token", "text"),
        ("llama", "last_hidden_state, last token", "text"),
        ("t5", "last_hidden_state, mean over positions", "text"),
        ("wav2vec2", "last_hidden_state, mean over positions", "audio"),
    ],
)
def test_each_kind_of_model_has_a_sensible_layer(
    tiny_checkpoint: Tiny, kind: str, layer: str, modality: str
) -> None:
    candidate = resolve(f"transformers:{tiny_checkpoint(kind)}")
    items: dict[str, list[Any]] = {
        "image": images(2),
        "text": TEXTS,
        "audio": [Audio(np.ones(900, np.float32), 16_000)],
    }

    assert (candidate.layer, candidate.modality) == (layer, modality)
    found = features_of(candidate, items[modality]).features
    assert found.shape == (len(items[modality]), 16)
    assert np.isfinite(found).all()


def test_parameters_are_those_of_what_runs(tiny_checkpoint: Tiny) -> None:
    for kind, part in (("vit", ""), ("bert", ""), ("clip", "vision_model"), ("t5", "encoder")):
        module = loaded(kind, tiny_checkpoint(kind)).get_submodule(part)
        candidate = resolve(f"transformers:{tiny_checkpoint(kind)}")
        assert candidate.parameters == sum(p.numel() for p in module.parameters())


def test_preprocessing_is_the_checkpoints_own(tiny_checkpoint: Tiny) -> None:
    vit = resolve(f"transformers:{tiny_checkpoint('vit')}")
    assert vit.input_size == (3, 32, 32)
    assert vit.preprocessing["image_mean"] == [0.5, 0.5, 0.5]
    bert = resolve(f"transformers:{tiny_checkpoint('bert')}")
    assert bert.input_size == (20,)
    assert bert.preprocessing["inputs"] == ["input_ids", "token_type_ids"]
    sound = resolve(f"transformers:{tiny_checkpoint('wav2vec2')}")
    assert sound.input_size is None
    assert sound.preprocessing["sampling_rate"] == 16_000


def test_features_and_logits_of_a_classifier(tiny_checkpoint: Tiny) -> None:
    folder = tiny_checkpoint("vit")
    module = loaded("vit", folder)
    pixels = [resolve(f"transformers:{folder}").load("cpu").preprocess(im) for im in images()]  # type: ignore[union-attr]
    with torch.inference_mode():
        whole = module(torch.from_numpy(np.stack(pixels)), output_hidden_states=True)
        last = module.vit(torch.from_numpy(np.stack(pixels))).last_hidden_state
    expected = {
        "": last[:, 0],
        "?pooling=mean": last.mean(1),
        "?layer=1": whole.hidden_states[1][:, 0],
        "?layer=-1&pooling=last": whole.hidden_states[2][:, -1],
        "?layer=mean": torch.stack([states[:, 0] for states in whole.hidden_states]).mean(0),
    }

    for query, features in expected.items():
        result = features_of(resolve(f"transformers:{folder}{query}"), images())
        np.testing.assert_allclose(result.features, features, atol=1e-6)
        np.testing.assert_allclose(result.source_logits, whole.logits, atol=1e-6)


def test_an_image_tower_is_run_alone(tiny_checkpoint: Tiny) -> None:
    folder = tiny_checkpoint("clip")
    candidate = resolve(f"transformers:{folder}")
    pixels = np.stack([candidate.load("cpu").preprocess(im) for im in images()])  # type: ignore[union-attr]
    with torch.inference_mode():
        pooled = loaded("clip", folder).vision_model(torch.from_numpy(pixels)).pooler_output

    np.testing.assert_allclose(features_of(candidate, images()).features, pooled, atol=1e-6)


def test_padding_is_in_no_mean_and_no_last_token(tiny_checkpoint: Tiny) -> None:
    from transformers import AutoTokenizer

    for kind in ("bert", "gpt2"):
        folder = tiny_checkpoint(kind)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        module = loaded(kind, folder)
        for pooling in ("mean", "last", "cls"):
            expected = []
            for text in TEXTS:
                with torch.inference_mode():
                    tokens = tokenizer(text, return_tensors="pt")
                    states = module(**tokens).last_hidden_state[0]
                pooled = {"mean": states.mean(0), "last": states[-1], "cls": states[0]}
                expected.append(pooled[pooling])
            found = features_of(resolve(f"transformers:{folder}?pooling={pooling}"), TEXTS)
            np.testing.assert_allclose(found.features, torch.stack(expected), atol=1e-5)


def test_pairs_are_read_as_the_tokenizer_joins_them(tiny_checkpoint: Tiny) -> None:
    candidate = resolve(f"transformers:{tiny_checkpoint('bert')}")
    preprocess = cast("Any", candidate.load("cpu")).preprocess

    ids, types = preprocess(("the cat", "sat"))

    assert ids.tolist() == [2, 5, 6, 3, 8, 3]
    assert types.tolist() == [0, 0, 0, 0, 1, 1]
    assert preprocess("mat " * 100).shape == (2, 20)


def test_recordings_are_brought_to_the_rate_of_the_model(tiny_checkpoint: Tiny) -> None:
    candidate = resolve(f"transformers:{tiny_checkpoint('wav2vec2')}")
    preprocess = cast("Any", candidate.load("cpu")).preprocess
    times = {rate: np.arange(rate) / rate for rate in (16_000, 44_100)}
    tone = {rate: np.sin(600 * np.pi * t).astype(np.float32) for rate, t in times.items()}

    fine, coarse = (preprocess(Audio(tone[rate], rate)) for rate in (44_100, 16_000))

    assert fine.shape == coarse.shape == (16_000,)
    np.testing.assert_allclose(fine[100:-100], coarse[100:-100], atol=0.02)


def test_all_layers_are_candidates(tiny_checkpoint: Tiny) -> None:
    folder = tiny_checkpoint("bert")

    specs = expand([f"transformers:{folder}?layer=all&pooling=cls&name=bert"])

    assert specs == [
        f"transformers:{folder}?layer={layer}&pooling=cls&name=bert[{layer}]" for layer in (0, 1, 2)
    ]
    layers = [resolve(spec).layer for spec in specs]
    assert layers == [f"hidden_states[{layer}], first token" for layer in (0, 1, 2)]
    assert len(expand([f"transformers:{tiny_checkpoint('resnet')}?layer=all"])) == 3


def test_random_weights_differ_by_seed_alone(tiny_checkpoint: Tiny) -> None:
    spec = f"transformers:{tiny_checkpoint('dinov2')}?pretrained=false&seed="
    first, again, other = (resolve(spec + seed) for seed in "112")

    assert first.weights.startswith("random:1 files:")
    one, same, another = (features_of(c, images()).features for c in (first, again, other))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - another).max() > 1e-3


def test_the_configuration_is_part_of_what_the_weights_are(
    tiny_checkpoint: Tiny, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint("bert"), folder)
    before = resolve(f"transformers:{folder}").weights
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 0.1}))

    after = resolve(f"transformers:{folder}").weights

    assert before.split()[0] == after.split()[0]
    assert before != after


def test_weights_that_are_not_there_are_not_made_up(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint("dinov2"), folder)
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state.pop("layernorm.weight")
    safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})

    with pytest.raises(ModelFailed, match=r"lacks 1 of the model's weights.*layernorm\.weight"):
        resolve(f"transformers:{folder}").load("cpu")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelFailed, match=r"holds no weights.*pretrained=false"):
        resolve(f"transformers:{folder}")


def test_weights_of_torch_run_no_code(tiny_checkpoint: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint("dinov2"), folder)
    safe = features_of(resolve(f"transformers:{folder}"), images()).features
    state = safetensors.torch.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")

    np.testing.assert_array_equal(
        features_of(resolve(f"transformers:{folder}"), images()).features, safe
    )

    torch.save({**state, "code": Path}, folder / "pytorch_model.bin")
    with pytest.raises(ModelFailed, match="weights could not be loaded"):
        resolve(f"transformers:{folder}").load("cpu")


def test_the_pooler_of_a_model_without_one(tiny_checkpoint: Tiny) -> None:
    candidate = resolve(f"transformers:{tiny_checkpoint('gpt2')}?pooling=pooler")
    with pytest.raises(ModelFailed, match="has no pooler; take another pooling"):
        features_of(candidate, TEXTS)
    maps = resolve(f"transformers:{tiny_checkpoint('resnet')}?pooling=cls")
    with pytest.raises(ModelFailed, match="not tokens; take pooling=mean"):
        features_of(maps, images())


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("layer=3", "layer must be in -3 to 2, got '3'"),
        ("layer=first", "layer must be last, mean, all or a whole number, got 'first'"),
        ("pooling=max", "pooling must be one of cls, mean, last, pooler, got 'max'"),
        ("pooling=pooler&layer=1", "the pooler reads the last layer"),
        ("seed=1", "seed needs pretrained=false"),
        ("checkpoint=x", "no option 'checkpoint'"),
    ],
)
def test_options_that_cannot_be(tiny_checkpoint: Tiny, query: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        resolve(f"transformers:{tiny_checkpoint('bert')}?{query}")
    assert reason in str(raised.value)


def test_names_that_cannot_be_had(
    tiny_checkpoint: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    shutil.copytree(tiny_checkpoint("bert"), tmp_path / "my-bert")
    (tmp_path / "empty").mkdir()

    for name, reason in (
        (f"{tmp_path}/my-brt", f"did you mean {tmp_path}/my-bert"),
        ("nobody/no-such-model", "is no folder here, and could not be fetched from the hub"),
        (f"{tmp_path}/empty", "holds no model: it has no config.json"),
        (f"{tmp_path}/my-bert?revision=main", "is a folder, which has no revision=main"),
    ):
        with pytest.raises(ModelFailed) as raised:
            resolve(f"transformers:{name}")
        assert reason in str(raised.value)
        assert "\n" not in str(raised.value)
    # A model that cannot be had fails alone, when it is described.
    assert expand(["transformers:nobody/no-such-model?layer=all"]) == [
        "transformers:nobody/no-such-model?layer=all"
    ]


def test_a_type_that_transformers_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))

    with pytest.raises(ModelFailed, match=r"configuration of .* could not be read.*unheard-of"):
        resolve(f"transformers:{tmp_path}")
