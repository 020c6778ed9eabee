"""What a checkpoint's configuration says of its model, and how that is built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForImageClassification
from transformers.models.auto import modeling_auto
from transformers.models.auto.feature_extraction_auto import FEATURE_EXTRACTOR_MAPPING_NAMES
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.utils import logging

from discorank.errors import ModelFailed
from discorank.hub.adapter import failing
from discorank.hub.checkpoint import Checkpoint

__all__ = ["Kind", "Model", "quiet"]

Kind: TypeAlias = Literal["image", "text", "audio"]

_OF_TOKENIZERS = ("tokenizer_config.json", "tokenizer.json", "vocab.txt")
# Parameters that matter in training only; published checkpoints often lack them.
_TRAINING_ONLY = "masked_spec_embed"


@dataclass(frozen=True)
class Model:
    """What a checkpoint's configuration says of its model.

    Attributes
    ----------
    checkpoint : Checkpoint
    config : PreTrainedConfig
        Of the tower that is run, where the checkpoint holds several.
    whole : PreTrainedConfig
        Of the whole checkpoint.
    kind : {"image", "text", "audio"}
        What it reads.
    """

    checkpoint: Checkpoint
    config: Any
    whole: Any
    kind: Kind

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Model:
        """Read the configuration."""
        with failing(f"the configuration of {checkpoint.name!r} could not be read"):
            whole = AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False)
        towers: tuple[tuple[str, Kind], ...] = (
            ("vision_config", "image"),
            ("audio_config", "audio"),
        )
        for attribute, kind in towers:
            if (tower := getattr(whole, attribute, None)) is not None:
                return cls(checkpoint, tower, whole, kind)
        # Models of images or sounds may have a tokenizer beside, for what they say of them; those
        # of texts are known by theirs, since many share one that is no type's own.
        readers: tuple[tuple[Any, Kind], ...] = (
            (IMAGE_PROCESSOR_MAPPING_NAMES, "image"),
            (FEATURE_EXTRACTOR_MAPPING_NAMES, "audio"),
        )
        for known, kind in readers:
            if whole.model_type in known:
                return cls(checkpoint, whole, whole, kind)
        if any((checkpoint.folder / file).is_file() for file in _OF_TOKENIZERS):
            return cls(checkpoint, whole, whole, "text")
        raise ModelFailed(
            f"it holds no tokenizer, and for its type {whole.model_type!r} transformers has no "
            "image processor or feature extractor"
        )

    @property
    def is_tower(self) -> bool:
        """Whether it is one part of the checkpoint."""
        return self.config is not self.whole

    @property
    def is_classifier(self) -> bool:
        """Whether the checkpoint is an image classifier."""
        trained_as = "".join(self.config.architectures or ())
        return self.kind == "image" and "ForImageClassification" in trained_as

    @property
    def predicts_next(self) -> bool:
        """Whether the tokens see only those before them."""
        kind = self.config.model_type
        return (
            kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
            and kind not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
            and not self.config.is_encoder_decoder
        )

    @property
    def n_states(self) -> int:
        """How many hidden states there are, embeddings included."""
        stages = getattr(self.config, "stage_names", None)
        layers = getattr(self.config, "num_hidden_layers", None)
        if stages is None and layers is None:
            raise ModelFailed(
                f"the configuration of {self.checkpoint.name!r} does not say how many layers there "
                "are; leave out layer=, or take layer=mean"
            )
        return len(stages) if stages is not None else int(cast("int", layers)) + 1

    def build(self) -> nn.Module:
        """Build the model with random weights."""
        return self._encoder(self._family().from_config(self.config, dtype=torch.float32))

    def restore(self, folder: Path, *, pooler: bool) -> nn.Module:
        """Build the model with the weights of a folder.

        Raises
        ------
        ModelFailed
            If weights that are used are not there.
        """
        options = {"config": self.config, "dtype": torch.float32, "trust_remote_code": False}
        module, info = self._family().from_pretrained(folder, output_loading_info=True, **options)
        lacking = sorted(
            name
            for name in info["missing_keys"]
            if _TRAINING_ONLY not in name and (pooler or "pooler." not in name)
        )
        if lacking:
            raise ModelFailed(
                f"{self.checkpoint.name!r} lacks {len(lacking)} of the model's weights, which "
                f"would be random: {', '.join(lacking[:3])}"
                + ("; leave out pooling=pooler" if all("pooler." in n for n in lacking) else "")
            )
        return self._encoder(module)

    def _family(self) -> Any:
        return AutoModelForImageClassification if self.is_classifier else AutoModel

    def _encoder(self, module: Any) -> nn.Module:
        return cast("nn.Module", module.get_encoder() if self.config.is_encoder_decoder else module)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what transformers tells of every file it reads, and its progress bars."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
