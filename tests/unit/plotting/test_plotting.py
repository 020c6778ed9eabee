from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from discorank import InvalidInput, agreement, disco_score, spectral_change
from discorank.plotting import (
    plot_change,
    plot_component_scores,
    plot_groups,
    plot_ranking,
    plot_shares,
    plot_spectrum,
    plot_time,
    plot_truth,
    save_figure,
)
from discorank.ranking.result import RankedModel, Ranking

MakeModel = Callable[..., RankedModel]
MakeRanking = Callable[..., Ranking]

COMPONENTS = ({"ratio": 0.75, "ncc": 0.5}, {"ratio": 0.25, "ncc": 0.1})


@pytest.fixture
def ranking(make_ranking: MakeRanking, make_model: MakeModel) -> Ranking:
    return make_ranking(
        models=(
            make_model(components=COMPONENTS),
            make_model(rank=2, model="b", score=0.3, low=0.2, high=0.39, components=COMPONENTS),
        )
    )


def labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def points(ax: Axes, place: int = 0) -> list[tuple[float, float]]:
    line = ax.lines[place]
    return list(zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True))


def heights_of(ax: Axes) -> list[float]:
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [bar.get_height() for bar in bars]


def test_a_ranking_is_drawn_best_on_top(ranking: Ranking) -> None:
    ax = plot_ranking(ranking)
    assert labels(ax) == ["timm:resnet50.a1_in1k", "b"]
    bottom, top = ax.get_ylim()
    assert bottom > top
    assert points(ax, 0) == [(0.38, 0), (0.42, 0)]
    assert points(ax, 1) == [(0.4, 0)]
    assert points(ax, 3) == [(0.3, 1)]
    assert "95 % intervals" in ax.get_xlabel()


def test_axes_in_axes_out(ranking: Ranking) -> None:
    given = Figure().subplots()
    assert plot_ranking(ranking, ax=given) is given
    assert plot_spectrum(ranking.to_dict(), ax=given) is given
    assert plot_ranking(ranking).figure is not plot_ranking(ranking).figure


def test_a_ranking_without_intervals(make_ranking: MakeRanking, make_model: MakeModel) -> None:
    ax = plot_ranking(make_ranking(models=(make_model(low=None, high=None, p_best=None),)))
    assert len(ax.lines) == 1
    assert ax.get_xlabel() == "disco score"
    with pytest.raises(InvalidInput, match="no model was ranked"):
        plot_ranking(make_ranking(models=()))


def test_spectra_and_component_scores_of_a_ranking(ranking: Ranking) -> None:
    assert points(plot_spectrum(ranking)) == [(1, 0.75), (2, 0.25)]
    assert points(plot_component_scores(ranking), 1) == [(1, 0.5), (2, 0.1)]
    with pytest.raises(InvalidInput, match="term must be one of ncc, got 'lr'"):
        plot_component_scores(ranking, term="lr")


def test_spectra_of_one_score() -> None:
    rng = np.random.default_rng(0)
    result = disco_score(rng.standard_normal((60, 9)), np.arange(60) % 3, n_groups=3)
    ax = plot_spectrum(result)
    assert [y for _, y in points(ax)] == pytest.approx([one.ratio for one in result.components])
    assert ax.get_legend() is None


def test_what_has_no_components_is_refused(make_ranking: MakeRanking) -> None:
    with pytest.raises(InvalidInput, match="nothing here is made of spectral components"):
        plot_spectrum(make_ranking())
    with pytest.raises(InvalidInput, match="this figure is of a ranking"):
        plot_ranking({"rows": []})


def test_a_change_is_drawn_from_the_result_and_from_its_document() -> None:
    rng = np.random.default_rng(0)
    before = rng.standard_normal((40, 8))
    change = spectral_change(before, before + 0.1 * rng.standard_normal((40, 8)), n_groups=4)
    heights = heights_of(plot_change(change))
    assert heights == pytest.approx(change.change.tolist())
    columns = ("change", "ratio_before", "ratio_after")
    document = {
        "components": [
            {name: float(getattr(change, name)[g]) for name in columns} for g in range(4)
        ]
    }
    shares = heights_of(plot_shares(document))
    assert shares == pytest.approx([*change.ratio_before, *change.ratio_after])


def test_the_truth_is_named_with_its_agreement() -> None:
    scores = {"a": 0.1, "b": 0.2, "c": 0.4, "d": 0.3, "e": 1.0}
    finetuned = {"a": 60.0, "b": 70.0, "c": 90.0, "d": 80.0}
    ax = plot_truth(scores, finetuned)
    shared = {name: scores[name] for name in finetuned}
    tau = agreement(shared, finetuned).weighted_kendall
    assert f"{tau:.2f}" in ax.get_title(loc="left")
    assert "4 models" in ax.get_title(loc="left")
    assert points(ax) == [(scores[name], finetuned[name]) for name in shared]
    with pytest.raises(InvalidInput, match="must share at least three models"):
        plot_truth({"x": 1.0}, finetuned)


def test_names_of_points_do_not_lie_on_each_other() -> None:
    crowd = {f"a rather long name {place}": place / 1000 for place in range(20)}
    ax = plot_truth(crowd | {"alone": 5.0}, crowd | {"alone": 5.0})
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert 1 < len(boxes) < len(crowd)
    assert "alone" in [text.get_text() for text in ax.texts]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)


def test_groups_are_drawn_in_order_with_a_line_per_name() -> None:
    rows: list[dict[str, Any]] = [
        {"n_groups": "8", "weighted_kendall": "0.7", "low": "0.6", "high": "0.8", "name": "a"},
        {"n_groups": "2", "weighted_kendall": "0.5", "low": "0.4", "high": "0.6", "name": "a"},
        {"n_groups": 2, "weighted_kendall": 0.3, "name": "b"},
    ]
    ax = plot_groups(rows)
    assert points(ax) == [(2.0, 0.5), (8.0, 0.7)]
    assert points(ax, 1) == [(2.0, 0.3)]
    assert len(ax.collections) == 1
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "8"]


def test_time_is_drawn_against_agreement() -> None:
    ax = plot_time([{"name": "disco", "seconds": 0.5, "weighted_kendall": 0.8}])
    assert points(ax) == [(0.5, 0.8)]
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["disco"]


@pytest.mark.parametrize("draw", [plot_groups, plot_time])
def test_rows_that_lack_a_column_are_refused(draw: Callable[[Any], Axes]) -> None:
    with pytest.raises(InvalidInput, match="no rows to draw"):
        draw([])
    with pytest.raises(InvalidInput, match="a row lacks"):
        draw([{"weighted_kendall": 1.0}])


@pytest.mark.parametrize("name", [r"$\frac{1}{0}$ <b> \x", r"$\frac$.npz", "p$_$q_.npz"])
def test_names_are_no_formulas(make_ranking: MakeRanking, make_model: MakeModel, name: str) -> None:
    model = make_model(alias=name, components=COMPONENTS)
    numbers = {name: 1.0, "b": 2.0, "c": 3.0}
    figures = [
        plot_ranking(make_ranking(models=(model,), target=name, scorer=name)),
        plot_spectrum(make_ranking(models=(model, replace(model, rank=2)))),
        plot_truth(numbers, numbers, score=name, metric=name),
        plot_time([{"name": name, "seconds": 1.0, "weighted_kendall": 0.5}]),
    ]
    for ax in figures:
        ax.figure.draw_without_rendering()  # type: ignore[union-attr]


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_a_figure_that_did_not_change_is_the_same_file(
    ranking: Ranking, tmp_path: Path, ending: str
) -> None:
    files = [tmp_path / f"{number}.{ending}" for number in (1, 2)]
    for file in files:
        save_figure(plot_ranking(ranking).figure, file)  # type: ignore[arg-type]
    assert files[0].read_bytes() == files[1].read_bytes()
