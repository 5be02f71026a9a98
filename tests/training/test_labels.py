import numpy as np
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.training.labels import Labels

TREE, NODES = Taxonomy.from_paths(["a > b", "a > c", "a > b", "d > e > f", "d > e > f", "a"])


@pytest.mark.parametrize("nodes", [NODES[:-1], NODES[:, None]])
def test_there_is_a_node_for_each_item(nodes):
    with pytest.raises(InputError, match=r"nodes: found shape .*expected one node for each of 6 items"):
        Labels.of(6, nodes, TREE)


@pytest.mark.parametrize("trust", [np.ones(3), np.full(6, 1.5), np.full(6, np.nan), np.full(6, -0.1)])
def test_trust_out_of_range(trust):
    with pytest.raises(InputError, match="trust"):
        Labels.of(6, NODES, TREE, trust=trust)


@pytest.mark.parametrize("places", [np.zeros((6, 2), int), np.zeros(6, int), np.zeros((3, 1), int)])
def test_places_must_begin_with_the_nodes(places):
    with pytest.raises(InputError, match=r"places: found .*expected shape \(6, P\)"):
        Labels.of(6, NODES, TREE, places=places)


def test_categories_that_can_be_told_apart():
    labels = Labels.of(7, np.append(NODES, -1), TREE)
    assert labels.categories(np.arange(7)) == (6, 3)  # b, c and f; the last item but one may lie in either
    assert labels.categories(np.array([3, 4, 6])) == (2, 1)
    assert labels.categories(np.array([6])) == (0, 0)
    assert Labels.of(7, np.append(NODES, -1), None).categories(np.arange(7)) == (0, 0)


def test_what_makes_another_training_has_another_checksum():
    trust, places = np.linspace(0, 1, 6), np.stack([NODES, np.roll(NODES, 1)], 1)
    assert Labels.of(6, NODES, TREE).digests() == {}
    both = Labels.of(6, NODES, TREE, trust, places).digests()
    assert both == Labels.of(6, NODES, TREE, trust.astype(np.float32), places).digests()
    assert set(both) == {"trust", "places"}
    assert Labels.of(6, NODES, TREE, trust / 2, places).digests()["trust"] != both["trust"]
    assert Labels.of(6, NODES, TREE, trust, places[:, :1]).digests()["places"] != both["places"]
