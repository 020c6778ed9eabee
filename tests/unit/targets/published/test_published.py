"""Published sets from tiny copies in their own form, next to torchvision's own readers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.unit.targets.published.copies import COPIES

from discorank.benchmark import load_table
from discorank.errors import InvalidInput, UnknownName
from discorank.hub._operators import with_operators
from discorank.targets.published import PUBLISHED, find_published


def test_there_is_a_reader_for_every_target_of_the_published_table() -> None:
    assert set(PUBLISHED) == set(load_table("supervised-cnn").finetuned) == set(COPIES)


EXPECTED = {
    "aircraft": (6, 3, ("707-320", "A340-300", "Cessna 172"), [0, 1, 2]),
    "caltech101": (90, 6, ("BACKGROUND_Google", "Faces", "accordion"), [0, 0, 1, 2, 2, 2]),
    "cars": (6, 3, ("AM General Hummer SUV 2000", "Audi TT RS Coupe 2012"), [0, 1, 0]),
    "cifar10": (10, 3, ("airplane", "automobile"), [0, 1, 0]),
    "cifar100": (6, 3, ("apple", "aquarium_fish"), [0, 1, 0]),
    "dtd": (6, 3, ("banded", "blotchy", "braided"), [0, 1, 2]),
    "flowers": (6, 3, ("001", "002", "003"), [0, 1, 2]),
    "food": (6, 3, ("apple_pie", "waffles"), [0, 1, 0]),
    "pets": (6, 3, ("Abyssinian", "american_bulldog"), [0, 1, 0]),
    "sun397": (6, 3, ("abbey", "apartment_building/outdoor"), [0, 1, 0]),
    "voc2007": (6, 3, ("aeroplane", "dog"), [[1, 0], [0, 0], [0, 1]]),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_in_its_own_form(name: str, tmp_path: Path) -> None:
    COPIES[name](tmp_path)
    parts = find_published(name).parts(tmp_path)
    train, test = parts["train"], parts["test"]
    n_train, n_test, classes, labels = EXPECTED[name]
    assert (len(train), len(test)) == (n_train, n_test)
    assert train.classes == test.classes == classes
    np.testing.assert_array_equal(test.labels, labels)
    assert train.fingerprint != test.fingerprint
    assert find_published(name).parts(tmp_path)["train"].fingerprint == train.fingerprint
    sizes = {(32, 32)} if name.startswith("cifar") else {(10, 12)}
    assert {item.size for part in (train, test) for item in part.items} == sizes
    again = pickle.loads(pickle.dumps(train.items))  # for worker processes
    np.testing.assert_array_equal(np.asarray(again[0]), np.asarray(train.items[0]))


TORCHVISION: dict[str, tuple[str, tuple[str, ...]]] = {
    "aircraft": ("FGVCAircraft", ("trainval",)),
    "cars": ("StanfordCars", ("train",)),
    "dtd": ("DTD", ("train", "val")),
    "food": ("Food101", ("train",)),
    "pets": ("OxfordIIITPet", ("trainval",)),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_reads_the_same(name: str, tmp_path: Path) -> None:
    datasets = with_operators(lambda: __import__("torchvision.datasets").datasets)
    COPIES[name](tmp_path)
    parts = find_published(name).parts(tmp_path)
    kind, train = TORCHVISION[name]
    for part, splits in ((parts["train"], train), (parts["test"], ("test",))):
        read = getattr(datasets, kind)
        theirs = [one for split in splits for one in read(tmp_path, split=split)]
        ours = [*zip(part.items, part.strata.tolist(), strict=True)]
        # Its Food-101 is in the order of the classes.
        for image, label in theirs:
            same = [other for other, at in ours if at == label]
            assert any(np.array_equal(np.asarray(image), np.asarray(other)) for other in same)
        assert len(theirs) == len(ours)
        assert sorted(label for _, label in theirs) == sorted(label for _, label in ours)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no published set is named 'mnist'; there are aircraft"):
        find_published("mnist")
    with pytest.raises(InvalidInput, match=r"Food-101 is not there; unpack it so that there is .*"):
        find_published("food").parts(tmp_path)
    (tmp_path / "food-101").mkdir()
    with pytest.raises(InvalidInput, match=r"cannot be read as Food-101: FileNotFoundError"):
        find_published("food").parts(tmp_path)
    COPIES["pets"](tmp_path)
    for path in (tmp_path / "oxford-iiit-pet" / "images").iterdir():
        path.unlink()
    with pytest.raises(InvalidInput, match=r"has no 'Abyssinian_0.jpg', which its list of train"):
        find_published("pets").parts(tmp_path)


def test_a_pickle_that_holds_code_is_refused(tmp_path: Path) -> None:
    COPIES["cifar100"](tmp_path)
    harmful = b"cos\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR."
    (tmp_path / "cifar-100-python" / "train").write_bytes(harmful)
    with pytest.raises(InvalidInput, match=r"holds os.system, which is code and not only arrays"):
        find_published("cifar100").parts(tmp_path)
    assert not (tmp_path / "run").exists()
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"\x80")
    with pytest.raises(InvalidInput, match="train is damaged"):
        find_published("cifar100").parts(tmp_path)
