import numpy as np
import pytest
from tests.audit.catalogues import moved_catalogue
from tests.oracles.audit import average_precision, margin

from leafcode.audit import KINDS, PROBABLE, AuditConfig, Kind, audit_labels, nearest_neighbors
from leafcode.audit.neighbors import unit_vectors
from leafcode.errors import InputError

CONFIG = AuditConfig(neighbors=15)


@pytest.fixture(scope="module")
def moved():
    return moved_catalogue()


@pytest.fixture(scope="module")
def audit(moved):
    return audit_labels(moved.embeddings, moved.nodes, moved.tree, CONFIG)


def same(one, other):
    return (
        np.array_equal(one.probability, other.probability)
        and np.array_equal(one.suggested, other.suggested)
        and np.array_equal(one.kind, other.kind)
        and np.array_equal(one.rates, other.rates)
        and (one.confusion != other.confusion).nnz == 0
    )


def test_moved_items_are_found(moved, audit):
    wrong = moved.nodes != moved.true
    unit = unit_vectors(moved.embeddings)
    baseline = max(average_precision(wrong, margin(unit, moved.nodes, k)) for k in (5, 10, 20))
    assert average_precision(wrong, audit.probability) > baseline + 0.03
    assert wrong[audit.order[: wrong.sum() // 2]].mean() > 0.9


def test_probabilities_and_rates_are_those_of_the_catalogue(moved, audit):
    wrong = moved.nodes != moved.true
    assert audit.probability.mean() == pytest.approx(wrong.mean(), abs=0.02)
    assert audit.rates.sum() == pytest.approx(1)
    branch = moved.nodes // 5 != moved.true // 5  # a root and its four leaves
    assert audit.rates == pytest.approx(
        [1 - wrong.mean(), branch.mean(), (wrong & ~branch).mean()], abs=0.025
    )


def test_what_is_found_is_named_and_placed(moved, audit):
    found = (audit.probability >= PROBABLE) & (moved.nodes != moved.true)
    assert (audit.suggested[found] == moved.true[found]).mean() > 0.9
    assert (audit.suggested != moved.nodes).all()
    branch = moved.nodes // 5 != moved.true // 5
    expected = np.where(branch, KINDS.index(Kind.WRONG_BRANCH), KINDS.index(Kind.WRONG_SIBLING))
    assert (audit.kind[found] == expected[found]).mean() > 0.9


def test_confusion_counts_the_items_of_each_category(moved, audit):
    rows = audit.confusion.sum(axis=1)
    sizes = np.bincount(moved.nodes, minlength=len(moved.tree))
    assert (rows <= sizes + 1e-9).all()
    assert rows.sum() == pytest.approx(len(moved.nodes), rel=0.05)  # the rest went to strangers


def test_equal_items_in_two_categories(moved):
    embeddings = np.concatenate([moved.embeddings, moved.embeddings[:3]])
    leaves = np.unique(moved.nodes)
    elsewhere = leaves[(np.searchsorted(leaves, moved.nodes[:3]) + 1) % len(leaves)]
    found = audit_labels(embeddings, np.append(moved.nodes, elsewhere), moved.tree, CONFIG)
    either = (found.probability >= PROBABLE) | (found.kind == KINDS.index(Kind.DUPLICATE_ELSEWHERE))
    assert either[:3].all()
    assert either[-3:].all()


def test_the_same_seed_gives_the_same(moved, audit):
    assert same(audit, audit_labels(moved.embeddings, moved.nodes, moved.tree, CONFIG))
    other = audit_labels(moved.embeddings, moved.nodes, moved.tree, AuditConfig(neighbors=15, seed=1))
    assert not same(audit, other)
    assert np.corrcoef(audit.probability, other.probability)[0, 1] > 0.9


def test_unlabelled_items_take_no_part(moved, audit):
    rng = np.random.default_rng(0)
    labelled = np.sort(rng.permutation(800)[:600])
    embeddings, nodes = rng.normal(size=(800, 24)).astype(np.float32), np.full(800, -1)
    embeddings[labelled], nodes[labelled] = moved.embeddings, moved.nodes
    found = audit_labels(embeddings, nodes, moved.tree, CONFIG)
    assert same(audit, found)
    assert np.array_equal(found.items, labelled)
    assert np.array_equal(found.neighbors.items, labelled[audit.neighbors.items])


def test_neighbours_that_are_at_hand(moved, audit):
    near = nearest_neighbors(unit_vectors(moved.embeddings), 15)
    assert same(audit, audit_labels(moved.embeddings, moved.nodes, moved.tree, CONFIG, neighbors=near))
    with pytest.raises(InputError, match=r"neighbors: found shape \(600, 15\); expected \(600, 14\)"):
        audit_labels(moved.embeddings, moved.nodes, moved.tree, AuditConfig(neighbors=14), neighbors=near)
    own = near._replace(items=np.roll(near.items, 1, axis=1))
    own.items[:, 0] = np.arange(600)
    with pytest.raises(InputError, match="its own neighbour"):
        audit_labels(moved.embeddings, moved.nodes, moved.tree, CONFIG, neighbors=own)


def test_blocks_and_a_sample_change_little(moved, audit, monkeypatch):
    monkeypatch.setattr("leafcode.audit.labels._BLOCK", 100)
    few = audit_labels(moved.embeddings, moved.nodes, moved.tree, AuditConfig(neighbors=15, sample=300))
    assert np.corrcoef(audit.probability, few.probability)[0, 1] > 0.9


def test_a_category_that_no_neighbour_has_is_rarely_suggested():
    """A drawn category stands for many others; it is no better place for that."""
    tree, embeddings, nodes, _ = moved_catalogue(n=600, branches=8, siblings=8, noise=0.6)
    config = AuditConfig(neighbors=5, strangers=1)
    found = audit_labels(embeddings, nodes, tree, config)
    of_neighbors = nodes[found.neighbors.items]
    there_is_another = (of_neighbors != nodes[:, None]).any(1)
    stranger = ~(of_neighbors == found.suggested[:, None]).any(1)
    assert stranger[there_is_another].mean() < 0.25


def test_two_categories_and_three_items_are_enough():
    moved = moved_catalogue(n=40)
    keep = [0, 1, int(np.flatnonzero(moved.nodes != moved.nodes[0])[0])]
    found = audit_labels(moved.embeddings[keep], moved.nodes[keep], moved.tree)
    assert found.neighbors.items.shape == (3, 2)
    assert np.isfinite(found.probability).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e, n: (e, n[:-1]), r"nodes: found shape \(39,\); expected one node for each of 40 items"),
        (lambda e, n: (e, np.where(n == n[0], n, -1)), "labelled items in 1 categories; expected at least 3"),
        (lambda e, n: (e[:2], n[:2]), "catalogue: found 2 labelled items"),
        (lambda e, n: (np.where(np.arange(40)[:, None] == 6, 0, e), n), "row 7: found a vector of length 0"),
        (lambda e, n: (e, np.where(np.arange(40) == 4, 99, n)), r"row 5: found node 99; .* \[0, 15\), or -1"),
        (
            lambda e, n: (
                np.where(np.arange(40)[:, None] == 6, np.nan, e),
                np.where(np.arange(40) < 5, -1, n),
            ),
            "row 7: found a vector of length nan",  # counted in the catalogue, not among the labelled
        ),
    ],
)
def test_what_is_wrong_is_named(change, message):
    moved = moved_catalogue(n=40)
    embeddings, nodes = change(moved.embeddings, moved.nodes)
    with pytest.raises(InputError, match=message):
        audit_labels(embeddings, nodes, moved.tree)
