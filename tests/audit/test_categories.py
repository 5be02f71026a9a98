import numpy as np
import pytest

from leafcode.audit import AuditConfig, CategoryKind, audit_categories, audit_labels, findings_table
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

PATHS = ["tea > green", "tea > black", "tea > herbal", "food > cakes", "food > bread", "drinks > herbal"]


@pytest.fixture(scope="module")
def catalogue():
    """Green and black tea look the same, herbal tea stands in two places, cakes are of two kinds."""
    rng = np.random.default_rng(0)
    tree, categories = Taxonomy.from_paths(PATHS)
    centers = 4 * np.eye(6, 32)[[0, 0, 1, 2, 3, 1]]
    place = np.repeat(np.arange(6), [50, 40, 45, 60, 40, 45])
    vectors = centers[place] + rng.normal(size=(len(place), 32)) * 0.5
    vectors[(place == 3) & (np.arange(len(place)) % 2 == 0), 8] += 5
    nodes = np.append(categories[place], [-1] * 10)
    embeddings = np.concatenate([vectors, np.zeros((10, 32))]).astype(np.float32)
    shuffled = rng.permutation(len(nodes))
    return tree, embeddings[shuffled], nodes[shuffled]


@pytest.fixture(scope="module")
def audit(catalogue):
    tree, embeddings, nodes = catalogue
    return audit_labels(embeddings, nodes, tree, AuditConfig(neighbors=15))


@pytest.fixture(scope="module")
def findings(catalogue, audit):
    tree, embeddings, nodes = catalogue
    return audit_categories(audit, embeddings, nodes, tree)


def test_what_is_found(catalogue, findings):
    tree = catalogue[0]
    named = {(f.kind, frozenset(tree.keys[v] for v in (f.node, f.other) if v >= 0)) for f in findings}
    assert named == {
        (CategoryKind.MERGE, frozenset({"tea > green", "tea > black"})),
        (CategoryKind.OVERLAP, frozenset({"tea > herbal", "drinks > herbal"})),
        (CategoryKind.SPLIT, frozenset({"food > cakes"})),
    }


def test_figures_and_examples(catalogue, findings):
    _, embeddings, nodes = catalogue
    for found in findings:
        assert 0 <= found.score <= 1
        sides = (found.node, found.node if found.kind == CategoryKind.SPLIT else found.other)
        for side, examples in zip(sides, found.examples, strict=True):
            assert (nodes[examples] == side).all()
            assert len(examples) == 3
    merge, overlap, split = findings
    assert sorted(merge.items) == [40, 50]
    assert overlap.items == (45, 45)
    assert overlap.score < min(overlap.share)
    assert split.items == (30, 30)
    assert split.share == (0.5, 0.5)
    first, second = (embeddings[examples, 8] > 2.5 for examples in split.examples)
    assert (first.all() and not second.any()) or (second.all() and not first.any())


def test_the_same_seed_gives_the_same(catalogue, audit, findings):
    tree, embeddings, nodes = catalogue
    again = audit_categories(audit, embeddings, nodes, tree)
    assert [f[:-1] for f in again] == [f[:-1] for f in findings]


def test_as_a_table(catalogue, findings):
    tree, _, nodes = catalogue
    table = findings_table(findings, tree, [f"i{n}" for n in range(len(nodes))])
    rows = table.to_pylist()
    assert [row["kind"] for row in rows] == ["merge", "overlap", "split"]
    assert rows[2]["path"] == "food > cakes"
    assert rows[2]["other_path"] is None
    assert [row["items"] for row in rows] == [f.items[0] for f in findings]
    for row, found in zip(rows, findings, strict=True):
        assert row["other_examples"] == [f"i{n}" for n in found.examples[1]]
    empty = findings_table([], tree, [])
    assert empty.num_rows == 0
    assert empty.schema == table.schema


def test_other_items_than_were_audited(catalogue, audit):
    tree, embeddings, nodes = catalogue
    for wrong in (nodes[:-1], np.where(np.arange(len(nodes)) == audit.items[0], -1, nodes)):
        with pytest.raises(InputError, match=r"those of the 280 items that were audited"):
            audit_categories(audit, embeddings, wrong, tree)
