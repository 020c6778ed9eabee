"""How the time of `disco_score` grows with samples, features, classes and groups."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.measure import best_seconds, planted_features
from discorank import disco_score

FIGURE = Path(__file__).parents[1] / "docs" / "growth.svg"
BASE = {"n_samples": 8_000, "n_features": 1_024, "n_classes": 100, "n_groups": 8}
SWEEPS: dict[str, tuple[int, ...]] = {
    "n_samples": (4_000, 8_000, 16_000, 32_000, 64_000),
    "n_features": (512, 1_024, 2_048, 4_096),
    "n_classes": (10, 100, 1_000, 4_000),
    "n_groups": (1, 4, 16, 64),
}
LABELS = {
    "n_samples": "samples N",
    "n_features": "features d",
    "n_classes": "classes C",
    "n_groups": "groups G",
}


def main() -> None:
    print("growth of disco_score: " + ", ".join(f"{k}={v:,}" for k, v in BASE.items()))
    figure = Figure(figsize=(11, 3), layout="constrained")
    for axes, (name, values) in zip(
        figure.subplots(1, 4, sharey=True), SWEEPS.items(), strict=True
    ):
        seconds = [_seconds(**{**BASE, name: value}) for value in values]
        # The slope between the two largest: what a larger problem will grow by.
        slope = np.log(seconds[-1] / seconds[-2]) / np.log(values[-1] / values[-2])
        print(
            f"{LABELS[name]:12} "
            + "  ".join(f"{v:,}: {s:.3f} s" for v, s in zip(values, seconds, strict=True))
            + f"   slope {slope:.2f}",
            flush=True,
        )
        axes.loglog(values, seconds, "o-", color="#1f5fa8")
        axes.set_title(f"{LABELS[name]}: slope {slope:.2f}", loc="left", fontsize=10)
        axes.set_xlabel(LABELS[name])
        axes.set_xticks(values, [f"{value:,}" for value in values], fontsize=7)
        axes.set_xticks([], minor=True)
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("seconds")
    figure.savefig(FIGURE, metadata={"Date": None})
    print(f"drawn into docs/{FIGURE.name}")


def _seconds(n_samples: int, n_features: int, n_classes: int, n_groups: int) -> float:
    X, y = planted_features(n_samples, n_features, n_classes)
    run: partial[Any] = partial(disco_score, X, y, n_groups=n_groups)
    run()
    return best_seconds(run, rounds=3)[0]
