"""``timm:NAME``: models of timm, with weights from its hub, from a file, or random.

Features are what enters the classifier, by timm's own ``forward_head(pre_logits=True)``; the source
logits come from the same run of the trunk. The preprocessing is the one timm records for this
checkpoint. A checkpoint of one's own is read as if it were the published one, of the same
architecture and preprocessing; where it has another number of classes, ``num_classes=N`` says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
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
from discorank.hub.maps import Canvas, Maps
from discorank.hub.query import Query
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import (
    WEIGHTS_OPTIONS,
    WeightsChoice,
    in_hub_cache,
    in_torch_cache,
)
from discorank.types import Candidate, Encoder

__all__ = ["names", "resolve", "resolve_maps", "search"]

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
    model = _Model.of(spec)
    weights, config = model.weights, model.config
    return Candidate(
        name=str(Spec(spec.scheme, model.name, spec.options)),
        source=spec.scheme,
        parameters=modules.count_parameters(model.weightless()),
        input_size=tuple(model.data["input_size"]),
        preprocessing=model.data,
        weights=weights.identify(partial(_published, config)),
        layer="forward_head(pre_logits=True)",
        modality="image",
        load=partial(_load, model),
        licence=config.license if weights.published else None,
        weights_here=not weights.published or _is_here(config),
    )


def resolve_maps(spec: Spec) -> Candidate:
    """Describe a timm model that gives feature maps, by its ``forward_features``.

    Raises
    ------
    ModelFailed
        If what it returns is no map: neither space nor tokens of a grid of patches.
    """
    model = _Model.of(spec)
    size, kept = model.data["input_size"][1:], model.data["crop_pct"]
    maps = Maps.of(model.weightless(), Canvas(model.transform(), size, kept), _map)
    return maps.of_candidate(resolve(spec), "forward_features", model.load)


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


@dataclass(frozen=True)
class _Model:
    """An architecture with the weights that were chosen, and the preprocessing of the checkpoint.

    Attributes
    ----------
    name : str
    config : PretrainedCfg
        Of the published checkpoint.
    data : mapping
        What timm records of its preprocessing.
    weights : WeightsChoice
    """

    name: str
    config: Any
    data: dict[str, Any]
    weights: WeightsChoice

    @classmethod
    def of(cls, spec: Spec) -> _Model:
        """Look a spec up."""
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
        return cls(name, config, data, weights)

    def transform(self) -> ImageTransform:
        """Return the preprocessing."""
        return ImageTransform(create_transform(**self.data, is_training=False))

    def weightless(self) -> nn.Module:
        """Build it without memory for its weights."""
        build = partial(timm.create_model, self.name, num_classes=self.weights.num_classes)
        with failing("the model could not be built"):
            return modules.weightless(build)

    def load(self) -> nn.Module:
        """Build it with its weights."""
        return modules.load_module(
            self.weights,
            random=partial(timm.create_model, self.name),
            restored=self._restored,
            published=partial(timm.create_model, self.name, pretrained=True),
        )

    def _restored(self, state: dict[str, Tensor]) -> nn.Module:
        # Handed to timm in place of the download, so that timm's own conversions apply to it.
        classes = self.weights.num_classes or self.config.num_classes
        model: Any = timm.create_model(
            self.name,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": state, "num_classes": classes},
            num_classes=classes,
        )
        model.pretrained_cfg = model.default_cfg = {}  # lets go of the state dict
        return cast("nn.Module", model)


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


def _load(model: _Model, device: str) -> Encoder:
    return modules.ModuleEncoder(model.load(), model.transform(), _forward, device)


def _forward(module: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
    model: Any = module
    trunk = model.forward_features(inputs)
    features = pooled(model.forward_head(trunk, pre_logits=True))
    return features, model.forward_head(trunk) if model.num_classes > 0 else None


def _map(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return what `forward_features` does as (batch, channels, height, width)."""
    model: Any = module
    features: Tensor = model.forward_features(inputs)
    if features.ndim == 4 and features.shape[1] != model.num_features == features.shape[3]:
        return features.permute(0, 3, 1, 2)
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    if features.ndim == 3 and grid is not None:
        patches = features[:, model.num_prefix_tokens :].mT
        if patches.shape[2] == grid[0] * grid[1]:
            return patches.reshape(*patches.shape[:2], *grid)
    return features
