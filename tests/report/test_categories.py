from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leafcode.report.categories import main_categories, read_categories

PATHS = st.lists(
    st.none() | st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(" > ".join),
    min_size=1,
    max_size=40,
)


@given(PATHS)
def test_every_item_gets_its_own_path_back(paths):
    table = read_categories(paths, " > ")
    assert [" > ".join(table.path(node)) or None for node in table.own.tolist()] == paths


def test_the_same_name_in_two_branches_is_two_categories():
    table = read_categories(["Pets > Food", "Home > Food"], " > ")
    assert table.own[0] != table.own[1]


def test_another_separator():
    assert read_categories(["a/b > c"], "/").names == ["a", "b > c"]


def test_no_paths_at_all():
    table = read_categories([None, None], " > ")
    assert table.own.tolist() == [-1, -1]
    assert main_categories(np.array([0, 0]), 1, table.ancestors).nodes.tolist() == [[-1, -1, -1]]


def by_hand(paths, top):
    """Main categories of one group, item by item: (path, share) pairs, and the purity."""
    labelled = [path.split(" > ") for path in paths if path]
    if not labelled:
        return [], None
    chosen = None
    for depth in range(max(map(len, labelled))):
        counts = Counter(" > ".join(p[: depth + 1]) for p in labelled if len(p) > depth)
        if depth == 0:
            purity = max(counts.values()) / len(labelled)
        if depth == 0 or max(counts.values()) / len(labelled) >= 0.5:
            chosen = counts
    shares = sorted((count / len(labelled) for count in chosen.values()), reverse=True)
    return [(chosen, share) for share in shares[:top]], purity


@given(PATHS, st.randoms())
def test_main_categories_agree_with_counting_by_hand(paths, random):
    groups = np.array([random.randrange(3) for _ in paths])
    table = read_categories(paths, " > ")
    found = main_categories(groups, 3, table.ancestors, top=2)
    for group in range(3):
        held = [path for path, g in zip(paths, groups, strict=True) if g == group]
        expected, purity = by_hand(held, 2)
        nodes = [node for node in found.nodes[group].tolist() if node >= 0]
        assert len(nodes) == len(expected)
        for node, share, (counts, wanted) in zip(nodes, found.shares[group], expected, strict=False):
            assert share == wanted
            labelled = sum(path is not None for path in held)
            assert counts[" > ".join(table.path(node))] / labelled == share
        assert found.top_share[group] == purity if purity is not None else np.isnan(found.top_share[group])
