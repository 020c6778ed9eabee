"""``transformers:NAME_OR_FOLDER``: models of images, texts or recordings, by transformers.

The name is a folder that ``save_pretrained`` wrote, or a repository of the hub. What the model
reads is told by its configuration, and prepared by its own image processor, tokenizer or feature
extractor. Code that comes with a checkpoint is never run. Options:

====================  =============================================================================
``layer=WHICH``       ``last``: what the model returns, its last norm included. A number: that
                      hidden state, of which 0 are the embeddings and negative ones count from the
                      end. ``mean``: of all hidden states. ``all``: one candidate for each of them.
``pooling=HOW``       ``cls``: the first token. ``mean``: over tokens or space, without padding.
                      ``last``: the last token. ``pooler``: the model's own pooler.
``revision=COMMIT``   Branch, tag or commit of the repository.
``pretrained=false``  Random weights, with ``seed=N``.
====================  =============================================================================

By default, an image classifier gives what enters its classifier; an image tower (of CLIP, SigLIP)
what its pooler gives; another image model its class token, or the mean if it has none; a text model
that predicts the next token its last token; any other text model, and every audio model, the mean.
The source logits are those of image classifiers. Of an encoder-decoder, the encoder is taken.

Recordings are never padded, since models that normalise over time would see it; those of one length
run together.
"""

from __future__ import annotations

from functools import partial
from typing import get_args

from discorank.hub import modules
from discorank.hub.adapter import failing
from discorank.hub.checkpoint import Checkpoint
from discorank.hub.spec import Spec
from discorank.hub.transformers.inputs import INPUTS, Inputs
from discorank.hub.transformers.model import Model, quiet
from discorank.hub.transformers.reading import Pooling, Reading
from discorank.hub.weights import WeightsChoice
from discorank.types import Candidate, Encoder

__all__ = ["expand", "resolve"]

_OPTIONS = frozenset({"layer", "pooling", "pretrained", "revision", "seed"})


def resolve(spec: Spec) -> Candidate:
    """Describe a model of transformers without loading its weights.

    Raises
    ------
    InvalidInput
        If an option is wrong, or the model has no such layer.
    ModelFailed
        If the checkpoint cannot be had or read.
    """
    spec.require_known(_OPTIONS)
    weights = WeightsChoice.of(spec)
    pooling = spec.choice("pooling", get_args(Pooling))
    checkpoint = Checkpoint.find(spec.name, spec.get("revision"))
    with quiet():
        model = Model.of(checkpoint)
        reading = Reading.of(spec, model, pooling)
        with failing("the model could not be built"):
            module = modules.weightless(model.build)
        reading = reading.completed(model, module)
        inputs = INPUTS[model.kind](model)
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=modules.count_parameters(module),
        input_size=inputs.input_size(),
        preprocessing=inputs.describe(),
        weights=checkpoint.identify(weights.seed),
        layer=reading.describe(module),
        modality=model.kind,
        load=partial(_load, model, reading, inputs, weights),
        licence=checkpoint.licence() if weights.published else None,
        weights_here=not weights.published or bool(checkpoint.weight_files()),
    )


def expand(spec: Spec) -> list[Spec]:
    """Return one spec for each hidden state, the embeddings first, for ``layer=all``."""
    if spec.get("layer") != "all":
        return [spec]
    with quiet():
        model = Model.of(Checkpoint.find(spec.name, spec.get("revision")))
    options = dict(spec.options)
    return [
        Spec(
            spec.scheme,
            spec.name,
            tuple(sorted({**options, "layer": str(layer)}.items())),
            None if spec.alias is None else f"{spec.alias}[{layer}]",
        )
        for layer in range(model.n_states)
    ]


def _load(
    model: Model, reading: Reading, inputs: Inputs, weights: WeightsChoice, device: str
) -> Encoder:
    with quiet():
        if weights.seed is not None:
            with failing("the model could not be built"), modules.building(weights.seed):
                module = model.build()
        else:
            folder = model.checkpoint.fetch_weights()
            with failing("its weights could not be loaded"), modules.building(0):
                module = model.restore(folder, pooler=reading.pooling == "pooler")
    return inputs.encoder(module, reading, device)
