from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from discorank.features import FeatureKey, FeatureStore, open_store
from discorank.types import Features

Run = Callable[..., Result]


@pytest.fixture
def store() -> FeatureStore:
    """Return a store of three files in the cache folder of the test."""
    store = open_store()
    for name in "abc":
        key = FeatureKey(f"timm:{name}", "w", "l", None, "{}", "0123456789", None, "s")
        store.put(key, Features(np.ones((4, 3), np.float32)))
    return store


def test_ls_names_models(discorank: Run, store: FeatureStore) -> None:
    result = discorank("cache", "ls")
    assert result.exit_code == 0
    assert "3 files" in result.stdout
    assert {"timm:a", "timm:b", "timm:c"} <= set(result.stdout.split())
    document = json.loads(discorank("cache", "ls", "--json").stdout)
    assert document["folder"] == store.root
    assert {file["key"]["model"] for file in document["files"]} == {"timm:a", "timm:b", "timm:c"}


def test_ls_of_no_folder_is_empty(discorank: Run, tmp_path: Path) -> None:
    result = discorank("cache", "ls", "--cache", tmp_path / "nothing")
    assert result.exit_code == 0
    assert "0 files" in result.stdout


def test_verify_finds_and_deletes_damage(discorank: Run, store: FeatureStore) -> None:
    assert discorank("cache", "verify").exit_code == 0
    path = Path(store.entries()[0].path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    result = discorank("cache", "verify")
    assert result.exit_code == 3
    assert "1 of 3 files damaged" in result.stderr
    assert "checksum" in result.stdout
    result = discorank("cache", "verify", "--delete")
    assert result.exit_code == 0
    assert not path.exists()
    assert len(store.entries()) == 2


def test_prune_keeps_what_fits(discorank: Run, store: FeatureStore) -> None:
    size = store.entries()[0].size
    result = discorank("cache", "prune", "--max-size", f"{2.5 * size / 1000}kB")
    assert result.exit_code == 0
    assert "removed 1 file\n" in result.stderr
    assert discorank("cache", "prune", "--max-size", "0").exit_code == 0
    assert store.entries() == []
    bad = discorank("cache", "prune", "--max-size", "much")
    assert bad.exit_code == 2
    assert "--max-size must be a size such as 500M or 20G, got 'much'" in bad.stderr


def test_shards_of_an_unfinished_extraction_are_listed(discorank: Run, store: FeatureStore) -> None:
    assert "unfinished" not in discorank("cache", "ls").stdout.partition("\n")[2]
    key = FeatureKey("timm:d", "w", "l", None, "{}", "0123456789", None, "s")
    store.put(key, Features(np.ones((3, 2), np.float32)), range(2000, 2003))
    stdout = discorank("cache", "ls").stdout
    assert "4 files" in stdout
    assert "2,001–2,003" in stdout
    assert "unfinished extraction" in " ".join(stdout.split())
    document = json.loads(discorank("cache", "ls", "--json").stdout)
    assert [2000, 2003] in [file["rows"] for file in document["files"]]
    assert discorank("cache", "verify").exit_code == 0
