import dataclasses

import numpy as np
import pytest
import torch
from tests.catalogues import OPTIONS
from tests.pipeline.fits import source

from leafcode.catalog import Engagement
from leafcode.errors import InputError, RunFolderError
from leafcode.pipeline import Run, fit
from leafcode.pipeline.engagement import engagement_vectors
from leafcode.pipeline.items import hold_out

THEMES = 6


def themed(items: int, seed: int = 0) -> tuple[Engagement, np.ndarray]:
    """Baskets of items of one theme, which is chance as far as text and tree go, and the themes.

    One item in five is in no basket: its theme is -1.
    """
    rng = np.random.default_rng(seed)
    themes = np.where(np.arange(items) % 5 == 4, -1, rng.integers(THEMES, size=items))
    basket, item = [], []
    for number in range(900):
        chosen = rng.choice(np.flatnonzero(themes == number % THEMES), 4, replace=False)
        basket += [number] * len(chosen)
        item += chosen.tolist()
    return Engagement.from_baskets(np.array(basket), np.array(item), items), themes


@pytest.fixture(scope="module")
def engaged(tmp_path_factory, catalogue):
    """A run with engagement, its catalogue, engagement and themes."""
    named = source(catalogue.items, catalogue.vectors)
    catalog = named.load()
    engagement, themes = themed(len(catalog))
    out = tmp_path_factory.mktemp("engaged") / "run"
    weights = {"engagement_weights": (1.0,), "contrast_weight": 0.4}
    options = dataclasses.replace(
        OPTIONS, engagement_dim=8, training=dataclasses.replace(OPTIONS.training, **weights)
    )
    run = fit(catalog, out, options, engagement=engagement, source=named, progress=False)
    return run, catalog, engagement, themes, options


def agreement(codes, labels):
    """Share of pairs with one first code among which the labels agree, over that among all pairs."""
    same_code = codes[:, None] == codes[None]
    same = labels[:, None] == labels[None]
    off = ~np.eye(len(codes), dtype=bool)
    return same[same_code & off].mean() / same[off].mean()


def test_first_codes_follow_engagement_where_it_is_known(engaged, fitted):
    run, catalog, _, themes, options = engaged
    known = ~hold_out(catalog, options.holdout, 0) & (themes >= 0)
    codes = run.ids()["c1"].to_numpy()[known]
    plain = Run.open(fitted).ids()["c1"].to_numpy()[known]
    assert agreement(codes, themes[known]) > 1.5
    assert agreement(plain, themes[known]) < 1.25


def test_vectors_are_those_of_training_items_with_history(engaged):
    _, catalog, engagement, themes, _ = engaged
    train = np.flatnonzero(np.arange(len(catalog)) % 3 > 0)
    vectors = engagement_vectors(catalog, engagement, train, 8, 0)
    lengths = np.linalg.norm(vectors, axis=1)
    expected = np.isin(np.arange(len(catalog)), train) & (themes >= 0)
    np.testing.assert_allclose(lengths, expected, atol=1e-6)
    # Items of one theme go with the same items.
    same = themes[expected][:, None] == themes[expected][None]
    cosines = vectors[expected] @ vectors[expected].T
    assert cosines[same].mean() > cosines[~same].mean() + 0.5


def test_items_without_history_are_coded_by_content_alone(engaged):
    run, catalog, _, _, options = engaged
    held_out = np.flatnonzero(hold_out(catalog, options.holdout, 0))
    alone = dataclasses.replace(
        catalog.subset(held_out), ids=np.array([f"new{place}" for place in held_out], object)
    )
    before = run.ids().select(["c1", "c2"]).take(held_out)
    assert run.encode(alone).select(["c1", "c2"]).equals(before)


def test_evaluate_finds_the_same_measures_again(engaged):
    run, catalog, *_ = engaged
    before = run.folder.read_metrics()
    again = run.evaluate(catalog, progress=False)
    assert again["prefix_accuracy"] == before["prefix_accuracy"]
    assert again["collision_rate"] == before["collision_rate"]
    assert again["baseline"]["lambda_0"] == before["baseline"]["lambda_0"]


def test_resumes_with_the_same_engagement_only(engaged):
    run, catalog, _, _, options = engaged
    other, _ = themed(len(catalog), seed=1)
    for wrong in (other, None):
        with pytest.raises(InputError, match="engagement"):
            fit(catalog, run.folder.path, options, engagement=wrong, source=run.source, resume=True)


def test_the_same_seed_gives_the_same_codes(engaged, tmp_path):
    run, catalog, engagement, _, options = engaged
    again = fit(catalog, tmp_path / "again", options, engagement=engagement, progress=False)
    earlier = run.ids()["semantic_id"].to_pylist()[: len(catalog)]
    assert again.ids()["semantic_id"].to_pylist() == earlier
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])


def test_works_without_a_tree(engaged, tmp_path):
    _, catalog, engagement, _, options = engaged
    bare = dataclasses.replace(catalog, taxonomy=None, nodes=np.full(len(catalog), -1))
    quick = dataclasses.replace(
        options, baselines=False, training=dataclasses.replace(options.training, contrast_weight="auto")
    )
    run = fit(bare, tmp_path / "run", quick, engagement=engagement, progress=False)
    assert run.model.engagement_weights == (1.0, 0.0)
    assert run.model.config.categories == 0


def test_engagement_that_cannot_be_used(engaged, tmp_path):
    _, catalog, _, _, options = engaged
    lonely = Engagement.from_baskets(np.array([0, 0]), np.array([0, 1]), len(catalog), min_support=1)
    few = Engagement.from_baskets(np.array([0, 0]), np.array([0, 1]), 5, min_support=1)
    for wrong, named in ((lonely, "at least 3"), (few, "5 items")):
        with pytest.raises(InputError, match=named):
            fit(catalog, tmp_path / "run", options, engagement=wrong, progress=False)
    assert not (tmp_path / "run").exists()


def test_damaged_vectors(engaged, tmp_path):
    run, catalog, *_ = engaged
    vectors = run.folder.load_engagement(len(catalog))
    assert vectors.shape == (len(catalog), run.model.config.engagement_dim)
    with pytest.raises(RunFolderError, match=r"engagement\.safetensors"):
        run.folder.load_engagement(3)
