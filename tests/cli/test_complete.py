"""Tab, as a shell asks: through the environment, word by word."""

from __future__ import annotations

from typer.testing import CliRunner

from discorank.cli.app import app
from discorank.scoring.registry import SCORERS
from discorank.targets.opening import BUILT_IN


def bash(*words: str) -> list[str]:
    environment = {
        "_DISCORANK_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("discorank", *words)),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(app, [], prog_name="discorank", env=environment)
    assert result.exit_code == 0
    return result.stdout.split()


def test_commands_and_flags() -> None:
    assert {"rank", "report", "snippet", "plot"} <= set(bash(""))
    assert bash("rank", "x", "--repo") == ["--report"]


def test_targets_scorers_formats_and_kinds() -> None:
    assert bash("rank", "") == list(BUILT_IN)
    assert bash("rank", "dig") == ["digits"]
    assert bash("rank", "x", "--scorer", "log") == ["logme"]
    assert bash("rank", "x", "--scorer", "disco", "") == list(SCORERS)
    assert bash("rank", "x", "--format", "") == ["table", "json", "csv", "markdown"]
    assert bash("plot", "s") == ["spectrum", "shares"]


def test_schemes_then_what_they_list() -> None:
    assert {"timm:", "pool:", "onnx:"} <= set(bash("rank", "x", "--models", ""))
    assert bash("rank", "x", "--models", "pool:offline") == ["pool:offline", "pool:offline-text"]
    assert "torchvision:resnet50" in bash("snippet", "torchvision:resn")
    assert bash("rank", "x", "--models", "python:some") == []


def test_the_second_candidate_too() -> None:
    assert bash("rank", "x", "--models", "timm:resnet50", "pool:v") == ["pool:vit"]
    assert bash("rank", "--models", "timm:resnet50", "pool:v") == ["pool:vit"]


def test_a_flag_completes_alike_in_every_command() -> None:
    for command in ("rank", "finetune", "inspect"):
        assert bash(command, "dig") == ["digits"]
    for command in ("rank", "finetune"):
        assert bash(command, "x", "--models", "pool:v") == ["pool:vit"]
        assert bash(command, "x", "--models", "timm:resnet50", "pool:v") == ["pool:vit"]
    for command in ("rank", "bench", "score"):
        assert bash(command, "x", "--scorer", "log") == ["logme"]


def test_words_that_bash_took_apart_at_the_colon() -> None:
    assert bash("rank", "x", "--models", "pool", ":", "v") == ["vit"]
    assert bash("rank", "x", "--models", "timm", ":", "resnet50", "pool", ":", "v") == ["vit"]


def test_a_command_without_anything_says_what_it_lacks() -> None:
    result = CliRunner().invoke(app, ["rank"])
    assert result.exit_code == 2
    assert "TARGET" in result.stderr
