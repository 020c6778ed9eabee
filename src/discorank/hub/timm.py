"""``timm:NAME``: models of timm, with weights from its hub, from a file, or random.

Features are what enters the classifier, by timm's own ``forward_head(pre_logits=True)``; the source
logits come from the same run of the trunk. The preprocessing is the one timm records for this
checkpoint. A checkpoint of one's own is read as if it were the published one, of the same
architecture and preprocessing; where it has another number of classes, ``num_classes=N`` says so.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, partial
from typing import Any, cast

import timm
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import modules
from discorank.hub.adapter import failing, pooled
from discorank.hub.images import ImageTransform
from discorank.hub.query import Query
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import (
    WEIGHTS_OPTIONS,
    WeightsChoice,
    in_hub_cache,
    in_torch_cache,
)
from discorank.types import Candidate, Encoder

__all__ = ["names", "resolve", "search"]

# What timm looks for in a repository that does not say.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def names() -> Collection[str]:
    """List architectures, and ``architecture.tag`` for each published checkpoint."""
    return {*timm.list_models(), *timm.list_models(pretrained=True)}


def resolve(spec: Spec) -> Candidate:
    """Describe a timm model without loading its weights.

    Raises
    ------
    UnknownName
        If timm has no such architecture or checkpoint.
    InvalidInput
        If an option is wrong, or if there are no published weights and none are given.
    ModelFailed
        If a local checkpoint does not exist.
    """
    spec.require_known(WEIGHTS_OPTIONS)
    config = _pretrained_config(spec)
    weights = WeightsChoice.of(spec)
    if weights.published and not config.has_weights:
        raise InvalidInput(
            f"{str(spec)!r}: timm publishes no weights for it; give your own with "
            "checkpoint=FILE, or take random ones with pretrained=false"
        )
    name = f"{config.architecture}.{config.tag}" if config.tag else config.architecture
    data = resolve_data_config(pretrained_cfg=config.to_dict())  # type: ignore[no-untyped-call]
    build = partial(timm.create_model, name, num_classes=weights.num_classes)
    with failing("the model could not be built"):
        parameters = modules.count_parameters(modules.weightless(build))
    return Candidate(
        name=str(Spec(spec.scheme, name, spec.options)),
        source=spec.scheme,
        parameters=parameters,
        input_size=tuple(data["input_size"]),
        preprocessing=data,
        weights=weights.identify(partial(_published, config)),
        layer="forward_head(pre_logits=True)",
        modality="image",
        load=partial(_load, name, config, data, weights),
        licence=config.license if weights.published else None,
        weights_here=not weights.published or _is_here(config),
    )


def search(query: Query) -> list[Spec]:
    """Return the published checkpoints that meet a query; nothing is downloaded."""
    found = []
    for name in timm.list_models(pretrained=True):
        architecture, _, tag = name.partition(".")
        config: Any = timm.get_pretrained_cfg(name)
        if (
            query.holds("name", architecture)
            and query.holds("tag", tag)
            and query.holds("input", max(config.input_size[1:]))
            and (
                not query.asks("params")
                or query.holds("params", _parameters(architecture, config.num_classes))
            )
        ):
            found.append(Spec("timm", name))
    return found


@cache
def _parameters(architecture: str, num_classes: int) -> int:
    """Count the parameters of an architecture with a classifier of so many classes."""
    build = partial(timm.create_model, architecture, num_classes=num_classes)
    with failing(f"{architecture} could not be built"):
        return modules.count_parameters(modules.weightless(build))


def _pretrained_config(spec: Spec) -> Any:
    architecture = spec.name.partition(".")[0]
    if not timm.is_model(architecture):
        raise UnknownName(f"timm has no model {spec.name!r}{did_you_mean(spec.name, names())}")
    try:
        return timm.get_pretrained_cfg(spec.name, allow_unregistered=False)
    except RuntimeError:
        tags = timm.list_models(f"{architecture}.*", pretrained=True)
        raise UnknownName(
            f"timm has no checkpoint {spec.name!r}; it has {', '.join(tags) or architecture}"
        ) from None


def _published(config: Any) -> str:
    """Name the published weights: a repository of the hub, or a file whose name holds its hash."""
    if config.hf_hub_id:
        return "revision:" + "/".join(filter(None, (config.hf_hub_id, config.hf_hub_filename)))
    return f"revision:{str(config.url).rpartition('/')[2]}"


def _is_here(config: Any) -> bool:
    if not config.hf_hub_id:
        return in_torch_cache(config.url)
    files = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
    return in_hub_cache(config.hf_hub_id, files)


def _load(
    name: str, config: Any, data: dict[str, Any], weights: WeightsChoice, device: str
) -> Encoder:
    def restored(state: dict[str, Tensor]) -> nn.Module:
        # Handed to timm in place of the download, so that timm's own conversions apply to it.
        classes = weights.num_classes or config.num_classes
        model: Any = timm.create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": state, "num_classes": classes},
            num_classes=classes,
        )
        model.pretrained_cfg = model.default_cfg = {}  # lets go of the state dict
        return cast("nn.Module", model)

    module = modules.load_module(
        weights,
        random=partial(timm.create_model, name),
        restored=restored,
        published=partial(timm.create_model, name, pretrained=True),
    )
    transform = ImageTransform(create_transform(**data, is_training=False))
    return modules.ModuleEncoder(module, transform, _forward, device)


def _forward(module: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
    model: Any = module
    trunk = model.forward_features(inputs)
    features = pooled(model.forward_head(trunk, pre_logits=True))
    return features, model.forward_head(trunk) if model.num_classes > 0 else None
