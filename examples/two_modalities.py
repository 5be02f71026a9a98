"""Two modalities of an item in one space: its title, and what it is bought with.

Titles come as sentence embeddings, baskets as co-purchase vectors (the decomposed PPMI matrix of the
products). A small network for each is trained with the cross-modal loss, once as CLIP does it (nothing but
the item itself is relevant) and then with the category tree: between the modalities, and within each of them
too. All see the same hierarchical batches.

    CLIP            only the item's own other modality is a positive
    tree between    products of one category are positives, siblings graded ones
    tree and within the same, and the tree orders each modality by itself

Measured on held-out products that have both: recall at 10 of the item's own other modality among all held-out
ones, mean of both directions, and the share of a title's 10 nearest co-purchase vectors of training products
that have its category.

    python examples/two_modalities.py --data folder      # items.parquet and baskets.parquet
    python examples/two_modalities.py --tiny             # a made-up shop, in seconds
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

from basket_data import made_up_shop, read_shop, unit
from leafcode import Grades, HierarchicalBatchSampler, LeafcodeError
from leafcode.catalog import Engagement, split_by_content
from leafcode.evaluation import mean_interval, precision_at_k, recall_at_k
from leafcode.losses import CrossModalLoss

K = 10


class Method(NamedTuple):
    """Whether the tree is used, and the weight of the parts within the modalities."""

    tree: bool
    within: float


METHODS = {
    "CLIP": Method(False, 0.0),
    "tree between": Method(True, 0.0),
    "tree and within": Method(True, 0.5),
}


class Modalities(NamedTuple):
    """Products with both modalities.

    Attributes:
        title: (n, D) of unit length.
        bought: (n, E) of unit length: co-purchase vectors.
        nodes: (n,) categories.
        ancestors: (n, depth) rows of the tree.
    """

    title: Tensor
    bought: Tensor
    nodes: npt.NDArray[np.int32]
    ancestors: npt.NDArray[np.int32]

    def part(self, rows: npt.NDArray[np.int64]) -> Modalities:
        """Some of the products."""
        places = torch.from_numpy(rows)
        return Modalities(self.title[places], self.bought[places], self.nodes[rows], self.ancestors[rows])


class TwoEncoders(nn.Module):
    """A network for titles, and one for co-purchase vectors."""

    def __init__(self, title: int, bought: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.title, self.bought = (
            nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, dim))
            for size in (title, bought)
        )


def train_model(
    data: Modalities,
    sampler: HierarchicalBatchSampler,
    method: Method,
    seed: int,
    options: argparse.Namespace,
) -> TwoEncoders:
    """Train both encoders."""
    torch.manual_seed(seed)
    model = TwoEncoders(data.title.shape[1], data.bought.shape[1], options.hidden, options.dim)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    grades = Grades.parse(options.grades, data.ancestors.shape[1])
    criterion = CrossModalLoss(method.within, grades.levels, temperature=options.temperature)
    for step in range(options.steps):
        rows = sampler.step_batch(step)
        by_tree = torch.from_numpy(grades.matrix(data.ancestors[rows]))
        relevance = by_tree if method.tree else torch.eye(len(rows))
        places = torch.from_numpy(rows)
        output = criterion(model.title(data.title[places]), model.bought(data.bought[places]), relevance)
        optimizer.zero_grad()
        torch.autograd.backward(output.loss)
        optimizer.step()
    return model


@torch.no_grad()
def measure(model: TwoEncoders, train: Modalities, test: Modalities) -> list[float]:
    """Recall at 10 of the own other modality, and precision at 10 for each depth of the tree."""
    title, bought = model.title(test.title), model.bought(test.bought)
    own = sp.eye_array(len(title), format="csr")
    recall = [recall_at_k(nearest(one, other), own, K) for one, other in ((title, bought), (bought, title))]
    found = nearest(title, model.bought(train.bought))
    return [float(np.mean(recall)), *precision_at_k(found, train.ancestors, test.ancestors).tolist()]


def nearest(queries: Tensor, items: Tensor) -> npt.NDArray[np.int64]:
    """The 10 items (m, 10) of the largest cosine to each query."""
    items = F.normalize(items, dim=1)
    blocks = [(F.normalize(rows, dim=1) @ items.T).topk(K).indices for rows in torch.split(queries, 1024)]
    return np.asarray(torch.cat(blocks).numpy(), np.int64)


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of items.parquet and baskets.parquet")
    parser.add_argument("--embeddings", type=Path, help="vectors of the items, instead of embedding titles")
    parser.add_argument("--bought-dim", type=int, default=64, help="of co-purchase vectors (default: 64)")
    parser.add_argument("--steps", type=int, default=500, help="training steps (default: 500)")
    parser.add_argument("--batch-size", type=int, default=256, help="items in a batch (default: 256)")
    parser.add_argument("--hidden", type=int, default=256, help="hidden units (default: 256)")
    parser.add_argument("--dim", type=int, default=128, help="size of the embeddings (default: 128)")
    parser.add_argument("--temperature", type=float, default=0.07, help="of the loss (default: 0.07)")
    parser.add_argument("--grades", default="1,0.5", help="'depth' or grades by distance (default: 1,0.5)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each method (default: 3)")
    parser.add_argument("--tiny", action="store_true", help="a made-up shop, small encoders and few steps")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.steps, arguments.batch_size, arguments.seeds = 60, 48, 2
        arguments.bought_dim, arguments.hidden, arguments.dim = 16, 32, 16
    elif arguments.data is None:
        parser.error("give --data or --tiny")
    return arguments


def main() -> None:
    """Run the example."""
    options = read_arguments()
    shop = made_up_shop() if options.tiny else read_shop(options.data, options.embeddings)
    engagement = Engagement.from_baskets(shop.basket, shop.item, len(shop.texts))
    print(engagement)
    rows = np.flatnonzero(engagement.has_history & (shop.nodes >= 0))
    data = Modalities(
        torch.from_numpy(shop.vectors[rows]),
        torch.from_numpy(unit(engagement.vectors(options.bought_dim)[rows])),
        shop.nodes[rows],
        shop.tree.ancestors[shop.nodes[rows]],
    )
    held_out = split_by_content([shop.texts[row] for row in rows.tolist()], 0.2, seed=0)
    train, test = data.part(np.flatnonzero(~held_out)), data.part(np.flatnonzero(held_out))
    print(f"{len(train.nodes):,} products to train on, {len(test.nodes):,} held out\n")
    depths = [f"depth {depth + 1}" for depth in range(shop.tree.max_depth)]
    title = f"mean of {options.seeds} seeds, ± 95%"
    print(f"{title:26}" + "".join(f"{name:>16}" for name in ("recall@10", *depths)))
    for name, method in METHODS.items():
        figures = []
        for seed in range(options.seeds):
            sampler = HierarchicalBatchSampler(
                train.nodes, shop.tree, batch_size=options.batch_size, seed=seed
            )
            figures.append(measure(train_model(train, sampler, method, seed, options), train, test))
        cells = [mean_interval(column) for column in np.array(figures).T]
        line = "".join(f"{cell.mean:9.4f} ±{cell.high - cell.mean:.4f}" for cell in cells)
        print(f"{name:26}{line}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
