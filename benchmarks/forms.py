"""The search for a better form of the score: on half the targets, then on the others and controls.

Forms are compared by their mean τ_w on five of MiniHub's targets (the first, third, ...), looked at
on the four others, and held against controls: networks that were never trained, beside ImageNet
models, on real images. A form that puts a control above a trained network is no default.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import weightedtau

from benchmarks.backbones import feature_files
from discorank.benchmark import load_suite
from discorank.scoring.disco import disco
from discorank.scoring.probe import Probe
from discorank.scoring.registry import Scorer, get_scorer

_Value = Callable[[Probe], float]

TRAINED = [
    f"python:discorank.hub.offline:efficientnet_lite{size}?name=lite{size}" for size in range(3)
]
UNTRAINED = [
    "python:discorank.hub.offline:efficientnet_lite0?pretrained=false&name=lite0-random",
    *(
        f"torchvision:{name}?pretrained=false&name={name}-random"
        for name in ("resnet18", "mobilenet_v3_small", "shufflenet_v2_x1_0")
    ),
    *(
        f"timm:{name}?pretrained=false&name={name}-random"
        for name in ("vit_tiny_patch16_224", "convnext_atto", "regnety_002")
    ),
]
CONTROLLED, N_CONTROLLED = ("digits", "mnist5k"), 250


@dataclass(frozen=True)
class Form:
    """A form of the DISCO score.

    Attributes
    ----------
    options : mapping
        Of `discorank.disco_score`.
    power : float
        Of the singular values in their ratios; 1 as published, 0 counts triplets.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    power: float = 1.0

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.options.items()]
        if self.power != 1.0:
            words.append(f"power={self.power:g}")
        return ", ".join(words) or "as published"

    def __call__(self, probe: Probe) -> float:
        """Score a probe."""
        components = disco(probe, **self.options).components
        weights = np.array([np.sum(one.singular_values**self.power) for one in components])
        return float(weights @ [one.ncc for one in components] / weights.sum())


FORMS = (
    Form(),
    Form({"loo": True}),
    *(
        Form({"covariance": covariance, "loo": loo})
        for covariance in ("shared", "class")
        for loo in (False, True)
    ),
    *(
        Form({"row_norm": norm, "loo": loo})
        for norm in (5, 10, 20, 30, 50, 100)
        for loo in (False, True)
    ),
    *(Form({"row_norm": 30, "n_groups": n_groups}) for n_groups in (1, 4, 16)),
    *(
        Form(options, power)
        for options in ({}, {"row_norm": 30}, {"covariance": "shared", "loo": True})
        for power in (0.0, 0.5, 1.5, 2.0)
    ),
    Form({"covariance": "shared", "row_norm": 30, "loo": True}),
)


def main() -> None:
    hub, controls = _hub(), _controls()
    print(f"{'form':44} {'five':>6} {'four':>6} {'all':>6} {'controls below':>15} {'lead':>6}")
    for name, score in _scores().items():
        tau = [_tau(_scored(probes, score), truth) for probes, truth in hub]
        leads = [lead for probes in controls for lead in _leads(_scored(probes, score))]
        below = f"{sum(lead > 0 for lead in leads)} of {len(leads)}"
        print(
            f"{name:44} {np.mean(tau[::2]):6.3f} {np.mean(tau[1::2]):6.3f} {np.mean(tau):6.3f} "
            f"{below:>15} {min(leads):6.2f}",
            flush=True,
        )


def _scores() -> dict[str, _Value]:
    """Return the forms, and two rivals."""
    rivals = ("logme", "linear-probe")
    return {
        **{str(form): form for form in FORMS},
        **{name: partial(_value, get_scorer(name, "classification")) for name in rivals},
    }


def _value(scorer: Scorer, probe: Probe) -> float:
    return scorer(probe).value


def _scored(probes: Mapping[str, Probe], score: _Value) -> dict[str, float]:
    return {name: score(probe) for name, probe in probes.items()}


def _hub() -> list[tuple[dict[str, Probe], Mapping[str, float]]]:
    return [
        ({name: Probe(Z, target.labels) for name, Z in target.features.items()}, target.finetuned)
        for target in load_suite("minihub").targets.values()
    ]


def _controls() -> list[dict[str, Probe]]:
    """Return for each target the probes of trained and untrained networks."""
    specs, found = [*TRAINED, *UNTRAINED], []
    for target in CONTROLLED:
        with tempfile.TemporaryDirectory() as folder:
            feature_files(specs, target, N_CONTROLLED, Path(folder))
            arrays = [np.load(Path(folder) / f"{place}.npz") for place in range(len(specs))]
            found.append(
                {
                    spec: Probe(array["features"], array["labels"])
                    for spec, array in zip(specs, arrays, strict=True)
                }
            )
    return found


def _leads(scores: Mapping[str, float]) -> list[float]:
    """How far each trained network is above each untrained one, in shares of the range."""
    span = max(scores.values()) - min(scores.values())
    return [(scores[a] - scores[b]) / span for a, b in itertools.product(TRAINED, UNTRAINED)]


def _tau(scores: Mapping[str, float], truth: Mapping[str, float]) -> float:
    return float(weightedtau([scores[model] for model in truth], list(truth.values()))[0])


if __name__ == "__main__":
    main()
