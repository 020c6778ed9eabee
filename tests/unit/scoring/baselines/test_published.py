"""Agreement of the rival scores with what their published implementations returned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from discorank.scoring.baselines.gbc import gbc
from discorank.scoring.baselines.ncti import ncti
from discorank.scoring.baselines.parc import parc
from discorank.scoring.probe import Probe
from discorank.scoring.registry import get_scorer
from discorank.types import FloatArray, IntArray

DATA = Path(__file__).parents[3] / "data" / "reference"
EXPECTED: dict[str, dict[str, Any]] = json.loads((DATA / "expected.json").read_text())
PUBLISHED = {
    "logme": "logme_icml",
    "hscore": "hscore",
    "hscore-shrinkage": "hscore_regularized",
    "leep": "leep",
    "nce": "nce",
    "transrate": "transrate_eps1e-4",
    "sfda": "sfda",
    "lda": "lda_etran",
    "energy": "energy_logsumexp_mean",
}
DIGITS = "digits_efficientnet_lite0"
ALL_DIGITS = [name for name in EXPECTED if name.startswith("digits")]
NCTI_TERMS = "ncti_terms_all_nuc_cls_prob_log_cls_nuc"


def load(name: str, dtype: str | None = None) -> Probe:
    with np.load(DATA / f"{name}.npz") as arrays:
        features = arrays["features"] if dtype is None else arrays["features"].astype(dtype)
        return Probe(features, arrays["labels"], arrays.get("logits"))


@pytest.fixture(scope="module")
def probes() -> dict[str, Probe]:
    return {name: load(name) for name in EXPECTED}


def test_no_published_number_is_left_out() -> None:
    held_here = {*PUBLISHED.values(), "hscore_shrinkage_transformer_ranker", NCTI_TERMS}
    held_here |= {"gbc_spherical_pca64", "parc_pca32", "logme_fixed_point"}
    of_disco = {"disco_published", "lr_literal", "lr_literal_k64"}  # see scoring/test_reference.py
    assert {key for numbers in EXPECTED.values() for key in numbers} == held_here | of_disco


@pytest.mark.parametrize("scorer", PUBLISHED)
def test_agrees_with_the_published_code(scorer: str, probes: dict[str, Probe]) -> None:
    sets = [name for name in EXPECTED if PUBLISHED[scorer] in EXPECTED[name]]
    assert len(sets) >= 3
    for name in sets:
        expected = EXPECTED[name][PUBLISHED[scorer]]
        assert get_scorer(scorer)(probes[name]).value == pytest.approx(expected, rel=1e-9)


def test_shrinkage_agrees_with_a_second_implementation(probes: dict[str, Probe]) -> None:
    for name, probe in probes.items():
        expected = EXPECTED[name]["hscore_shrinkage_transformer_ranker"]  # in single precision
        assert get_scorer("hscore-shrinkage")(probe).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["full_rank_pca", "wide"])
def test_gbc_agrees_where_the_published_reduction_is_exact(
    name: str, probes: dict[str, Probe]
) -> None:
    expected = EXPECTED[name]["gbc_spherical_pca64"]  # in single precision
    assert gbc(probes[name]).value == pytest.approx(expected, rel=1e-6)


@pytest.fixture(scope="module")
def reductions(probes: dict[str, Probe]) -> dict[str, list[FloatArray]]:
    """Return the 64 components of each digits set: exact, then drawn as the published codes draw.

    Where features are large they reduce by scikit-learn's randomized solver and leave its seed
    open, so that a published number is one draw of many.
    """
    drawn = [PCA(64, svd_solver="randomized", random_state=seed) for seed in range(12)]
    reduced = {}
    for name in ALL_DIGITS:
        features = probes[name].Z.astype(np.float32)
        exact = PCA(64, svd_solver="full").fit_transform(features.astype(np.float64))
        reduced[name] = [exact, *(solver.fit_transform(features) for solver in drawn)]
    return reduced


def assert_is_one_of(draws: Any, expected: Any) -> None:
    mean, deviation = np.mean(draws, axis=0), np.std(draws, axis=0)
    assert (deviation > 1e-4 * np.abs(mean)).all()
    assert (np.abs(expected - mean) < 4 * deviation).all()


@pytest.mark.parametrize("name", ALL_DIGITS)
def test_gbc_differs_by_the_seed_of_the_published_reduction(
    name: str, probes: dict[str, Probe], reductions: dict[str, list[FloatArray]]
) -> None:
    expected = EXPECTED[name]["gbc_spherical_pca64"]
    exact, *draws = [gbc(Probe(T, probes[name].labels)).value for T in reductions[name]]
    assert gbc(probes[name]).value == pytest.approx(exact, rel=1e-6)
    assert_is_one_of(draws, expected)
    assert exact == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["full_rank_pca", "wide"])
def test_ncti_agrees_where_the_published_reduction_is_exact(
    name: str, probes: dict[str, Probe]
) -> None:
    expected = EXPECTED[name][NCTI_TERMS]  # in single precision
    np.testing.assert_allclose(ncti(probes[name]).terms, expected, rtol=1e-6)


def literal_ncti(T: FloatArray, y: IntArray) -> list[float]:
    """Return the terms as published where nothing is shrunk, as on the digits."""
    T = T.astype(np.float64)
    assert np.exp(-T[:, :32].var(axis=0).sum()) < 1e-10
    # "svd" as published, which before scikit-learn 1.9 divided by n_samples − n_classes.
    lda = LinearDiscriminantAnalysis(solver="eigen").fit(T, y)
    posteriors = lda.predict_proba(T)
    nuclear = [np.linalg.norm(posteriors[y == c], ord="nuc") for c in range(y.max() + 1)]
    projected = lda.transform(T)
    spread = np.linalg.norm(projected - projected.mean(axis=0), ord="nuc")
    return [spread, posteriors[np.arange(len(y)), y].mean(), np.log(sum(nuclear))]


@pytest.mark.parametrize("name", ALL_DIGITS)
def test_ncti_differs_by_the_seed_of_the_published_reduction(
    name: str, probes: dict[str, Probe], reductions: dict[str, list[FloatArray]]
) -> None:
    expected = EXPECTED[name][NCTI_TERMS]
    exact, *draws = [literal_ncti(T, probes[name].classes.ids) for T in reductions[name]]
    np.testing.assert_allclose(ncti(probes[name]).terms, exact, rtol=1e-6)
    assert_is_one_of(draws, expected)
    np.testing.assert_allclose(exact, expected, rtol=2e-3)


# Classes (of sample i, of a later sample j) between which 1 − the correlation of the one-hot labels
# came out a rounding above that of the other pairs, where the published numbers were made. It is
# held here as data because the linear algebra of another processor rounds other pairs.
ROUNDED_UP = {
    "full_rank_pca": [(0, 0)],
    "wide": [(3, 0)],
    **{name: [(7, 7), (8, 8), (9, 9)] for name in ALL_DIGITS},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_parc_differs_by_the_ranks_of_rounding(name: str, probes: dict[str, Probe]) -> None:
    probe, expected = probes[name], EXPECTED[name]["parc_pca32"]
    pca = PCA(32, svd_solver="randomized", iterated_power=1, random_state=1919)
    T = pca.fit_transform(np.asarray(probe.features, np.float32))
    i, j = np.triu_indices(len(T), 1)
    feature_distances = 1 - np.corrcoef((T - T.mean(axis=0)) / T.std(axis=0))[i, j]
    first, second = probe.classes.ids[i], probe.classes.ids[j]
    label_distances = (first != second).astype(float)
    literal = 100 * spearmanr(feature_distances, label_distances).statistic
    for a, b in ROUNDED_UP[name]:
        label_distances[(first == a) & (second == b)] += 1e-15
    published = 100 * spearmanr(feature_distances, label_distances).statistic
    assert published == pytest.approx(expected, rel=1e-5)  # in single precision
    assert abs(literal - expected) > 0.02
    # Apart from what bins merge in 150 samples; see the docstring.
    assert parc(probe, svd_solver="published").value == pytest.approx(literal, abs=2e-4)


def test_published_steps_of_logme_end_below_the_maximum_of_large_features() -> None:
    """The numbers of its docstring."""
    with np.load(DATA / f"{DIGITS}.npz") as arrays:
        scaled = [Probe(arrays["features"] * by, arrays["labels"]) for by in (1, 10, 30, 100)]
    logme = get_scorer("logme")
    values = [logme(probe).value for probe in scaled]
    assert values == pytest.approx([0.4378, 0.4341, 0.4090, 0.2631], abs=5e-5)
    maxima = [logme(probe, converged=True).value for probe in scaled]
    assert maxima == pytest.approx([0.4378] * 4, abs=5e-5)


@pytest.mark.parametrize("name", ["full_rank_pca", *ALL_DIGITS])
def test_logme_differs_from_the_fixed_point_form_where_that_is_wrong(
    name: str, probes: dict[str, Probe]
) -> None:
    probe, expected = probes[name], EXPECTED[name]["logme_fixed_point"]
    F = np.asarray(probe.features, np.float64)
    n, d = F.shape
    U, s, _ = np.linalg.svd(F, full_matrices=False)
    evidences, missing = [], []
    for y in np.eye(len(probe.classes.counts))[probe.classes.ids].T:
        x, alpha, beta = (U.T @ y) ** 2, 1.0, 1.0
        for _ in range(11):
            ratio = alpha / beta
            gamma = (s**2 / (s**2 + ratio)).sum()
            norm = (s**2 * x / (ratio + s**2) ** 2).sum()
            residual = (x / (1 + s**2 / ratio) ** 2).sum() + y @ y - x.sum()
            alpha, beta = gamma / (norm + 1e-5), (n - gamma) / (residual + 1e-5)
            if abs(alpha / beta - ratio) <= 1e-3 * ratio:
                break
        evidence = d * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * s**2).sum()
        evidence -= beta * residual + alpha * norm + n * np.log(2 * np.pi)
        evidences.append(evidence / 2 / n)
        missing.append((d - len(s)) * np.log(alpha) / 2 / n)  # d counted, but min(n, d) subtracted
    assert np.mean(evidences) == pytest.approx(expected, rel=1e-6)
    right = np.mean(evidences) - np.mean(missing)
    assert get_scorer("logme")(probe).value == pytest.approx(right, rel=1e-3)
    assert (abs(np.mean(missing)) > 1.0) == (n < d)
