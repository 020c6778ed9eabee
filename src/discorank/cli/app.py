"""The typer application: its commands, and how errors become exit codes."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import discorank
from discorank.cli.bench import bench
from discorank.cli.cache import cache
from discorank.cli.command import Command
from discorank.cli.compare import compare
from discorank.cli.demo import demo
from discorank.cli.evaluate import evaluate
from discorank.cli.finetune import finetune
from discorank.cli.inspect import inspect
from discorank.cli.models import models
from discorank.cli.plot import plot
from discorank.cli.rank import rank
from discorank.cli.report import report
from discorank.cli.results import Printing
from discorank.cli.score import score
from discorank.cli.scorers import scorers
from discorank.cli.snippet import snippet
from discorank.report.words import printable

__all__ = ["app"]


class _Guarded(TyperGroup):
    """Run a command; an error made by the user ends it with one line and the error's exit code."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; what the system refuses (a full disk) ends it with one line."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            if isinstance(error, discorank.DiscorankError) or error.errno is None:
                raise
            _say(str(error))
            sys.exit(discorank.DiscorankError.exit_code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except discorank.DiscorankError as error:
            _say(str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from interrupt


def _say(error: str) -> None:
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {printable(error)}", err=True)


app = typer.Typer(
    name="discorank",
    cls=_Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=Command)(rank)
app.command(cls=Command)(score)
app.command(cls=Printing)(report)
app.command(cls=Printing)(snippet)
app.command(cls=Printing)(plot)
app.command(cls=Printing)(inspect)
app.command(cls=Printing)(models)
app.command(cls=Printing)(scorers)
app.command(cls=Command)(finetune)
app.command(cls=Command)(compare)
app.command(cls=Command)(evaluate)
app.command(cls=Command)(bench)
app.add_typer(cache, name="cache")
app.command(cls=Printing)(demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"discorank {discorank.__version__}")
        raise typer.Exit


@app.callback()
def _discorank(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Rank pre-trained models for a labelled data set without fine-tuning them."""
