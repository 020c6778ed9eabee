"""What sources and targets are made of: real or drawn, by seed, and never the same."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from discorank.benchmark.minihub import images
from discorank.benchmark.minihub.fractals import N_SYSTEMS, fractals
from discorank.benchmark.minihub.glyphs import LETTERS, glyphs
from discorank.benchmark.minihub.images import Labelled, clothing
from discorank.benchmark.minihub.networks import N_FEATURES, as_input, build
from discorank.benchmark.minihub.patches import cut, equalized
from discorank.benchmark.minihub.patterns import N_SHAPES, N_TEXTURES, shapes, textures
from discorank.benchmark.minihub.sources import SOURCES
from discorank.benchmark.minihub.targets import TARGETS, ImageSplits, TargetPlan, draw
from discorank.errors import InvalidInput
from discorank.finetuning import Data, Recipe, evaluate, fit, new_head
from discorank.targets import builtin

DRAWN = [(glyphs, len(LETTERS)), (fractals, N_SYSTEMS), (shapes, N_SHAPES), (textures, N_TEXTURES)]
WITHOUT_FILES = [name for name, plan in TARGETS.items() if plan.images != "clothing"]


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """Return a folder like Debian's, with 40 images per class and split that show their class."""
    labels = np.repeat(np.arange(10, dtype=np.uint8), 40)
    for split, brightness in (("train", 1), ("t10k", 11)):
        pixels = np.broadcast_to((labels + brightness)[:, None], (len(labels), 28 * 28))
        with gzip.open(tmp_path / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(bytes(16) + pixels.tobytes())
        with gzip.open(tmp_path / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(bytes(8) + labels.tobytes())
    return tmp_path


@pytest.mark.parametrize(("draw_source", "n_classes"), DRAWN)
def test_drawn_images_are_balanced_varied_and_the_seeds(
    draw_source: Callable[..., Labelled], n_classes: int
) -> None:
    pixels, labels = draw_source(4 * n_classes, seed=3)
    assert pixels.shape == (4 * n_classes, 28, 28)
    assert pixels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [4] * n_classes
    assert len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) == len(pixels)
    assert (pixels.std(axis=(1, 2)) > 5).all()
    again, _ = draw_source(4 * n_classes, seed=3)
    other, _ = draw_source(4 * n_classes, seed=4)
    np.testing.assert_array_equal(pixels, again)
    assert (pixels != other).any()


@pytest.mark.parametrize(("draw_source", "n_classes"), DRAWN)
def test_drawn_classes_can_be_learnt(draw_source: Callable[..., Labelled], n_classes: int) -> None:
    pixels, labels = draw_source(1000, seed=0)
    train, test = (
        Data(as_input(pixels[part]), labels[part]) for part in (slice(800), slice(800, None))
    )
    recipe = Recipe(optimizer="adamw", lr=2e-3, epochs=4, batch_size=50)
    head = new_head(N_FEATURES, n_classes, seed=0)
    fitted = fit(build("plain", seed=0), head, train, task="classification", recipe=recipe, seed=0)
    assert evaluate(fitted, test, task="classification")["accuracy"] > 1.5 / n_classes


def test_sources_and_targets_share_no_clothes(fashion: Path) -> None:
    seen_by_source, _ = clothing(source=True, folder=fashion)
    seen_by_target, _ = clothing(source=False, folder=fashion)
    assert set(np.unique(seen_by_source)) == {1 + label for label in images.SOURCE_CLOTHES}
    assert set(np.unique(seen_by_target)) == {11 + label for label in (2, 3, 6, 7, 9)}


def test_sources_of_clothes_learn_from_training_images_only(fashion: Path) -> None:
    for name in ("clothing", "random-labels", "stopped-early"):
        pixels, labels = SOURCES[name].draw(60, 0, fashion)
        assert len(pixels) == len(labels) == 60
        assert pixels.max() <= 10, name


def test_random_labels_say_nothing_of_the_image(fashion: Path) -> None:
    pixels, labels = SOURCES["random-labels"].draw(200, 0, fashion)
    shown = np.unique(pixels[:, 0, 0], return_inverse=True)[1]
    assert (shown == labels).mean() < 0.4
    assert np.bincount(labels).tolist() == np.bincount(shown).tolist()


def test_rotation_turns_photographs_by_its_labels() -> None:
    pixels, labels = SOURCES["rotation"].draw(40, 1, None)
    assert np.bincount(labels).tolist() == [10] * 4
    upright = [np.rot90(image, -turn) for image, turn in zip(pixels, labels, strict=True)]
    scenes = builtin.photographs(images.SCENES)
    expected, _ = cut(scenes, 8, zooms=(1, 2, 4), seed=1)
    np.testing.assert_array_equal(upright, expected)


def test_photographs_of_sources_are_not_those_of_targets() -> None:
    assert not set(images.SCENES) & set(images.MATERIALS)


def test_patches_stay_within_their_part() -> None:
    rng = np.random.default_rng(0)
    photograph = np.full((60, 200), 40, np.uint8)
    photograph[:, :100] = rng.integers(0, 255, (60, 100))
    photograph[:, 100:] += np.arange(100, dtype=np.uint8)
    smooth, _ = cut({"one": photograph}, 20, part=(0.5, 1.0), zooms=(1,), seed=0)
    assert (np.abs(np.diff(smooth.astype(int), axis=2)) < 20).all()
    noisy, _ = cut({"one": photograph}, 20, part=(0.0, 0.5), zooms=(1,), seed=0)
    assert (np.abs(np.diff(noisy.astype(int), axis=2)).max(axis=(1, 2)) > 50).all()


def test_equalized_images_have_one_mean_and_contrast() -> None:
    rng = np.random.default_rng(0)
    dim = rng.integers(0, 60, (5, 28, 28), dtype=np.uint8)
    equal = equalized(np.concatenate([dim, np.full((1, 28, 28), 7, np.uint8)]))
    np.testing.assert_allclose(equal[:5].mean(axis=(1, 2)), 127.5, atol=2)
    np.testing.assert_allclose(equal[:5].std(axis=(1, 2)), 51, atol=2)
    assert (equal[5] == 128).all()


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_splits_are_disjoint_stratified_and_the_seeds(name: str) -> None:
    plan = TARGETS[name]
    found = draw(plan, seed=0)
    check(found, plan)
    again, other = draw(plan, seed=0), draw(plan, seed=1)
    np.testing.assert_array_equal(found.test[0], again.test[0])
    assert (found.train[0] != other.train[0]).any()


def test_splits_of_clothes(fashion: Path) -> None:
    plan = TargetPlan("clothing", 20, 20, 100, epochs=1)
    found = draw(plan, seed=0, data=fashion)
    assert [len(labels) for _, labels in (found.train, found.validation, found.test)] == [
        *(20, 20, 100)
    ]
    assert found.n_classes == 5
    assert found.test[0].min() > 10


def check(splits: ImageSplits, plan: TargetPlan) -> None:
    parts = (splits.train, splits.validation, splits.test)
    for (pixels, labels), size in zip(
        parts, (plan.n_train, plan.n_validation, plan.n_test), strict=True
    ):
        counts = np.bincount(labels)
        assert len(pixels) == len(labels) == size
        assert len(counts) == splits.n_classes
        assert counts.max() - counts.min() <= 0.25 * counts.mean()
    shown = [{image.tobytes() for image in pixels} for pixels, _ in parts]
    assert not shown[0] & shown[1]
    assert not shown[0] & shown[2]
    assert not shown[1] & shown[2]


def test_images_that_are_not_there_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="apt-get install dataset-fashion-mnist"):
        draw(TARGETS["clothing-few"], seed=0, data=tmp_path)
    with pytest.raises(InvalidInput, match="no images named 'cars'"):
        draw(TargetPlan("cars", 2, 2, 2, epochs=1), seed=0)
