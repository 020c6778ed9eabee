"""What a race saves, and how often it keeps the winner: real backbones on real digits."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import discorank
from benchmarks.backbones import feature_files

POOL, TARGETS, N_SAMPLES, N_DRAWN, N_DRAWS = "pool:offline", ("digits", "mnist5k"), 3_000, 1_500, 50


def main() -> None:
    print(
        f"race: {POOL}, {N_DRAWS} draws of {N_DRAWN:,} samples; the winner is that of all samples"
    )
    for target in TARGETS:
        saved, kept, near = race(target)
        print(
            f"{target:10} saved {saved:.1%} of the samples; kept the winner in {kept:.0%} of the "
            f"draws, one of the shortlist of a plain ranking in {near:.0%}",
            flush=True,
        )


def race(name: str) -> tuple[float, float, float]:
    """Return shares: of samples saved, of winners kept, of winners in the plain shortlist."""
    saved, kept, near = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        specs = feature_files([POOL], name, N_SAMPLES, Path(folder))
        file = Path(folder) / "0.npz"
        for draw in range(N_DRAWS):
            plain, fast = (
                discorank.rank(file, specs, max_samples=N_DRAWN, random_state=draw, race=is_race)
                for is_race in (False, True)
            )
            seen = sum(model.n_samples for model in fast.models)
            saved.append(1.0 - seen / (len(specs) * N_DRAWN))
            kept.append(fast.best.model == plain.best.model)
            near.append(fast.best.model in {model.model for model in plain.shortlist})
    return float(np.mean(saved)), float(np.mean(kept)), float(np.mean(near))


if __name__ == "__main__":
    main()
