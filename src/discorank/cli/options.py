"""Flags that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from discorank.cli.command import complete_scorers, complete_specs, complete_target

__all__ = [
    "TARGET_PANEL",
    "BatchSize",
    "Boxes",
    "Budget",
    "BudgetSamples",
    "Cache",
    "Components",
    "Confidence",
    "Covariance",
    "Coverage",
    "CpusPerModel",
    "Device",
    "Executor",
    "GpusPerModel",
    "Groups",
    "Halves",
    "HardFraction",
    "Images",
    "InputColumn",
    "Jobs",
    "LabelColumn",
    "LeaveOneOut",
    "LogJson",
    "MLflow",
    "MaxBad",
    "MaxSamples",
    "Models",
    "OptionalModels",
    "Quiet",
    "RayAddress",
    "RivalScorers",
    "ScoreDevice",
    "ScorerOptions",
    "Scorers",
    "Seed",
    "ShardSamples",
    "Split",
    "SvdSolver",
    "Target",
    "Task",
    "TimeoutPerModel",
    "TopK",
    "Workers",
]

TARGET_PANEL = "Target"
_SCORE = "Score"
_EXTRACTION = "Extraction"
_EXECUTION = "Execution"
_RECORD = "Record"


def _models(*, show_default: bool | str = True) -> Any:
    return typer.Option(
        "--models",
        metavar="SPEC...",
        autocompletion=complete_specs,
        show_default=show_default,
        help="Candidates: timm:NAME, torchvision:NAME, transformers:NAME, onnx:FILE, "
        "python:MODULE:FACTORY, features:FILE.npz, pool:NAME, ...",
    )


Target: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        autocompletion=complete_target,
        help="A folder of class folders of images or audio files; a table: .csv, .tsv, .parquet, "
        ".jsonl, a folder saved with datasets, hf:OWNER/NAME; boxes: a .json of COCO annotations, "
        "a folder of Pascal VOC; an .npz of images or features with labels, targets or boxes; or a "
        "built-in: digits, mnist5k.",
    ),
]
Models: TypeAlias = Annotated[list[str], _models()]
OptionalModels: TypeAlias = Annotated[
    list[str], _models(show_default="a pool that fits the target and the device")
]
MaxSamples: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Take a stratified sample of N items.")
]
MaxBad: TypeAlias = Annotated[
    int,
    typer.Option(metavar="N", help="Unreadable items that are left out; more are an error."),
]
Components: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N|all",
        show_default="128",
        rich_help_panel=_SCORE,
        help="Leading spectral components that are kept.",
    ),
]
Groups: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        show_default="8",
        rich_help_panel=_SCORE,
        help="Groups that they are split into.",
    ),
]
Covariance: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        show_default="identity",
        rich_help_panel=_SCORE,
        help="Covariance of the classes: identity, shared, or class.",
    ),
]
LeaveOneOut: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--loo", rich_help_panel=_SCORE, help="Leave each sample out of the mean of its class."
    ),
]
SvdSolver: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SOLVER",
        show_default="auto",
        rich_help_panel=_SCORE,
        help="auto, full, covariance_eigh, randomized, or published: as the published code does.",
    ),
]
HardFraction: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        rich_help_panel=_SCORE,
        help="Score this share of the samples, the hardest of each class.",
    ),
]
Scorers: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--scorer",
        metavar="NAME...",
        autocompletion=complete_scorers,
        rich_help_panel=_SCORE,
        help="What scores the models; of several, the first orders them. "
        "discorank scorers lists them.",
    ),
]
RivalScorers: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--scorer",
        metavar="NAME...",
        autocompletion=complete_scorers,
        show_default="all that need features and labels only",
        help="Scorers to compare. discorank scorers lists them.",
    ),
]
ScorerOptions: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--option",
        metavar="[SCORER.]KEY=VALUE",
        rich_help_panel=_SCORE,
        help="An option of a scorer, knn.n_neighbors=5; without a name, of each that has it.",
    ),
]
InputColumn: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--input-column",
        metavar="NAME",
        show_default="guessed",
        rich_help_panel=TARGET_PANEL,
        help="Column of a table that models read; twice for pairs of texts.",
    ),
]
LabelColumn: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--label-column",
        metavar="NAME",
        show_default="guessed",
        rich_help_panel=TARGET_PANEL,
        help="Column of a table with the truth; repeat it for several targets or labels.",
    ),
]
Split: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        show_default="train",
        rich_help_panel=TARGET_PANEL,
        help="Split of a target that has splits.",
    ),
]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        show_default="looked for beside the file",
        rich_help_panel=TARGET_PANEL,
        help="Images of a file of COCO annotations.",
    ),
]
Boxes: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="crop|roi",
        rich_help_panel=_EXTRACTION,
        show_default="crop",
        help="Features of boxes: of what is cut out of the image; or pooled by RoI align, from one "
        "run per image.",
    ),
]
Task: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TASK",
        rich_help_panel=TARGET_PANEL,
        show_default="what the target says",
        help="classification, multilabel, regression or detection.",
    ),
]
Confidence: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        rich_help_panel=_SCORE,
        help="Probability with which the models to fine-tune hold the best one.",
    ),
]
Coverage: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SHARE", rich_help_panel=_SCORE, help="Coverage of the interval beside a number."
    ),
]
Halves: TypeAlias = Annotated[
    int,
    typer.Option(
        "--halves",
        metavar="N",
        rich_help_panel=_SCORE,
        help="Halves of the samples on which a score that is no mean over samples is computed "
        "again, for its interval; 0: no interval.",
    ),
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(metavar="N", rich_help_panel=_SCORE, help="Seed of everything that is drawn."),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        rich_help_panel=_EXTRACTION,
        help="cpu, cuda, cuda:1, mps; picked by itself if not given.",
    ),
]
ScoreDevice: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        rich_help_panel=_SCORE,
        help="Score with torch on this device: cuda, cuda:1, mps; by default with numpy.",
    ),
]
BatchSize: TypeAlias = Annotated[
    int,
    typer.Option(
        metavar="N", rich_help_panel=_EXTRACTION, help="Images that the model sees at once."
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=_EXTRACTION,
        help="Processes that decode images; picked by itself if not given.",
    ),
]
Budget: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        rich_help_panel=_EXECUTION,
        help="Race, and begin no round that would not end in this time: 90s, 10m, 2h.",
    ),
]
BudgetSamples: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=_EXECUTION,
        help="Race, and run models on at most N samples, all models together; the cache is free.",
    ),
]
LogJson: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--log-json",
        metavar="FILE|-",
        rich_help_panel=_RECORD,
        help="Append each event to a file as one line of JSON; -: print them, with --out.",
    ),
]
MLflow: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--mlflow",
        metavar="[EXPERIMENT]",
        rich_help_panel=_RECORD,
        help="Record the ranking in MLflow, where MLFLOW_TRACKING_URI says.",
    ),
]
Cache: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|URL",
        envvar="DISCORANK_CACHE",
        rich_help_panel=_EXTRACTION,
        help="Where features are kept for the next run: a folder, or a URL such as s3://BUCKET/FOLDER.",
    ),
]
Executor: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_EXECUTION,
        help="local: one model after the other; processes: each in a process of its own, several "
        "at once; ray: on the machines of a Ray cluster.",
    ),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        show_default="one per GPU, or per four cores",
        rich_help_panel=_EXECUTION,
        help="Processes of --executor processes.",
    ),
]
RayAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        show_default="Ray is started here",
        rich_help_panel=_EXECUTION,
        help="Cluster of --executor ray: auto, HOST:PORT.",
    ),
]
CpusPerModel: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        show_default="1",
        rich_help_panel=_EXECUTION,
        help="CPUs, and threads, of a model with --executor ray.",
    ),
]
GpusPerModel: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        show_default="1 where there are any",
        rich_help_panel=_EXECUTION,
        help="GPUs of a model with --executor ray; 0.5 lets two share one.",
    ),
]
ShardSamples: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        rich_help_panel=_EXECUTION,
        help="Extract and score each model on N samples at a time, each a task of its own.",
    ),
]
TimeoutPerModel: TypeAlias = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        rich_help_panel=_EXECUTION,
        help="Give a model up that takes longer; it then runs in a process of its own.",
    ),
]
TopK: TypeAlias = Annotated[
    int, typer.Option("-k", metavar="N", help="Models one would fine-tune.")
]
Quiet: TypeAlias = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notices on stderr.")
]
