"""Every code block of the documentation runs, and prints what the page shows.

The blocks of a page run in order, in an empty folder; what a page takes as given (a folder of
images, a table) is made by ``setups/PAGE.py``, whose ``make(folder)`` may return names for the
blocks of Python. A block that cannot run here says what it needs in its title. Where the output has
changed and that is right, ``python -m tests.docs.refresh docs/PAGE.md`` writes what is printed now.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.docs.blocks import (
    LANGUAGES,
    PAGES,
    ROOT,
    Block,
    Runner,
    agrees,
    blocks_of,
    commands_of,
    setup_of,
)

BLOCKS = {
    str(path.relative_to(ROOT)): blocks_of(path.read_text(encoding="utf-8")) for path in PAGES
}
RUN = [page for page, blocks in BLOCKS.items() if any(block.is_run for block in blocks)]
# How many blocks of each page are not run: those that need a hub, or minutes.
NOT_RUN = {
    "README.md": 3,
    "docs/howto/audio.md": 2,
    "docs/howto/boxes.md": 3,
    "docs/howto/images.md": 1,
    "docs/howto/layers.md": 1,
    "docs/howto/own-models.md": 1,
    "docs/howto/record.md": 1,
    "docs/howto/text.md": 4,
    "docs/tutorial.md": 2,
}


def test_the_blocks_that_are_not_run_are_few_and_known() -> None:
    found = Counter(page for page, blocks in BLOCKS.items() for block in blocks if block.needs)
    assert found == NOT_RUN


def test_every_block_says_what_it_is() -> None:
    odd = [
        f"{page}:{block.line}: {block.language!r}"
        for page, blocks in BLOCKS.items()
        for block in blocks
        if block.language not in LANGUAGES
    ]
    assert odd == []


# Seconds to half a minute on idle cores; a machine that is shared may take many times that.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", RUN)
def test_the_blocks_of_a_page_run(
    page: str,
    tmp_path: Path,
    shared_features: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("DISCORANK_CACHE", str(shared_features))
    monkeypatch.chdir(tmp_path)
    runner = Runner(setup_of(ROOT / page, tmp_path))
    for block in BLOCKS[page]:
        if block.is_run:
            try:
                runner.check(block)
            except Exception as error:
                raise AssertionError(f"{page}:{block.line}: {error}") from error


PAGE = """
```python
print(1.25)
```

```text
1.26
```

```console title="needs a hub"
$ discorank rank photos/
```

1. In a list:

    ```console
    $ echo one \\
        two
    one two
    $ true
    ```
"""


def test_blocks_are_found_with_what_they_show() -> None:
    python, text, hub, console = blocks_of(PAGE)
    assert (python.prints, python.is_run, text.is_run) == ("1.26\n", True, False)
    assert (hub.needs, hub.is_run) == ("a hub", False)
    assert list(commands_of(console)) == [("echo one two", "one two\n"), ("true", "")]
    assert console.line == 16
    Runner().check(python)
    Runner().check(console)


@pytest.mark.parametrize(
    "block",
    [
        Block(1, "python", "print('a')", prints="b"),
        Block(1, "python", "raise ValueError"),
        Block(1, "pycon", ">>> 1 + 1\n3\n"),
        Block(1, "console", "$ echo one\ntwo\n"),
        Block(1, "console", "$ false\n"),
        Block(1, "console", "$ discorank rank nowhere --models pool:offline\n"),
    ],
)
def test_a_page_that_is_wrong_is_found(block: Block) -> None:
    with pytest.raises((AssertionError, ValueError)):
        Runner().check(block)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("1  cnn  0.363  7.0s\n────", "1 cnn 0.362 12.1s ──────", True),
        ("7.0s", "1m08s", True),
        ("3.1 min", "2h05m", True),
        ("5.4M", "6.1M", False),
        ("1 cnn 0.363", "1 cnn 0.369", False),
        ("3 of 12 models", "4 of 12 models", False),
        ("a ... d", "a b c d", True),
        ("a ... d", "a b c", False),
        ("5,000 samples", "5,000 samples", True),
        ("<0.01 0.98", "<0.01 0.99", True),
        ("one two", "one", False),
    ],
)
def test_numbers_agree_to_their_last_digit_and_times_always(
    shown: str, printed: str, same: bool
) -> None:
    assert agrees(shown, printed) is same
