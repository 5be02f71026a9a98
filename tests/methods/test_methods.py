"""What every method promises; a method that is added runs through it by itself."""

import dataclasses

import numpy as np
import pytest
import torch
from tests.methods.tasks import SHAPE, new_items, task_of
from tests.training.catalogues import DIM, SIZES, catalogue

from leafcode.errors import InputError, TrainingError
from leafcode.methods import METHODS
from leafcode.taxonomy import Taxonomy


@pytest.fixture(scope="module", params=METHODS.values(), ids=METHODS)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def trained(method):
    return method.train(task_of())


def equal(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_names():
    assert list(METHODS) == [method.name for method in METHODS.values()]
    assert len({method.title for method in METHODS.values()}) == len(METHODS)
    assert all(name.isidentifier() for name in METHODS)


def test_strengths_ascend(method):
    assert list(method.strengths) == sorted(set(method.strengths))
    assert all(strength > 0 for strength in method.strengths)
    assert method.uses_tree or not method.strengths


@pytest.mark.parametrize("items", [catalogue()[0], new_items()], ids=["trained on", "new"])
def test_it_encodes_items_without_their_categories(trained, items):
    encoded = trained.encode(items)
    assert encoded.codes.shape == (len(items), len(SIZES))
    assert encoded.codes.dtype == np.int64
    assert (encoded.codes >= 0).all()
    assert (encoded.codes < SIZES).all()
    assert encoded.reconstructions.shape == (len(items), DIM)
    assert encoded.quantized.shape[0] == len(items)
    assert np.isfinite(encoded.quantized).all()
    assert np.isfinite(encoded.reconstructions).all()


def test_codes_stand_for_content(trained):
    embeddings, _, _ = catalogue()
    encoded = trained.encode(embeddings)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    error = ((unit - encoded.reconstructions) ** 2).sum(1).mean()
    assert error < 0.6 * ((unit - unit.mean(0)) ** 2).sum(1).mean()
    assert len(np.unique(encoded.codes, axis=0)) > SIZES[0]


def test_settings_are_finite_numbers(trained):
    assert all(np.isfinite(value) for value in trained.settings.values())


def test_the_seed_decides(method, trained):
    random, numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.random.fork_rng():
        torch.manual_seed(11)
        again = method.train(task_of())
    assert torch.equal(torch.get_rng_state(), random)
    assert (np.random.get_state()[1] == numpy).all()  # noqa: NPY002
    items = new_items()
    assert equal(trained.encode(items), again.encode(items))
    assert trained.settings == again.settings
    assert not equal(trained.encode(items), method.train(task_of(seed=4)).encode(items))


def test_codes_do_not_depend_on_the_rows_beside_them(trained):
    items = new_items()
    order = np.random.default_rng(0).permutation(len(items))
    whole = trained.encode(items).codes
    np.testing.assert_array_equal(trained.encode(items[order]).codes, whole[order])
    np.testing.assert_array_equal(trained.encode(items[7:8]).codes, whole[7:8])


def test_categories_matter_exactly_where_they_are_used(method, trained):
    embeddings, nodes, tree = catalogue()
    shuffled = np.random.default_rng(0).permutation(nodes)
    other = method.train(task_of((embeddings, shuffled, tree)))
    items = new_items()
    assert equal(trained.encode(items), other.encode(items)) == (not method.uses_tree)


def test_embeddings_in_half_precision_on_disk(method, tmp_path):
    embeddings, nodes, tree = catalogue()
    half = embeddings.astype(np.float16)
    np.save(tmp_path / "e.npy", half)
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    first, second = (method.train(task_of((each, nodes, tree))) for each in (mapped, half.astype(np.float32)))
    assert equal(first.encode(mapped), second.encode(half))


@pytest.mark.parametrize("strength", [0.1, 2.0])
def test_a_strength_is_taken_and_told(method, strength):
    if not method.strengths:
        pytest.skip("has none")
    weak = method.train(task_of(), strength)
    assert strength in weak.settings.values()


def test_uneven_depths_and_single_items(method):
    """Leaves of one item, items on inner nodes, a root without children, and most items unlabelled."""
    embeddings, _, _ = catalogue()
    paths = [None] * len(embeddings)
    for place in range(60):
        paths[place] = ["A", "A > x", "A > x > deep", "A > y", "B", f"C > single {place}"][place % 6]
    tree, nodes = Taxonomy.from_paths(paths)
    encoded = method.train(task_of((embeddings, nodes, tree))).encode(embeddings)
    assert np.isfinite(encoded.reconstructions).all()


def test_without_categories(method):
    embeddings, nodes, tree = catalogue()
    for data in (
        (embeddings, np.full_like(nodes, -1), None),
        (embeddings, np.where(nodes < 0, -1, nodes[0]), tree),
    ):
        if not method.strengths:
            method.train(task_of(data))
        else:
            with pytest.raises(TrainingError, match="categor"):
                method.train(task_of(data), 1.0)


def test_fewer_items_than_codes(method):
    embeddings, nodes, tree = catalogue()
    task = task_of((embeddings[::18], nodes[::18], tree))
    with pytest.raises((InputError, TrainingError)):
        method.train(dataclasses.replace(task, shape=dataclasses.replace(SHAPE, sizes=(16, 4))), 1.0)
