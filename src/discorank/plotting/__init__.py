"""Static figures for papers: one function each, axes in, axes out; needs the extra ``plot``.

Each takes a result or the document of one, and `ax`, the axes to draw on (by default those of a new
figure), and returns the axes; ``ax.figure.savefig("figure.pdf")`` writes them.
"""

from __future__ import annotations

from discorank.plotting.agreement import plot_groups, plot_time, plot_truth
from discorank.plotting.change import plot_change, plot_shares
from discorank.plotting.ranking import plot_component_scores, plot_ranking, plot_spectrum
from discorank.plotting.style import save_figure

__all__ = [
    "plot_change",
    "plot_component_scores",
    "plot_groups",
    "plot_ranking",
    "plot_shares",
    "plot_spectrum",
    "plot_time",
    "plot_truth",
    "save_figure",
]
