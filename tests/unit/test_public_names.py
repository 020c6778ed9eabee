from __future__ import annotations

import ast
from pathlib import Path

import pytest

import discorank


def test_every_public_name_is_where_the_package_says() -> None:
    tree = ast.parse(Path(discorank.__file__).read_text())
    imported = {
        alias.name: node.module
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == discorank._HOME_OF
    assert sorted(discorank.__all__) == sorted([*imported, "__version__"]) == dir(discorank)
    for name in imported:
        assert getattr(discorank, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'discoscore'"):
        discorank.discoscore  # noqa: B018
