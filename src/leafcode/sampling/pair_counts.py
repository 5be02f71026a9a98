"""How many pairs of each kind a batch holds: same category, siblings, each depth at which two items meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from leafcode.errors import InputError
from leafcode.sampling.epoch import check_integer
from leafcode.sampling.hierarchical import HierarchicalBatchSampler
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import beneath, items_per_node


@dataclass(frozen=True)
class PairCounts:
    """Unordered pairs of labelled items by their relation in the tree; averages may be fractions.

    Attributes:
        items: Labelled items.
        same: Pairs of one category.
        by_depth: Pairs of two categories, neither above the other, by the depth of their lowest common
            ancestor: index 0 for none, 1 for a root, and so on to one less than the depth of the tree.
        siblings: Those of `by_depth` whose categories are children of one node.
        left_open: Pairs of a category and one of its ancestors, which take part in nothing.
        with_partner: Items that have another item of their category beside them.
    """

    items: float
    same: float
    by_depth: tuple[float, ...]
    siblings: float
    left_open: float
    with_partner: float

    @property
    def pairs(self) -> float:
        """All of them."""
        return self.same + sum(self.by_depth) + self.left_open


def count_pairs(nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy) -> PairCounts:
    """Pairs among some items, such as a batch; counted by category, not pair by pair.

    Args:
        nodes: Integers (n,), node of each item, -1 for unlabelled items, which count in nothing.
        taxonomy: The tree.

    Raises:
        InputError: A node is not in the tree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "A", "B"])
        >>> count_pairs(nodes, tree)
        PairCounts(items=5, same=1.0, by_depth=(4.0, 2.0), siblings=2.0, left_open=3.0, with_partner=2)
    """
    filed = items_per_node(taxonomy, nodes)
    n, depth = len(taxonomy), taxonomy.max_depth
    held = beneath(taxonomy, filed)
    same, open_pairs = _pairs(filed), filed * (held - filed)
    # Pairs that meet at a node: all beneath it, less those that meet beneath one of its children.
    above = taxonomy.parents + 1  # 0 is the virtual root
    in_children = np.bincount(above, _pairs(held), n + 1)
    all_pairs = np.append(_pairs(filed.sum()), _pairs(held))
    meeting = all_pairs - in_children - np.append(0, same + open_pairs)
    by_depth = np.bincount(np.append(0, taxonomy.depths), meeting, depth + 1)
    family = np.bincount(above, filed, n + 1)[1:]
    siblings = (_pairs(family) - np.bincount(above, same, n + 1)[1:]).sum()
    return PairCounts(
        items=int(filed.sum()),
        same=float(same.sum()),
        # At the depth of the tree a category meets itself alone.
        by_depth=tuple(by_depth[:depth].tolist()),
        siblings=float(siblings),
        left_open=float(open_pairs.sum()),
        with_partner=int(filed[filed > 1].sum()),
    )


def expected_uniform(nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy, batch_size: int) -> PairCounts:
    """What a batch of labelled items drawn uniformly, without repetition, holds on average.

    Exact: each pair of items is in the batch with the probability B (B - 1) / (N (N - 1)), and the others of
    an item's category that are drawn beside it follow a hypergeometric law.

    Args:
        nodes: Integers (n,), node of each item, -1 for unlabelled items.
        taxonomy: The tree.
        batch_size: B, at most the number N of labelled items.

    Raises:
        InputError: There are fewer labelled items, or a node is not in the tree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "A", "B"])
        >>> found = expected_uniform(nodes, tree, 2)
        >>> round(found.same, 3), round(found.with_partner, 3), round(found.pairs, 3)
        (0.1, 0.2, 1.0)
    """
    everything = count_pairs(nodes, taxonomy)
    labelled = int(everything.items)
    batch_size = check_integer("batch_size", batch_size, 2)
    if batch_size > labelled:
        raise InputError("batch_size", f"{batch_size:,}", f"at most the {labelled:,} labelled items")
    share = batch_size * (batch_size - 1) / (labelled * (labelled - 1))
    filed = items_per_node(taxonomy, nodes).astype(np.float64)
    alone = np.exp(_log_choose(labelled - filed, batch_size - 1) - _log_choose(labelled - 1, batch_size - 1))
    return PairCounts(
        items=batch_size,
        same=everything.same * share,
        by_depth=tuple(count * share for count in everything.by_depth),
        siblings=everything.siblings * share,
        left_open=everything.left_open * share,
        with_partner=float(batch_size / labelled * (filed * (1 - alone)).sum()),
    )


def average_hierarchical(
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    batch_size: int,
    *,
    items_per_category: int = 4,
    batches: int = 16,
    seed: int = 0,
) -> PairCounts:
    """What batches of a `HierarchicalBatchSampler` hold, averaged over the first few.

    Args:
        nodes: Integers (n,), node of each item, -1 for unlabelled items.
        taxonomy: The tree.
        batch_size: Items in a batch.
        items_per_category: Of the sampler.
        batches: Number of batches to draw.
        seed: Of the sampler.

    Raises:
        InputError: The sampler refuses the batch size, or there are fewer labelled items.

    Example:
        >>> paths = [f"{root} > {leaf}" for root in "ABC" for leaf in "xyz" for _ in range(10)]
        >>> tree, nodes = Taxonomy.from_paths(paths)
        >>> found = average_hierarchical(nodes, tree, 16)
        >>> found.pairs, found.same > expected_uniform(nodes, tree, 16).same
        (120.0, True)
    """
    check_integer("batches", batches, 1)
    nodes = np.asarray(nodes)
    sampler = HierarchicalBatchSampler(
        nodes,
        taxonomy,
        batch_size=batch_size,
        items_per_category=items_per_category,
        num_batches=batches,
        seed=seed,
    )
    drawn = [count_pairs(nodes[sampler.batch(index)], taxonomy) for index in range(batches)]

    def mean(name: str) -> float:
        return float(np.mean([getattr(one, name) for one in drawn]))

    return PairCounts(
        items=batch_size,
        same=mean("same"),
        by_depth=tuple(np.mean([one.by_depth for one in drawn], axis=0).tolist()),
        siblings=mean("siblings"),
        left_open=mean("left_open"),
        with_partner=mean("with_partner"),
    )


def _pairs(count: Any) -> Any:  # noqa: ANN401 - a number or an array
    return count * (count - 1) / 2


def _log_choose(n: Any, k: float) -> Any:  # noqa: ANN401 - a number or an array
    """Logarithm of the binomial coefficient; minus infinity where n < k."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(np.maximum(n - k, 0) + 1.0)
    return np.where(np.asarray(n) < k, -np.inf, value)
