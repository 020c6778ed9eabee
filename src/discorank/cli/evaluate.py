"""``discorank evaluate``: how scores agree with fine-tuned metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from discorank.cli import options, output
from discorank.cli.command import command_line
from discorank.report.evaluation import evaluation_to_csv, left_out, summarize_evaluation
from discorank.report.words import printable

__all__ = ["evaluate"]


def evaluate(
    ctx: typer.Context,
    scores: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCORES...",
            help="Rankings (JSON), or JSON or CSV of scores by model, and by target if several.",
        ),
    ],
    truth: Annotated[
        str,
        typer.Argument(
            metavar="TRUTH",
            help="What discorank finetune wrote (.parquet, a folder of them, or .json), JSON or "
            "CSV of fine-tuned metrics by model, or a published table: supervised-cnn, "
            "self-supervised.",
        ),
    ],
    *,
    k: options.TopK = 1,
    output_format: output.FormatOption = None,
    out: output.OutOption = None,
    report: output.ReportOption = None,
    coverage: options.Coverage = 0.95,
    seed: options.Seed = 0,
) -> None:
    """Compare scores with fine-tuned metrics, beside static rankers and a random pick."""
    from discorank import benchmark
    from discorank.benchmark.files import (
        looks_lower_is_better,
        read_finetuned,
        read_scores,
        same_target,
    )

    destination = output.Destination.choose(out, output_format)
    output.check_report(report)
    table = read_finetuned(truth)
    found, finetuned = same_target(read_scores(scores), table.finetuned)
    evaluation = benchmark.evaluate(
        found,
        finetuned,
        static=table.static,
        k=k,
        confidence=coverage,
        random_state=seed,
    )
    document = {**evaluation.to_dict(), "truth": table.name, "source": table.source}
    destination.write(
        summarize_evaluation(document),
        as_json=lambda: json.dumps(document, indent=2, allow_nan=False) + "\n",
        as_csv=lambda: evaluation_to_csv(document),
    )
    for line in left_out(document):
        output.notice(line)
    if looks_lower_is_better(table.metric):
        output.notice(
            f"higher is taken for better, also of {printable(table.metric)!r}; negate what is "
            f"better when it is lower"
        )
    if report is not None:
        from discorank.report.page.pages import evaluation_page

        page = evaluation_page(
            "Scores against fine-tuning",
            summarize_evaluation(document),
            document,
            command=command_line(ctx),
        )
        output.write_report(report, page)
