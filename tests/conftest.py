"""What holds for every test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A deadline measures the machine and what else it does, not the code.
settings.register_profile("discorank", deadline=None)
settings.load_profile("discorank")

_SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = (*_SPECIAL, "the", "cat", "dog", "sat", "on", "a", "mat", "and", "ran")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a kind of model to a folder, as transformers saves it.

    The kinds: vit (a classifier of 3 classes), dinov2, resnet, clip, bert, gpt2, llama, t5,
    wav2vec2, w2vbert, and sentence (bert in the format of sentence-transformers).
    """
    folders: dict[str, Path] = {}

    def checkpoint(kind: str) -> Path:
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            if kind == "sentence":
                _sentence_model(checkpoint("bert")).save_pretrained(str(folders[kind]))
            else:
                for part in _parts(kind):
                    part.save_pretrained(folders[kind])
        return folders[kind]

    return checkpoint


def _parts(kind: str) -> list[Any]:
    """Make a tiny model of random weights and what prepares its inputs."""
    from discorank.hub._operators import with_operators

    with_operators(lambda: __import__("torchvision"))
    import torch
    import transformers as of

    of.utils.logging.set_verbosity_error()
    of.utils.logging.disable_progress_bar()
    image = {"image_size": 32, "patch_size": 8}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        match kind:
            case "vit":
                model = of.ViTForImageClassification(of.ViTConfig(**_SMALL, **image, num_labels=3))
            case "dinov2":
                model = of.Dinov2Model(of.Dinov2Config(**_SMALL, **image))
            case "resnet":
                sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}
                model = of.ResNetModel(of.ResNetConfig(**sizes, layer_type="basic"))
            case "clip":
                text, vision = {**_SMALL, "vocab_size": 20}, {**_SMALL, **image}
                config = of.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
                model = of.CLIPModel(config)
            case "bert":
                config = of.BertConfig(**_SMALL, vocab_size=14, max_position_embeddings=40)
                model = of.BertModel(config)
            case "gpt2":
                model = of.GPT2LMHeadModel(
                    of.GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=14, n_positions=40)
                )
            case "llama":
                config = of.LlamaConfig(**_SMALL, vocab_size=14, num_key_value_heads=2)
                model = of.LlamaForCausalLM(config)
            case "w2vbert":
                config = of.Wav2Vec2BertConfig(**_SMALL, feature_projection_input_dim=160)
                model = of.Wav2Vec2BertModel(config)
            case "t5":
                sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
                model = of.T5ForConditionalGeneration(of.T5Config(**sizes, vocab_size=14))
            case "wav2vec2":
                convolutions = {"conv_dim": (16, 16), "conv_stride": (5, 2), "conv_kernel": (10, 3)}
                positions = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
                config = of.Wav2Vec2Config(**_SMALL, **convolutions, **positions)
                model = of.Wav2Vec2Model(config)
    if kind == "wav2vec2":
        return [model, of.Wav2Vec2FeatureExtractor(return_attention_mask=False)]
    if kind == "w2vbert":
        return [model, of.SeamlessM4TFeatureExtractor()]
    if kind in ("bert", "gpt2", "llama", "t5"):
        return [model, _tokenizer()]
    processor = of.CLIPImageProcessor if kind == "clip" else of.ViTImageProcessor
    size = {"height": 32, "width": 32}
    return [model, processor(size=size, crop_size=size)]


def _sentence_model(folder: Path) -> Any:
    """Make a model of sentence-transformers that takes the mean of the tokens of another model."""
    from sentence_transformers import SentenceTransformer

    # Without a modules.json it takes the mean.
    return SentenceTransformer(str(folder), device="cpu")


def _tokenizer() -> Any:
    """Make a tokenizer of a few words that marks the ends of texts and of pairs."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: place for place, word in enumerate(_WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        model_max_length=20,
    )
