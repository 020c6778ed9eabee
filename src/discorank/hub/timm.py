"""``timm:NAME``: models of timm, with weights from its hub, from a file, or random.

``timm:FOLDER`` and ``timm:hf-hub:OWNER/NAME[@REVISION]`` are models that timm's `save_for_hf` and
`push_to_hf_hub` wrote, with their own architecture, classes and preprocessing; timm's spelling
``local-dir:FOLDER`` is understood as well.

Features are what enters the classifier, by timm's own ``forward_head(pre_logits=True)``; the source
logits come from the same run of the trunk. The preprocessing is the one timm records for this
checkpoint. A checkpoint of one's own is read as if it were the published one, of the same
architecture and preprocessing; where it has another number of classes, ``num_classes=N`` says so.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import timm
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from timm.models import PretrainedCfg
from torch import Tensor, nn

from discorank.errors import InvalidInput, UnknownName
from discorank.hub import modules
from discorank.hub.adapter import failing, pooled
from discorank.hub.checkpoint import Checkpoint
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
# To count the parameters of a model it is built, without its weights; that many take seconds.
_MANY = 50

logger = logging.getLogger(__name__)


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
    weights = model.weights
    return Candidate(
        name=str(Spec(spec.scheme, model.canonical, spec.options)),
        source=spec.scheme,
        parameters=modules.count_parameters(model.weightless()),
        input_size=tuple(model.data["input_size"]),
        preprocessing=model.data,
        weights=model.identify(),
        layer="forward_head(pre_logits=True)",
        modality="image",
        load=partial(_load, model),
        licence=model.licence() if weights.published else None,
        weights_here=not weights.published or model.is_here(),
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
    found: dict[str, tuple[str, int]] = {}
    for name in timm.list_models(pretrained=True):
        architecture, _, tag = name.partition(".")
        config: Any = timm.get_pretrained_cfg(name)
        if (
            query.holds("name", architecture)
            and query.holds("tag", tag)
            and query.holds("input", max(config.input_size[1:]))
        ):
            found[name] = (architecture, config.num_classes)
    if not query.asks("params"):
        return [Spec("timm", name) for name in found]
    if (n_built := len({*found.values()})) > _MANY:
        logger.warning(
            "counting the parameters of %d models, which takes minutes; name=... asks for fewer",
            n_built,
        )
    return [
        Spec("timm", name)
        for name, built in found.items()
        if query.holds("params", _parameters(*built))
    ]


@dataclass(frozen=True)
class _Model:
    """An architecture with the weights that were chosen, and the preprocessing of the checkpoint.

    Attributes
    ----------
    name : str
        As timm takes it.
    config : PretrainedCfg
        Of the published checkpoint.
    data : mapping
        What timm records of its preprocessing.
    weights : WeightsChoice
    checkpoint : Checkpoint, optional
        The folder that it is in; None for a name of timm's list.
    """

    name: str
    config: Any
    data: dict[str, Any]
    weights: WeightsChoice
    checkpoint: Checkpoint | None = None

    @classmethod
    def of(cls, spec: Spec) -> _Model:
        """Look a spec up."""
        spec.require_known(WEIGHTS_OPTIONS)
        weights = WeightsChoice.of(spec)
        if place := _place(spec.name):
            return cls._in_folder(Checkpoint.find(*place), weights)
        config = _pretrained_config(spec)
        if weights.published and not config.has_weights:
            raise InvalidInput(
                f"{str(spec)!r}: timm publishes no weights for it; give your own with "
                "checkpoint=FILE, or take random ones with pretrained=false"
            )
        name = f"{config.architecture}.{config.tag}" if config.tag else config.architecture
        data = resolve_data_config(pretrained_cfg=config.to_dict())  # type: ignore[no-untyped-call]  # timm's
        return cls(name, config, data, weights)

    @classmethod
    def _in_folder(cls, checkpoint: Checkpoint, weights: WeightsChoice) -> _Model:
        """Read what the ``config.json`` of a folder says of its model."""
        name = f"local-dir:{checkpoint.folder}"
        with failing(f"the config.json of {checkpoint.name!r} describes no model of timm"):
            built: Any = modules.weightless(partial(timm.create_model, name))
            config = built.pretrained_cfg
            data = resolve_data_config(pretrained_cfg=config)  # type: ignore[no-untyped-call]  # timm's
        return cls(
            name, PretrainedCfg(num_classes=config["num_classes"]), data, weights, checkpoint
        )

    @property
    def canonical(self) -> str:
        """The name that specs have."""
        if self.checkpoint is None:
            return self.name
        if self.checkpoint.revision is None:
            return f"local-dir:{self.checkpoint.name}"
        return f"hf-hub:{self.checkpoint.name}@{self.checkpoint.revision}"

    def identify(self) -> str:
        """Return what identifies the weights."""
        if self.checkpoint is not None and self.weights.checkpoint is None:
            return self.checkpoint.identify(self.weights.seed)
        return self.weights.identify(partial(_published, self.config))

    def licence(self) -> str | None:
        """Return the licence of the published weights."""
        if self.checkpoint is not None:
            return self.checkpoint.licence()
        return cast("str | None", self.config.license)

    def is_here(self) -> bool:
        """Say whether the published weights are on this machine."""
        if self.checkpoint is not None:
            return bool(self.checkpoint.weight_files())
        return _is_here(self.config)

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
        if self.checkpoint is not None and self.weights.published:
            self.checkpoint.fetch_weights()
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


def _place(name: str) -> tuple[str, str | None] | None:
    """Return the folder, or the repository and its revision, that a name means; None if neither."""
    source, colon, rest = name.partition(":")
    if colon and source in ("local-dir", "hf-hub"):
        if source == "local-dir":
            return rest, None
        repository, _, revision = rest.partition("@")
        return repository, revision or None
    is_path = "/" in name or "!" in name or Path(name).is_dir()
    return (name, None) if is_path else None


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
