"""How many samples are enough: rankings of few samples against the ranking of many."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

import discorank
from benchmarks.backbones import feature_files

FIGURE = Path(__file__).parents[1] / "docs" / "pictures" / "samples.svg"
POOL, N_DRAWS = "pool:offline", 20
# From each target to the samples that decide who is the winner; None is all of them.
TARGETS: dict[str, int | None] = {"mnist5k": 1_600, "digits": None}
SIZES = (50, 100, 200, 400, 800)


class Found(NamedTuple):
    """What rankings of one size say, over the draws."""

    winner: float  # share whose first model is that of all samples
    shortlist: float  # share whose shortlist holds it
    listed: float  # models on the shortlist
    behind: float  # how far its first is behind the winner, in the score of all samples
    width: float  # of the interval of the first model
    score: float  # of the winner


def main() -> None:
    print(f"samples: {POOL}, {N_DRAWS} draws of each size against all samples")
    found = {target: curve(target, n_all) for target, n_all in TARGETS.items()}
    for target, rows in found.items():
        for size, row in zip(SIZES, rows, strict=True):
            print(
                f"{target:8} {size:4}: winner first in {row.winner:.0%}, on the shortlist in "
                f"{row.shortlist:.0%} (of {row.listed:.1f} models); first is {row.behind:.4f} "
                f"behind; interval ±{row.width / 2:.3f}; winner scores {row.score:.3f}"
            )
    draw(found)
    print(f"drawn into docs/pictures/{FIGURE.name}")


def curve(target: str, n_all: int | None) -> list[Found]:
    """Rank draws of each size."""
    with tempfile.TemporaryDirectory() as folder:
        specs = feature_files([POOL], target, n_all, Path(folder))
        file = Path(folder) / "0.npz"
        everything = discorank.rank(file, specs)
        scores = {model.model: model.score for model in everything.models}
        winner = everything.best.model
        return [
            _found(
                [
                    discorank.rank(file, specs, max_samples=size, random_state=draw)
                    for draw in range(N_DRAWS)
                ],
                winner,
                scores,
            )
            for size in SIZES
        ]


def _found(rankings: list[discorank.Ranking], winner: str, scores: dict[str, float]) -> Found:
    def mean(values: list[float]) -> float:
        return float(np.mean(values))

    own = [next(one.score for one in each.models if one.model == winner) for each in rankings]
    return Found(
        winner=mean([each.best.model == winner for each in rankings]),
        shortlist=mean([winner in {one.model for one in each.shortlist} for each in rankings]),
        listed=mean([len(each.shortlist) for each in rankings]),
        behind=mean([scores[winner] - scores[each.best.model] for each in rankings]),
        width=mean([(each.best.high or 0.0) - (each.best.low or 0.0) for each in rankings]),
        score=mean(own),
    )


def draw(found: dict[str, list[Found]]) -> None:
    """Draw what is found on few samples."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    shares, widths = figure.subplots(1, 2)
    for (target, rows), colour in zip(found.items(), ("#1f5fa8", "#b5541c"), strict=True):
        shares.plot(
            SIZES, [row.shortlist for row in rows], "o-", color=colour, label=f"{target}: shortlist"
        )
        shares.plot(
            SIZES, [row.winner for row in rows], "o--", color=colour, label=f"{target}: first"
        )
        widths.loglog(SIZES, [row.width for row in rows], "o-", color=colour, label=target)
    shares.set(xscale="log", ylim=(0, 1.03), ylabel="share of draws that hold the winner")
    widths.set(ylabel="width of the 95 % interval")
    widths.set_yticks([0.01, 0.02, 0.05, 0.1], ["0.01", "0.02", "0.05", "0.1"])
    for axes in (shares, widths):
        axes.set_xticks(SIZES, [str(size) for size in SIZES])
        axes.set_xticks([], minor=True)
        axes.set_yticks([], minor=True)
        axes.set_xlabel("samples (10 classes)")
        axes.grid(visible=True, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
