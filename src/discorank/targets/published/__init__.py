"""The image sets that transferability scores are published on, as they are distributed.

Each is read from the folder that its archive unpacks to, which is where torchvision puts it too;
nothing is downloaded, decoded or unpickled into code. Splits and classes are those of Kornblith et
al. (2019, arXiv 1805.08974, table 1), which the published tables follow: where there is an official
validation split, it belongs to the training samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from discorank.errors import InvalidInput, UnknownName, kind_and_text
from discorank.targets.published import cifar, lists, matlab
from discorank.targets.published.listing import Parts

__all__ = ["PUBLISHED", "PublishedSet", "find_published"]

_Reader: TypeAlias = Callable[[Path], Parts]


@dataclass(frozen=True)
class PublishedSet:
    """A published image set.

    Attributes
    ----------
    name : str
    title : str
        What its authors call it.
    folders : tuple of str
        Where it may be, relative to the folder of all sets.
    read : callable
        From its folder to its parts ``"train"`` and ``"test"``.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    read: _Reader

    def find(self, root: Path) -> Path | None:
        """Return its folder below the folder of all sets; None if it is not there."""
        return next((root / name for name in self.folders if (root / name).is_dir()), None)

    def parts(self, root: Path) -> Parts:
        """Return its targets ``"train"`` and ``"test"``.

        Raises
        ------
        InvalidInput
            If it is not there, or not as it is distributed.
        """
        folder = self.find(root)
        if folder is None:
            places = " or ".join(str(root / name) for name in self.folders)
            raise InvalidInput(f"{self.title} is not there; unpack it so that there is {places}")
        try:
            return self.read(folder)
        except (OSError, KeyError, IndexError, ValueError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(
                f"{folder}: cannot be read as {self.title}: {kind_and_text(error)}"
            ) from error


PUBLISHED: Mapping[str, PublishedSet] = MappingProxyType(
    {
        one.name: one
        for one in (
            PublishedSet("aircraft", "FGVC Aircraft", ("fgvc-aircraft-2013b",), lists.aircraft),
            PublishedSet(
                "caltech101",
                "Caltech-101",
                (
                    "caltech101/101_ObjectCategories",
                    "caltech-101/101_ObjectCategories",
                    "101_ObjectCategories",
                ),
                lists.caltech101,
            ),
            PublishedSet("cars", "Stanford Cars", ("stanford_cars",), matlab.cars),
            PublishedSet("cifar10", "CIFAR-10", ("cifar-10-batches-py",), cifar.cifar10),
            PublishedSet("cifar100", "CIFAR-100", ("cifar-100-python",), cifar.cifar100),
            PublishedSet("dtd", "DTD", ("dtd/dtd", "dtd"), lists.dtd),
            PublishedSet("flowers", "Oxford Flowers 102", ("flowers-102",), matlab.flowers),
            PublishedSet("food", "Food-101", ("food-101",), lists.food),
            PublishedSet("pets", "Oxford-IIIT Pets", ("oxford-iiit-pet",), lists.pets),
            PublishedSet("sun397", "SUN397", ("SUN397",), lists.sun397),
            PublishedSet(
                "voc2007",
                "Pascal VOC 2007",
                ("VOCdevkit/VOC2007", "VOCtrainval_06-Nov-2007/VOCdevkit/VOC2007"),
                lists.voc2007,
            ),
        )
    }
)
"""From the name of a set in the published tables to how it is read."""


def find_published(name: str) -> PublishedSet:
    """Return a published set.

    Raises
    ------
    UnknownName
        If there is none of this name.
    """
    if name not in PUBLISHED:
        raise UnknownName(f"no published set is named {name!r}; there are {', '.join(PUBLISHED)}")
    return PUBLISHED[name]
