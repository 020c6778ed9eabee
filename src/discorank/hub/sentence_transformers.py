"""``sentence-transformers:NAME_OR_FOLDER``: models of texts and their own pooling.

The name is a folder with a ``modules.json``, or a repository of the hub; a name without an owner is
one of sentence-transformers. ``revision=COMMIT`` is a branch, tag or commit of it. Features are the
sentence embedding; of a pair (u, v), they are u, v and |u - v|.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sentence_transformers
import torch
from numpy.typing import NDArray

from discorank.errors import ModelFailed
from discorank.hub import modules
from discorank.hub.adapter import failing, located
from discorank.hub.checkpoint import Checkpoint
from discorank.hub.spec import Spec
from discorank.hub.texts import PAIRS, TextEncoder
from discorank.hub.transformers.model import quiet
from discorank.types import JSON, Candidate, Encoder

__all__ = ["resolve"]

_OWNER = "sentence-transformers"


def resolve(spec: Spec) -> Candidate:
    """Describe a model of sentence-transformers without loading its weights.

    Raises
    ------
    InvalidInput
        If an option is wrong.
    ModelFailed
        If the checkpoint cannot be had or read.
    """
    spec.require_known({"revision"})
    name = spec.name
    if "/" not in name and not located(name).is_dir():
        name = f"{_OWNER}/{name}"
    checkpoint = Checkpoint.find(name, spec.get("revision"))
    parts, length = _parts(checkpoint.folder)
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=checkpoint.count_parameters(),
        input_size=None if length is None else (length,),
        preprocessing={"modules": parts, "max_length": length},
        weights=checkpoint.identify(),
        layer=f"sentence embedding; {PAIRS}",
        modality="text",
        load=partial(_load, checkpoint),
        licence=checkpoint.licence(),
        weights_here=bool(checkpoint.weight_files()),
    )


def _parts(folder: Path) -> tuple[list[JSON], int | None]:
    """Return the modules of a model, and how many tokens it reads at most."""
    with failing(f"{str(folder)!r} could not be read as a model of sentence-transformers"):
        listed = json.loads((folder / "modules.json").read_text("utf-8"))
        kinds = [str(part["type"]) for part in listed]
        settings = folder / listed[0]["path"] / "sentence_bert_config.json"
        said = json.loads(settings.read_text("utf-8")) if settings.is_file() else {}
    # Others would be imported from the folder, or from anywhere.
    if foreign := [kind for kind in kinds if not kind.startswith("sentence_transformers.")]:
        raise ModelFailed(f"its module {foreign[0]} is code of its own, which is not run")
    return [kind.rpartition(".")[2] for kind in kinds], said.get("max_seq_length")


def _load(checkpoint: Checkpoint, device: str) -> Encoder:
    folder = checkpoint.fetch_weights()
    with failing("its weights could not be loaded"), modules.building(0), quiet():
        model: Any = sentence_transformers.SentenceTransformer(
            str(folder), device=device, trust_remote_code=False, local_files_only=True
        )
        model.float().eval()
    return _SentenceEncoder(model)


class _SentenceEncoder(TextEncoder):
    """A model of sentence-transformers, whose weights can be trained.

    Parameters
    ----------
    model : SentenceTransformer
    """

    def __init__(self, model: Any) -> None:
        super().__init__(partial(_embed, model))
        self._model = model

    @property
    def module(self) -> Any:
        """The model."""
        return self._model

    def features(self, batch: NDArray[Any]) -> Any:
        """Embed texts of shape (batch,), or pairs of shape (batch, 2), with gradients."""
        if batch.ndim == 1:
            return self._embedded(batch.tolist())
        first, second = (self._embedded(texts) for texts in batch.T.tolist())
        return torch.cat([first, second, (first - second).abs()], dim=1)

    def _embedded(self, texts: list[str]) -> Any:
        model = self._model
        prompt = model.prompts.get(model.default_prompt_name)
        tokens = model.preprocess(texts, prompt=prompt)
        on_device = {
            name: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for name, value in tokens.items()
        }
        return model(on_device)["sentence_embedding"]


def _embed(model: Any, texts: list[str]) -> NDArray[Any]:
    return np.asarray(model.encode(texts, batch_size=len(texts), show_progress_bar=False))
