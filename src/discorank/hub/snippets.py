"""The few lines that load a model for fine-tuning, in its own library.

Code is made of values by `repr` alone, so that a name is a string in it whatever it holds. Nothing
of another library is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from discorank.errors import InvalidInput
from discorank.hub.spec import Spec
from discorank.types import JSON, Modality, Task

__all__ = ["Loading", "snippet"]


@dataclass(frozen=True)
class Loading:
    """What is known of a model that is to be fine-tuned.

    Attributes
    ----------
    model : str
        Its resolved spec.
    modality : {"image", "text", "audio", "features"}
    layer : str
        What is taken as features, as a candidate says it.
    preprocessing : mapping
        As a candidate says it.
    task : {"classification", "multilabel", "regression", "detection"}
    n_outputs : int
        Of the new head: classes, labels or targets.
    """

    model: str
    modality: Modality
    layer: str
    preprocessing: Mapping[str, JSON]
    task: Task
    n_outputs: int

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Loading:
        """Take it from the record of a ranked model."""
        return cls(**{field.name: model[field.name] for field in fields(cls)})


def snippet(loading: Loading) -> str:
    """Return Python code that loads a model with its own preprocessing and a new head.

    Parameters
    ----------
    loading : Loading

    Returns
    -------
    code : str
        A few lines that end with a newline.

    Raises
    ------
    InvalidInput
        If there is no model to load: the features came from a file.
    """
    spec = Spec.parse(loading.model)
    if spec.scheme not in _WRITERS:
        raise InvalidInput(
            f"{loading.model!r} is no model that could be loaded, but {spec.scheme} in a file; "
            "take the model that made them"
        )
    notes = []
    if spec.get("pretrained") == "false":
        notes.append("# These weights are random: the model is a control, not one to fine-tune.")
    if loading.task == "detection":
        notes.append("# For boxes, hand the trunk of this model to a detector of your choice.")
    return "\n".join([*notes, _WRITERS[spec.scheme](spec, loading).strip()]) + "\n"


def _timm(spec: Spec, loading: Loading) -> str:
    arguments = [repr(spec.name)]
    checkpoint = spec.get("checkpoint")
    if checkpoint is not None:
        source: dict[str, JSON] = {"file": checkpoint}
        if (classes := spec.integer("num_classes", minimum=1)) is not None:
            source["num_classes"] = classes
        arguments.append(f"pretrained=True, pretrained_cfg_overlay={source!r}")
    else:
        arguments.append(f"pretrained={spec.flag('pretrained', default=True)}")
    return f"""
import timm
from timm.data import create_transform, resolve_model_data_config

model = timm.create_model({", ".join(arguments)}, num_classes={loading.n_outputs})
config = resolve_model_data_config(model)
train_transform = create_transform(**config, is_training=True)
preprocess = create_transform(**config, is_training=False)
"""


def _torchvision(spec: Spec, loading: Loading) -> str:
    # Their second classifier is for training from scratch.
    options = ", aux_logits=False" if spec.name in ("googlenet", "inception_v3") else ""
    checkpoint = spec.get("checkpoint")
    restore = ""
    if checkpoint is not None:
        classes = spec.get("num_classes") or 'len(weights.meta["categories"])'
        model = f"models.get_model({spec.name!r}, num_classes={classes}{options})"
        restore = f"\nmodel.load_state_dict(torch.load({checkpoint!r}, weights_only=True))"
    elif spec.flag("pretrained", default=True):
        model = f"models.get_model({spec.name!r}, weights=weights{options})"
    else:
        model = f"models.get_model({spec.name!r}{options})"
    head = loading.layer.removeprefix("input of ")
    new = f"nn.Linear(old.in_features, {loading.n_outputs})"
    if spec.name.startswith("squeezenet"):
        new = f"nn.Conv2d(old.in_channels, {loading.n_outputs}, kernel_size=1)"
    return f"""
{"import torch" if restore else ""}
from torch import nn
from torchvision import models

weights = models.get_model_weights({spec.name!r})[{spec.get("weights")!r}]
model = {model}{restore}
old = model.get_submodule({head!r})
model.set_submodule({head!r}, {new})
preprocess = weights.transforms()
"""


def _transformers(spec: Spec, loading: Loading) -> str:
    reader, purpose = {
        "image": ("AutoImageProcessor", "AutoModelForImageClassification"),
        "text": ("AutoTokenizer", "AutoModelForSequenceClassification"),
        "audio": ("AutoFeatureExtractor", "AutoModelForAudioClassification"),
    }[loading.modality]
    revision = spec.get("revision")
    where = repr(spec.name) + ("" if revision is None else f", revision={revision!r}")
    options = f"num_labels={loading.n_outputs}"
    problem = {"multilabel": "multi_label_classification", "regression": "regression"}
    if loading.task in problem:
        options += f", problem_type={problem[loading.task]!r}"
    if spec.flag("pretrained", default=True):
        imports = [reader, purpose]
        model = f"{purpose}.from_pretrained({where}, {options}, ignore_mismatched_sizes=True)"
    else:
        imports = ["AutoConfig", reader, purpose]
        model = f"{purpose}.from_config(AutoConfig.from_pretrained({where}, {options}))"
    # The other backend resizes a little differently, and features were made with this one.
    backend = ', backend="pil"' if loading.modality == "image" else ""
    # What predicts the next token has no use for padding, and a classifier of it has.
    padding = (
        """
preprocess.pad_token = preprocess.pad_token or preprocess.eos_token
model.config.pad_token_id = preprocess.pad_token_id"""
        if loading.modality == "text" and loading.layer.endswith("last token")
        else ""
    )
    call = {
        "image": 'preprocess(images, return_tensors="pt")',
        "text": 'preprocess(texts, padding=True, truncation=True, return_tensors="pt")',
        "audio": (
            "preprocess(waveforms, sampling_rate=preprocess.sampling_rate, "
            'padding=True, return_tensors="pt")'
        ),
    }[loading.modality]
    return f"""
from transformers import {", ".join(sorted(imports))}

model = {model}
preprocess = {reader}.from_pretrained({where}{backend}){padding}
# model(**{call}).logits
"""


def _sentence_transformers(spec: Spec, loading: Loading) -> str:
    revision = spec.get("revision")
    where = repr(spec.name) + ("" if revision is None else f", revision={revision!r}")
    return f"""
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = SentenceTransformer({where})
        self.head = nn.Linear(self.encoder.get_embedding_dimension(), {loading.n_outputs})

    def forward(self, texts):
        inputs = self.encoder.preprocess(texts)
        inputs = batch_to_device(inputs, self.encoder.device)
        return self.head(self.encoder(inputs)["sentence_embedding"])


model = Classifier()
"""


def _open_clip(spec: Spec, loading: Loading) -> str:
    pretrained = spec.get("checkpoint") or spec.get("pretrained") or ""
    weights = "" if pretrained.lower() in ("", "false") else f", pretrained={pretrained!r}"
    # A CoCa tower returns its tokens beside, for its decoder.
    tokens = "clip.visual.output_tokens = False\n" if spec.name.startswith("coca") else ""
    return f"""
import open_clip
from torch import nn

clip, train_transform, preprocess = open_clip.create_model_and_transforms({spec.name!r}{weights})
{tokens}model = nn.Sequential(clip.visual, nn.Linear(clip.visual.output_dim, {loading.n_outputs}))
"""


def _keras(spec: Spec, loading: Loading) -> str:
    what, _, layer = loading.layer.partition(" of ")
    features = f"trunk.get_layer({layer!r}).{what}" if layer else "trunk.outputs[0]"
    return f"""
import keras
from discorank.hub import ImagePreprocessing
{_imports_of_path(spec)}
trunk = keras.saving.load_model({_path(spec)}, compile=False)
features = {features}
if len(features.shape) == 4:
    features = keras.layers.GlobalAveragePooling2D()(features)
model = keras.Model(trunk.inputs[0], keras.layers.Dense({loading.n_outputs})(features))
preprocess = {_image_preprocessing(loading)}
"""


def _python(spec: Spec, loading: Loading) -> str:
    module, _, factory = spec.name.partition(":")
    where, _, head = loading.layer.partition(" of ")
    plain = all(re.fullmatch(r"[^\W\d]\w*", part) for part in [*module.split("."), factory])
    if not plain or where not in ("input", "output") or (where == "output" and head):
        return _frozen(spec, loading)
    arguments = "" if spec.flag("pretrained", default=True) else "pretrained=False"
    if head:
        new = (
            f"old = model.get_submodule({head!r})\n"
            f"model.set_submodule({head!r}, nn.Linear(old.in_features, {loading.n_outputs}))"
        )
    else:
        new = f"model = nn.Sequential(model, nn.LazyLinear({loading.n_outputs}))"
    return f"""
from {module} import {factory}
from torch import nn

model, preprocess = {factory}({arguments})
{new}
"""


def _frozen(spec: Spec, loading: Loading) -> str:
    return f"""
# What this model is made of cannot be trained here: the head is trained on its features.
import numpy as np
from discorank.hub import resolve
from torch import nn

encoder = resolve({str(spec)!r}).load("cpu")


def features(items):
    collate = getattr(encoder, "collate", np.stack)
    return encoder.encode(collate([encoder.preprocess(item) for item in items])).features


model = nn.LazyLinear({loading.n_outputs})
"""


def _path(spec: Spec) -> str:
    """Return an expression for the file of a spec, which may lie in a package."""
    package, bang, inside = spec.name.partition("!")
    return f"files({package!r}) / {inside!r}" if bang else repr(spec.name)


def _imports_of_path(spec: Spec) -> str:
    return "from importlib.resources import files\n" if "!" in spec.name else ""


def _image_preprocessing(loading: Loading) -> str:
    arguments = (
        f"{name}={tuple(value) if isinstance(value, list) else value!r}"
        for name, value in loading.preprocessing.items()
    )
    return f"ImagePreprocessing({', '.join(arguments)})"


_WRITERS: Mapping[str, Callable[[Spec, Loading], str]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "transformers": _transformers,
    "sentence-transformers": _sentence_transformers,
    "open_clip": _open_clip,
    "onnx": _frozen,
    "keras": _keras,
    "python": _python,
}
