"""``torchvision:NAME``: classifiers of torchvision, with published, local or random weights.

Features are what enters the last layer of the classifier, and the source logits what the model
returns. ``weights=IMAGENET1K_V2`` chooses among a model's published weights; preprocessing and
architecture (the resolution of a vision transformer, the input scaling of Inception) are those of
these weights, also where a local checkpoint or random weights take their place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision import models

from discorank.errors import UnknownName
from discorank.hub import modules
from discorank.hub.adapter import failing
from discorank.hub.images import ImageTransform
from discorank.hub.maps import Canvas, Maps, last_map
from discorank.hub.spec import Spec, did_you_mean
from discorank.hub.weights import WEIGHTS_OPTIONS, WeightsChoice, in_torch_cache
from discorank.types import JSON, Candidate, Encoder

__all__ = ["names", "resolve", "resolve_maps"]

# Their auxiliary classifiers help in training only; they are left out, and so are their weights.
_WITH_AUXILIARY = ("googlenet", "inception_v3")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
# The published DenseNets still have the layer names of torch 0.3, ``norm.1`` for ``norm1``.
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def names() -> Collection[str]:
    """List the classification models of torchvision."""
    return list(models.list_models(module=models))


def resolve(spec: Spec) -> Candidate:
    """Describe a torchvision classifier without loading its weights.

    Raises
    ------
    UnknownName
        If torchvision has no such classifier, or no such weights for it.
    InvalidInput
        If an option is wrong.
    ModelFailed
        If a local checkpoint does not exist.
    """
    published, weights = _checked(spec)
    transform = published.transforms()
    module = _weightless(spec.name, published, weights)
    layer = _classifier(module)
    options = {**dict(spec.options), "weights": published.name}
    return Candidate(
        name=str(Spec(spec.scheme, spec.name, tuple(sorted(options.items())))),
        source=spec.scheme,
        parameters=modules.count_parameters(module),
        input_size=(3, transform.crop_size[0], transform.crop_size[0]),
        preprocessing=_describe(transform),
        weights=weights.identify(lambda: f"revision:{published.url.rpartition('/')[2]}"),
        layer=f"input of {layer}",
        modality="image",
        source_accuracy=_accuracy(published) if weights.published else None,
        load=partial(_load, spec.name, published, weights, layer),
        weights_here=not weights.published or in_torch_cache(published.url),
    )


def resolve_maps(spec: Spec) -> Candidate:
    """Describe a torchvision classifier that gives the feature maps before its classifier.

    Raises
    ------
    ModelFailed
        If it has none: a vision transformer.
    """
    published, weights = _checked(spec)
    transform, size = published.transforms(), published.transforms().crop_size[0]
    kept = min(1.0, size / transform.resize_size[0])
    module = _weightless(spec.name, published, weights)
    found = last_map(module, (3, size, size), before=_classifier(module))
    canvas = Canvas(ImageTransform(transform), (size, size), kept)
    maps = Maps.of(module, canvas, found)
    load = partial(_module, spec.name, published, weights)
    return maps.of_candidate(resolve(spec), f"output of {found.layer}", load)


def _checked(spec: Spec) -> tuple[Any, WeightsChoice]:
    """Return the published weights that a spec means, and those that were chosen."""
    spec.require_known({*WEIGHTS_OPTIONS, "weights"})
    if spec.name not in names():
        raise UnknownName(
            f"torchvision has no classifier {spec.name!r}{did_you_mean(spec.name, names())}"
        )
    weights = WeightsChoice.of(spec)
    return _published(spec), weights


def _weightless(name: str, published: Any, weights: WeightsChoice) -> nn.Module:
    with failing("the model could not be built"):
        return modules.weightless(partial(_build, name, published, weights.num_classes))


def _classifier(module: nn.Module) -> str:
    return str(modules.find_classifier(module, nn.Linear, nn.Conv2d))


def _published(spec: Spec) -> Any:
    """Return the member of the model's weights enumeration that the spec means."""
    known = models.get_model_weights(spec.name)
    wanted = spec.get("weights") or known.DEFAULT.name
    if wanted not in known.__members__:
        raise UnknownName(
            f"torchvision:{spec.name} has no weights {wanted!r}; "
            f"it has {', '.join(known.__members__)}"
        )
    return known[wanted]


def _describe(transform: Any) -> dict[str, JSON]:
    return {
        "resize": transform.resize_size[0],
        "crop": transform.crop_size[0],
        "interpolation": transform.interpolation.value,
        "antialias": transform.antialias,
        "mean": list(transform.mean),
        "std": list(transform.std),
    }


def _accuracy(published: Any) -> float | None:
    """Return the published top-1 accuracy on ImageNet, in percent."""
    accuracy: float | None = published.meta["_metrics"].get("ImageNet-1K", {}).get("acc@1")
    return accuracy


def _build(
    name: str, published: Any, num_classes: int | None = None, *, random: bool = False
) -> nn.Module:
    """Build the architecture that published weights belong to.

    The two models with auxiliary classifiers take long to draw random weights; they do so only if
    these are wanted.
    """
    options: dict[str, Any] = {"num_classes": num_classes or len(published.meta["categories"])}
    if name in _WITH_AUXILIARY:
        options |= {"aux_logits": False, "transform_input": True, "init_weights": random}
    if name.startswith("vit_"):
        options["image_size"] = published.meta["min_size"][0]
    module: nn.Module = models.get_model(name, weights=None, **options)
    return module


def _load(name: str, published: Any, weights: WeightsChoice, layer: str, device: str) -> Encoder:
    module = _module(name, published, weights)
    transform = ImageTransform(published.transforms())
    return modules.ModuleEncoder(module, transform, modules.Classifier(layer), device)


def _module(name: str, published: Any, weights: WeightsChoice) -> nn.Module:
    def restored(state: dict[str, Tensor]) -> nn.Module:
        module = _build(name, published, weights.num_classes)
        module.load_state_dict(
            {
                _OLD_DENSENET.sub(r"\1\2", key): value
                for key, value in state.items()
                if not key.startswith(_AUXILIARY)
            }
        )
        return module

    options = {"aux_logits": False} if name in _WITH_AUXILIARY else {}
    return modules.load_module(
        weights,
        random=partial(_build, name, published, random=True),
        restored=restored,
        published=partial(models.get_model, name, weights=published, progress=False, **options),
    )
