"""A million rows × 1,024 in float16 from a memory map: time, and memory of the process."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_SAMPLES, N_FEATURES, N_CLASSES = 1_000_000, 1_024, 100


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "benchmarks.streaming", folder, "make"], check=True)
        # A process of its own: the most memory it ever held is then that of scoring.
        subprocess.run([sys.executable, "-m", "benchmarks.streaming", folder, "score"], check=True)


def make(folder: Path) -> None:
    """Write features of `N_CLASSES` planted classes, a slice at a time."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_CLASSES, N_SAMPLES)
    np.save(folder / "labels.npy", labels)
    scale = np.arange(1, N_FEATURES + 1, dtype=np.float32) ** -0.5
    means = rng.standard_normal((N_CLASSES, N_FEATURES), dtype=np.float32) * scale**2
    file = np.lib.format.open_memmap(
        folder / "features.npy", "w+", np.float16, (N_SAMPLES, N_FEATURES)
    )
    for start in range(0, N_SAMPLES, 10_000):
        rows = slice(start, start + 10_000)
        noise = rng.standard_normal((10_000, N_FEATURES), dtype=np.float32)
        file[rows] = noise * scale + means[labels[rows]]
    file.flush()


def score(folder: Path) -> None:
    """Score the file, and print what it took."""
    from discorank import StreamingDisco

    labels = np.load(folder / "labels.npy")
    start = time.perf_counter()
    value = StreamingDisco().fit(folder / "features.npy", labels).score_
    seconds = time.perf_counter() - start
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"streaming, {N_SAMPLES:,} × {N_FEATURES:,} × {N_CLASSES}, float16, "
        f"{N_SAMPLES * N_FEATURES * 2 / 1e9:.1f} GB on disk\n"
        f"score {value:.4f} in {seconds:.0f} s, two passes; most resident memory of the process "
        f"{resident / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    {"make": make, "score": score}[sys.argv[2]](Path(sys.argv[1]))
