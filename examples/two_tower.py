"""Two-tower retrieval on baskets: what the category tree adds to the in-batch softmax.

The query is the mean of the title embeddings of a basket's other products, the item is the product that is
missing. Each tower is a small network, trained with the in-batch softmax and its correction for popularity.
Four ways to use the tree, from not at all:

    plain       every other product of the batch is a negative
    correction  products of one category are no negatives, siblings half of one
    tree term   graded contrast on the item tower, over all products, also those that nobody bought yet
    both

Measured on the last fifth of the baskets, one product hidden in each: recall at 20 over all products, the
same for those that fewer than 5 training baskets hold, and the share of the 20 that are of the hidden
product's category.

    python examples/two_tower.py --data folder      # items.parquet and baskets.parquet
    python examples/two_tower.py --tiny             # a made-up shop, in seconds
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from basket_data import Shop, made_up_shop, read_shop
from leafcode import Grades, HierarchicalBatchSampler, LeafcodeError, ancestor_rows
from leafcode.evaluation import mean_interval, precision_at_k, recall_at_k
from leafcode.losses import graded_contrastive_loss, in_batch_softmax_loss
from leafcode.sampling import UniformBatchSampler

K = 20
METHODS = {
    "plain": (False, False),
    "correction": (True, False),
    "tree term": (False, True),
    "both": (True, True),
}
Int64Array = npt.NDArray[np.int64]


class Queries(NamedTuple):
    """Held-out queries: the products given (m, n) as a sparse matrix, and the hidden product (m,)."""

    given: sp.csr_array
    hidden: Int64Array


class TwoTower(nn.Module):
    """A network for baskets, and one for products."""

    def __init__(self, features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.query, self.item = (
            nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, dim)) for _ in range(2)
        )


def split(shop: Shop, queries: int, seed: int) -> tuple[sp.csr_array, Queries]:
    """Baskets (baskets, n) to train on, and queries from the last fifth; none has a single product."""
    lines = (np.ones(len(shop.item), np.float32), (shop.basket, shop.item))
    baskets = sp.csr_array(lines, shape=(int(shop.basket.max()) + 1, len(shop.texts)))
    baskets = baskets[np.flatnonzero(np.diff(baskets.indptr) > 1)]
    train, held = np.split(np.arange(baskets.shape[0]), [round(0.8 * baskets.shape[0])])
    rng = np.random.default_rng(seed)
    held = np.sort(rng.permutation(held)[:queries])
    given = baskets[held].copy()
    # One line of each basket, at random, becomes the hidden product.
    places = given.indptr[:-1] + rng.integers(np.diff(given.indptr))
    hidden = given.indices[places].astype(np.int64)
    given.data[places] = 0
    given.eliminate_zeros()
    return baskets[train], Queries(given, hidden)


def train_model(
    shop: Shop, baskets: sp.csr_array, method: tuple[bool, bool], seed: int, arguments: argparse.Namespace
) -> TwoTower:
    """Train the towers with the tree's correction, the tree term, both or none."""
    correction, tree_term = method
    torch.manual_seed(seed)
    vectors = torch.from_numpy(shop.vectors)
    model = TwoTower(vectors.shape[1], arguments.hidden, arguments.dim)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    lines = baskets.tocoo()
    sums = torch.from_numpy(baskets @ shop.vectors)  # of all products of a basket
    sizes = torch.from_numpy(np.diff(baskets.indptr)).float()
    counts = np.bincount(lines.coords[1], minlength=len(shop.texts))
    log_frequency = torch.from_numpy(np.log(np.maximum(counts, 1) / counts.sum())).float()
    grades = Grades.parse(arguments.grades, shop.tree.max_depth)
    ancestors = ancestor_rows(shop.tree, shop.nodes)
    examples = UniformBatchSampler(lines.nnz, arguments.batch_size, seed=seed, drop_last=True)
    relatives = HierarchicalBatchSampler(shop.nodes, shop.tree, batch_size=arguments.batch_size, seed=seed)
    for step in range(arguments.steps):
        batch = examples.step_batch(step)
        basket, item = (torch.from_numpy(places[batch].astype(np.int64)) for places in lines.coords)
        others = (sums[basket] - vectors[item]) / (sizes[basket] - 1)[:, None]
        relevance = (item[:, None] == item).float()  # a second copy of the product is no negative
        if correction:
            # The tree has nothing to say (NaN) about products without a category: they stay negatives.
            by_tree = torch.from_numpy(grades.matrix(ancestors[item.numpy()])).nan_to_num(0.0)
            relevance = torch.maximum(relevance, by_tree)
        loss = in_batch_softmax_loss(
            model.query(others),
            model.item(vectors[item]),
            relevance=relevance,
            log_frequency=log_frequency[item],
            temperature=arguments.temperature,
        ).loss
        if tree_term:
            related = relatives.step_batch(step)
            term = graded_contrastive_loss(
                model.item(vectors[torch.from_numpy(related)]),
                torch.from_numpy(grades.matrix(ancestors[related])),
                grades=grades.levels,
            )
            loss = loss + arguments.weight * term.loss
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return model


@torch.no_grad()
def measure(model: TwoTower, shop: Shop, queries: Queries, rare: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    """Recall at 20, that of the rare products, and the share of the hidden product's category."""
    vectors = torch.from_numpy(shop.vectors)
    items = F.normalize(model.item(vectors), dim=1)
    sizes = np.diff(queries.given.indptr)[:, None]
    means = torch.from_numpy((queries.given @ shop.vectors / sizes).astype(np.float32))
    ranked = np.concatenate(
        [best(model.query(means[rows]), items, queries.given[rows]) for rows in blocks(len(means))]
    )
    m, n = queries.given.shape
    relevant = sp.csr_array((np.ones(m), (np.arange(m), queries.hidden)), shape=(m, n))
    rarely = rare[queries.hidden]
    ancestors = ancestor_rows(shop.tree, shop.nodes)
    shares = precision_at_k(ranked, ancestors, ancestors[queries.hidden])
    return (
        recall_at_k(ranked, relevant, K),
        recall_at_k(ranked[rarely], relevant[rarely], K),
        float(shares[-1]),
    )


def best(query: Tensor, items: Tensor, given: sp.csr_array) -> Int64Array:
    """The products (m, 20) of the largest cosine, those already in the basket left out."""
    scores = F.normalize(query, dim=1) @ items.T
    scores[tuple(torch.from_numpy(places.astype(np.int64)) for places in given.tocoo().coords)] = -torch.inf
    return np.asarray(scores.topk(K).indices.numpy(), np.int64)


def blocks(count: int) -> list[slice]:
    """Slices of 512 rows."""
    return [slice(start, start + 512) for start in range(0, count, 512)]


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of items.parquet and baskets.parquet")
    parser.add_argument(
        "--embeddings", type=Path, help="vectors of the items, instead of embedding the titles"
    )
    parser.add_argument("--steps", type=int, default=1000, help="training steps (default: 1000)")
    parser.add_argument("--batch-size", type=int, default=512, help="lines in a batch (default: 512)")
    parser.add_argument("--hidden", type=int, default=256, help="hidden units (default: 256)")
    parser.add_argument("--dim", type=int, default=128, help="size of the embeddings (default: 128)")
    parser.add_argument("--temperature", type=float, default=0.07, help="of the softmax (default: 0.07)")
    parser.add_argument("--grades", default="1,0.5", help="'depth' or grades by distance (default: 1,0.5)")
    parser.add_argument("--weight", type=float, default=0.2, help="of the tree term (default: 0.2)")
    parser.add_argument("--queries", type=int, default=5000, help="held-out baskets at most (default: 5000)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each method (default: 3)")
    parser.add_argument("--tiny", action="store_true", help="a made-up shop, small towers and few steps")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.steps, arguments.batch_size, arguments.seeds = 80, 64, 2
        arguments.hidden, arguments.dim = 64, 32
    elif arguments.data is None:
        parser.error("give --data or --tiny")
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    shop = made_up_shop() if arguments.tiny else read_shop(arguments.data, arguments.embeddings)
    baskets, queries = split(shop, arguments.queries, seed=0)
    rare = np.bincount(baskets.indices, minlength=len(shop.texts)) < 5
    rarely = np.count_nonzero(rare[queries.hidden])
    print(f"{len(shop.texts):,} products, {baskets.shape[0]:,} baskets to train on, {len(queries.hidden):,}")
    print(f"queries, of which {rarely:,} look for a product in fewer than 5 training baskets\n")
    title = f"mean of {arguments.seeds} seeds, ± 95%"
    print(f"{title:26}{'recall@20':>16}{'rare products':>16}{'category':>16}")
    for name, method in METHODS.items():
        models = [train_model(shop, baskets, method, seed, arguments) for seed in range(arguments.seeds)]
        figures = np.array([measure(model, shop, queries, rare) for model in models])
        cells = [mean_interval(column) for column in figures.T]
        print(
            f"{name:26}" + "".join(f"{cell.mean:9.4f} ±{cell.high - cell.mean:.4f}" for cell in cells),
            flush=True,
        )


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
