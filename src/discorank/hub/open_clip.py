"""``open_clip:MODEL?pretrained=TAG``: image towers of OpenCLIP.

``pretrained=TAG`` are published weights, ``checkpoint=FILE`` those of a file of the whole model,
and ``pretrained=false`` random ones, with ``seed=N``. Features are what ``encode_image`` returns
before it is normalised.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, cast

import open_clip
from torch import Tensor, nn

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import modules
from discorank.hub.adapter import failing
from discorank.hub.images import ImageTransform
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import WeightsChoice, in_hub_cache
from discorank.types import Candidate, Encoder

__all__ = ["names", "resolve"]


def names() -> Collection[str]:
    """List the models that OpenCLIP has a configuration of."""
    known: list[str] = open_clip.list_models()
    return known


def resolve(spec: Spec) -> Candidate:
    """Describe the image tower of a model of OpenCLIP without loading its weights.

    Raises
    ------
    UnknownName
        If there is no such model, or no such weights for it.
    InvalidInput
        If an option is wrong, or none says which weights are meant.
    ModelFailed
        If a local checkpoint does not exist.
    """
    spec.require_known({"checkpoint", "pretrained", "seed"})
    if spec.name not in names():
        raise UnknownName(f"open_clip has no model {spec.name!r}{did_you_mean(spec.name, names())}")
    tag = spec.get("pretrained")
    tag = None if tag is None or tag.lower() == "false" else tag
    options = tuple(pair for pair in spec.options if tag is None or pair[0] != "pretrained")
    weights = WeightsChoice.of(replace(spec, options=options))
    published = _published(spec, tag) if tag is not None or weights.published else None
    build = partial(
        open_clip.create_model,
        spec.name,
        pretrained=None,
        load_weights=False,
        pretrained_text=False,
    )
    with failing("the model could not be built"):
        tower = modules.weightless(partial(build, device="meta")).visual
    preprocessing = {**tower.preprocess_cfg, **(published or {})}
    return Candidate(
        name=str(spec),
        source=spec.scheme,
        parameters=modules.count_parameters(tower),
        input_size=(3, *preprocessing["size"]),
        preprocessing=preprocessing,
        weights=weights.identify(lambda: f"revision:open_clip/{spec.name}/{tag}"),
        layer="encode_image",
        modality="image",
        load=partial(_load, build, preprocessing, weights, tag),
        weights_here=tag is None or _is_here(open_clip.get_pretrained_cfg(spec.name, tag)),
    )


def _is_here(known: dict[str, Any]) -> bool:
    repository = known.get("hf_hub", "").rstrip("/")
    files = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
    return bool(repository) and in_hub_cache(repository, files)


def _published(spec: Spec, tag: str | None) -> dict[str, Any]:
    """Return how images are prepared for published weights."""
    tags = open_clip.list_pretrained_tags_by_model(spec.name)
    if tag is None:
        raise InvalidInput(
            f"{str(spec)!r}: say which weights: pretrained= one of {', '.join(tags) or 'none'}, "
            "checkpoint=FILE, or pretrained=false for random ones"
        )
    if spec.get("checkpoint") is not None:
        raise InvalidInput(f"{str(spec)!r}: checkpoint and pretrained exclude each other")
    if tag not in tags:
        raise UnknownName(
            f"open_clip:{spec.name} has no weights {tag!r}; it has {', '.join(tags) or 'none'}"
        )
    known = open_clip.get_pretrained_cfg(spec.name, tag)
    return {
        key: known[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in known
    }


def _load(
    build: Any, preprocessing: dict[str, Any], weights: WeightsChoice, tag: str | None, device: str
) -> Encoder:
    def restored(state: dict[str, Tensor]) -> nn.Module:
        model = cast("nn.Module", build())
        model.load_state_dict(state)
        return model

    whole: Any = modules.load_module(
        weights,
        random=build,
        restored=restored,
        published=partial(build, pretrained=tag, load_weights=True),
    )
    transform = open_clip.image_transform(
        preprocessing["size"],
        is_train=False,
        **{key: preprocessing[key] for key in ("mean", "std", "interpolation", "resize_mode")},
    )
    return modules.ModuleEncoder(whole.visual, ImageTransform(transform), _forward, device)


def _forward(tower: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    returned = tower(images)
    # CoCa's towers return their tokens beside.
    return returned[0] if isinstance(returned, tuple) else returned, None
